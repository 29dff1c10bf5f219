"""The command line: which setting wins, and one line for everything that is wrong."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from helpers.asking import Capture, Command, failure, output

from bench.cli import main
from bench.config import RunConfig
from bench.data import cards
from bench.errors import BenchError

# --- 2: the words were off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("frobnicate", 'Unknown command "frobnicate". Available commands: data, list, '),
        ("run --varaint plain", "Unknown option: --varaint. Did you mean --variant?"),
        ("run --lr 1e-3", "Unknown option: --lr. Did you mean --train.lr? See --help."),
        ("run --frames=8", "Unknown option: --frames. Did you mean --video.frames? See --help."),
        ("run --size 64", "Unknown option: --size. Did you mean --model.size or --video.size? See --help."),
        ("run --init_std 0", "Unknown option: --init_std. Did you mean --hp.init_std? See --help."),
        ("run --device gpu", "--device takes auto, cpu, cuda, cuda:N or mps, not 'gpu'."),
        ("run --track paper", 'Invalid value "paper" for --track. Choose from: "none", "tensorboard", "wandb"'),
        ("check-variant additve_text", "'additve_text' is no variant. Did you mean additive_text?"),
        ("check-variant film_text --hp.depth 3", "the variant 'film_text' has no hyperparameter 'depth'."),
        ("completion tcsh", 'Invalid value "tcsh" for SHELL.'),
        ("run more", "'more': neither an option nor the value of one."),
        ("run --hp 3", "--hp is a group of settings: write --hp.NAME VALUE."),
        ("run --variant additve_text", "'additve_text' is no variant. Did you mean additive_text?"),
        ("run --dataset msrvt", "'msrvt' is no dataset. Did you mean msrvtt or msvd?"),
        ("run --dataset msrvtt --init random", "where is msrvtt? --root DIR"),
        ("run --dataset msrvtt --root .", "msrvtt needs initial weights: --init random; --model hf:DIR_OR_NAME"),
        ("run --variant additive_text --hp.init_sdt 1", "no hyperparameter 'init_sdt'. Did you mean init_std?"),
        ("run --hp.init_std 1", "the variant 'plain' has no hyperparameter 'init_std'. It has none."),
        ("run --variant additive_text --hp.init_std much", "additive_text's init_std takes float, not 'much'."),
        ("run --train.epochs many", 'Invalid value for --train.epochs: "many" is no whole number.'),
        ("run --train.epochs 1.5", 'Invalid value for --train.epochs: "1.5" is no whole number.'),
        ("run --train.lr fast", 'Invalid value for --train.lr: unable to convert "fast" into float.'),
        ("run --train.lr -1", "--train.lr takes a number above 0, not -1.0."),
        ("run --train.lr", "--train.lr requires an argument"),
        ("run --train=3", "--train is a group of settings: write --train.NAME VALUE."),
        ("run --emotions sad", 'Invalid value "sad" for --emotions. Choose from: "true", "shuffled", "zeroed"'),
        ("run --train.emotions random", 'Invalid value "random" for --train.emotions.'),
        ("run --faces.pooling min", 'Invalid value "min" for --faces.pooling.'),
        ("grid nowhere", "nowhere"),
        (
            "faces --backend deepfake --videos . --out faces.parquet",
            "'deepfake' is no face backend. Did you mean deepface?",
        ),
        ("run --captions some", 'Invalid value "some" for --captions. Choose from: "sampled", "joined".'),
        ("run --missing never", 'Invalid value "never" for --missing. Choose from: "stop", "skip".'),
        ("run --plugin none.py", "no plugin file at none.py."),
        ("run --config none.yaml", "none.yaml cannot be read: No such file or directory."),
        ("compare --format xml", 'Invalid value "xml" for --format. Choose from: "terminal", "markdown"'),
        ("list variant", 'Unknown command "variant". Did you mean "variants"?'),
        ("emotions", "give one text or one file"),
        ("emotions happy --file captions.txt", "give one text or one file"),
        ("data prepare", "--dataset requires an argument"),
        ("data prepare msrvt", "'msrvt' is no dataset. Did you mean msrvtt or msvd?"),
        ("data prepare msrvtt", "where is msrvtt? --root DIR"),
        ("data prepare msrvtt --root nowhere", "nowhere is no folder."),
        (
            "data download moodclips --root .",
            "the card of moodclips has no address to download from. Next: bench data prepare moodclips --root .",
        ),
        ("data compress --root nowhere", "there is no folder nowhere"),
        ("data compress --root . --workers 1.5", '"1.5" is no whole number.'),
        ("search joy --videos . -k 2.5", '"2.5" is no whole number.'),
        ("demo . --port 1.5", '"1.5" is no whole number.'),
        ("faces --backend sidecar --videos . --frames 1.5", '"1.5" is no whole number.'),
        ("faces --backend sidecar --videos . --workers 2e0", '"2e0" is no whole number.'),
        ("doctor --dataset msrvt", "'msrvt' is no dataset. Did you mean msrvtt or msvd?"),
        ("doctor --train.lr x", "Invalid value for --train.lr"),
    ],
)
def test_words_that_are_off_are_one_line_and_exit_with_2(words: str, line: str, capsys: Capture) -> None:
    code, said = failure(words.split(), capsys)
    assert code == 2
    assert line in said


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"split": "8k"}, "msrvtt has no train split '8k'. It has: 7k, 9k, 6k-emotion, full-train."),
        ({"test": "1k-B"}, "msrvtt has no test split '1k-B'. Did you mean 1k-A?"),
        ({"model__size": "b64"}, "'b64' is no model. There are tiny, b32, b16"),
        ({"model__size": "none.json"}, "none.json is no CLIPConfig"),
        ({"init": "imagenet"}, "--init 'imagenet' is none of random, tiny, clip-vip:FILE, clip:DIR_OR_NAME, run:ID."),
        ({"init": "run:plain-s1-0000"}, "no weights of a run 'plain-s1-0000' under"),
        ({"video__size": 63}, "--video.size 63: the vision tower takes 64 pixels."),
        ({"model__tokens": 33}, "--model.tokens 33: the text tower takes at most 32."),
        ({"train__select": "val"}, "--train.select val needs validation videos"),
        ({"train__holdout": 12}, "--train.holdout 12 leaves none of 12 clips"),
        ({"results": "README"}, "README cannot be written (File exists). Name a folder of yours."),
    ],
)
def test_settings_that_do_not_fit_the_data_exit_with_2(
    command: Command, tmp_path: Path, capsys: Capture, settings: dict, line: str
) -> None:
    (tmp_path / "README").touch()
    code, said = failure(command(**settings), capsys)
    assert code == 2
    assert line in said
    assert not list(tmp_path.glob("*/*/*/*/*.json"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [1", "is no YAML: while parsing"),
        (b"\xff\xfe", "is no YAML: "),
        (b"", "holds no settings."),
        (b"- variant", "holds no settings."),
        (b"nonsense: 1", "config.yaml: 'nonsense' is no setting of a run."),
        (b"1: 2", "'1' is no setting of a run."),
        (b"train: {lrr: 1}", "'train.lrr' is no setting of a run. Did you mean train.lr"),
        (b"train: 3", "train is a group of settings, one a line below it, not '3'."),
        (b"run: {seed: 3}", "'run.seed' is no setting of a run."),
        (b"hp: none", "hp is a group of settings"),
        (b"seed: true", '"true" is no whole number'),
        (b"seed: {a: 1}", "'seed.a' is no setting of a run."),
        (b"seed: [1, 2]", "Invalid value for [seed]"),
        (b"train: {lr: fast}", 'unable to convert "fast" into float'),
        (b"dataset: msrvt", "'msrvt' is no dataset. Did you mean msrvtt or msvd?"),
    ],
)
def test_a_config_file_that_is_off_is_one_line(tmp_path: Path, capsys: Capture, content: bytes, line: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    code, said = failure(["run", "--config", str(path)], capsys)
    assert code == 2
    assert line in said


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize(
    "name", ["plugin", "results", "json", "config", "no-matched-parameters", "train.plugin", "help"]
)
def test_a_config_file_names_no_code_and_no_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, command: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text("raise SystemExit(7)", encoding="utf-8")
    Path("mine.yaml").write_text(f"variant: plain\n{name}: evil.py\n", encoding="utf-8")
    code, said = failure([command, "--config", "mine.yaml"], capsys)
    assert code == 2
    assert said.startswith(f"bench: mine.yaml: '{name}' is no setting of a run.")


@pytest.mark.parametrize("command", ["run", "doctor", "index"])
def test_help_speaks_of_no_dataset_but_the_default(command: str, capsys: Capture) -> None:
    said = output([command, "--help"], capsys).lower().replace(f"[default: {RunConfig.dataset}]", "")
    assert [name for name in (*cards.names(), "msr-vtt") if name in said] == []


# --- 1: the work failed ---------------------------------------------------------------------------------------------


def test_missing_videos_exit_with_1(command: Command, folder: Path, capsys: Capture) -> None:
    (folder / "videos" / "video3.mp4").unlink()
    code, said = failure(command(root=folder), capsys)
    assert code == 1
    assert "1 of 18 videos of msrvtt/9k and 1k-A are missing or broken" in said
    assert "--missing skip" in said


def test_a_broken_annotation_exits_with_1(command: Command, folder: Path, capsys: Capture) -> None:
    path = folder / "annotations" / "9k.json"
    path.write_text(path.read_text()[:100])
    code, said = failure(command(root=folder), capsys)
    assert code == 1
    assert "9k.json cannot be read" in said


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"init": "clip-vip:none.pt"}, "no checkpoint at none.pt. Fetch pretrain_clipvip_base_32.pt"),
        ({"init": "clip:/nowhere"}, "no folder at /nowhere"),
        ({"model__tokenizer": "/nowhere"}, "no CLIP tokenizer at '/nowhere'"),
        ({"train__batch": 13}, "too few for a batch of 13"),
    ],
)
def test_what_is_not_there_exits_with_1(command: Command, capsys: Capture, settings: dict, line: str) -> None:
    code, said = failure(command(**settings), capsys)
    assert code == 1
    assert line in said


def test_a_checkpoint_with_keys_too_many_exits_with_1_and_names_them(
    command: Command, shared: Path, capsys: Capture
) -> None:
    code, said = failure(command(init=f"clip-vip:{shared / 'golden' / 'emotion_embed_model_tiny.pt'}"), capsys)
    assert code == 1
    assert "unexpected: backbone.clipmodel.text_model.embeddings.emotion_embedding.weight" in said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("compare --results nowhere", "no records under nowhere"),
        ("emotions --file nowhere.txt", "nowhere.txt cannot be read: No such file or directory."),
    ],
)
def test_nothing_to_work_on_exits_with_1(words: str, line: str, capsys: Capture) -> None:
    code, said = failure(words.split(), capsys)
    assert code == 1
    assert line in said


@pytest.mark.parametrize(
    ("words", "line"),
    [("data prepare msrvtt", "holds no MSR-VTT captions"), ("data compress", "there is no video below")],
)
def test_an_empty_folder_exits_with_1(words: str, line: str, tmp_path: Path, capsys: Capture) -> None:
    code, said = failure([*words.split(), "--root", str(tmp_path)], capsys)
    assert code == 1
    assert line in said


def test_a_run_goes_on_without_a_cache_and_says_so(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file" / "home"))
    main(command(variant="additive_text", train__steps=1))
    assert "videos.json cannot be written (Not a directory): every run will check" in capsys.readouterr().err
    assert list((tmp_path / "results").glob("*/*/*/*.json"))


@pytest.mark.parametrize("words", ["run --variant nonesuch", "compare --results nowhere", "run --train.lr x"])
def test_debug_shows_where_it_failed(words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "bench", *words.split(), "--debug"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback (most recent call last)" in done.stderr


def test_behind_two_dashes_debug_is_text(capsys: Capture) -> None:
    assert output(["emotions", "--", "--debug"], capsys).startswith("--debug\n")


@pytest.mark.parametrize("words", ["--debug compare --results nowhere", "compare --debug --results nowhere"])
def test_debug_may_stand_anywhere(words: str) -> None:
    with pytest.raises(BenchError, match="no records under nowhere"):
        main(words.split())


def test_sigterm_ends_a_command_with_a_line(tmp_path: Path) -> None:
    """A plugin that waits stands for any work."""
    (tmp_path / "waits.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    words = [sys.executable, "-m", "bench", "list", "metrics", "--plugin", str(tmp_path / "waits.py")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert said == "bench: stopped. Repeat the command to resume.\n"
    assert process.returncode == 130


# --- which setting wins ---------------------------------------------------------------------------------------------


def noting(seen: list[RunConfig]) -> Callable[..., NoReturn]:
    """In place of a run: it keeps the config, and stops."""

    def run(config: RunConfig, results: Path, since: object) -> NoReturn:
        seen.append(config)
        raise BenchError("noted")

    return run


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., RunConfig]:
    """The config that reaches the run: settings("--seed", "1", file={"seed": 2}, recipe={"seed": 3})."""
    seen: list[RunConfig] = []
    monkeypatch.setattr("bench.engine.run.run", noting(seen))

    def given(*words: str, file: dict | None = None, recipe: dict | None = None) -> RunConfig:
        card = {"name": "own", "title": "", "summary": "", "licence": "", "source": "", "train": "a", "test": "b"}
        for name in ("own", "moodclips"):
            (tmp_path / name).mkdir(exist_ok=True)
            text = yaml.safe_dump({**card, "name": name, "splits": {}, "recipe": recipe or {} if name == "own" else {}})
            (tmp_path / name / "card.yaml").write_text(text)
        monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(file or {"dataset": "own"}))
        with pytest.raises(SystemExit):
            main(["run", *words, "--config", str(tmp_path / "config.yaml")])
        return seen[-1]

    return given


def test_a_setting_that_nobody_gives_has_its_default(settings: Callable[..., RunConfig]) -> None:
    assert settings(recipe={}).train == RunConfig().train


def test_the_card_s_recipe_wins_over_the_default(settings: Callable[..., RunConfig]) -> None:
    config = settings(recipe={"train": {"lr": 0.5}, "video": {"cache": True}})
    assert (config.train.lr, config.video.cache) == (0.5, True)
    assert config.train.epochs == RunConfig().train.epochs


def test_the_file_wins_over_the_card(settings: Callable[..., RunConfig]) -> None:
    config = settings(file={"dataset": "own", "train": {"lr": 0.25}}, recipe={"train": {"lr": 0.5, "epochs": 7}})
    assert (config.train.lr, config.train.epochs) == (0.25, 7)


def test_the_command_line_wins_over_file_and_card(settings: Callable[..., RunConfig]) -> None:
    config = settings(
        "--train.lr", "0.125", file={"dataset": "own", "train": {"lr": 0.25}}, recipe={"train": {"lr": 0.5}}
    )
    assert config.train.lr == 0.125


def test_the_card_is_that_of_the_dataset_that_wins(settings: Callable[..., RunConfig]) -> None:
    config = settings("--dataset", "moodclips", file={"dataset": "own"}, recipe={"train": {"lr": 0.5}})
    assert (config.dataset, config.train.lr) == ("moodclips", RunConfig().train.lr)


def test_numbers_in_yaml_are_read_as_on_the_command_line(
    settings: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YAML 1.1 takes 3e-5 for a word, 9k for a word and 0_1 for a number."""
    settings()
    text = "dataset: own\ntrain: {lr: 3e-5}\nsplit: 9k\ntest: 68\nhp: {init_std: 0}\nvariant: additive_text\n"
    (tmp_path / "other.yaml").write_text(text)
    seen: list[RunConfig] = []
    monkeypatch.setattr("bench.engine.run.run", noting(seen))
    with pytest.raises(SystemExit):
        main(["run", "--config", str(tmp_path / "other.yaml")])
    assert (seen[0].train.lr, seen[0].split, seen[0].test, seen[0].hp) == (3e-5, "9k", "68", {"init_std": "0"})


def test_a_root_that_is_no_folder_exits_with_2(command: Command, capsys: Capture) -> None:
    code, said = failure(command(root="nowhere"), capsys)
    assert code == 2
    assert "--root nowhere is no folder." in said
