"""The command line: what it prints where, which setting wins, and one line for everything that is wrong."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import yaml
from records import make_record
from safetensors.torch import load_file

from bench import results
from bench.cli import main
from bench.config import RunConfig
from bench.data.annotation import load_annotation

Command = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]


def failure(words: list[str], capsys: Capture) -> tuple[int, str]:
    """The exit code of a command that fails and its one line on stderr, without what it says before `bench: `."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("bench: ")
    assert isinstance(stop.value.code, int)
    return stop.value.code, captured.err


def output(words: list[str], capsys: Capture) -> str:
    main(words)
    return capsys.readouterr().out


# --- 2: the words were off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("frobnicate", 'Unknown command "frobnicate". Available commands: data, list, run'),
        ("run --varaint plain", "Unknown option: --varaint. Did you mean --variant?"),
        ("run more", "['more']"),
        ("run --variant additve_text", "'additve_text' is no variant. Did you mean additive_text?"),
        ("run --dataset msrvt", "'msrvt' is no dataset. Did you mean msrvtt?"),
        ("run --dataset msrvtt --init random", "where is msrvtt? --root DIR"),
        ("run --dataset msrvtt --root .", "msrvtt needs a start: --init random, or fetch https://"),
        ("run --variant additive_text --hp.init_sdt 1", "no hyperparameter 'init_sdt'. Did you mean init_std?"),
        ("run --hp.init_std 1", "the variant 'plain' has no hyperparameter 'init_std'. It has none."),
        ("run --variant additive_text --hp.init_std much", "additive_text's init_std takes float, not 'much'."),
        ("run --train.epochs many", 'Invalid value for --train.epochs: "many" is no whole number.'),
        ("run --train.epochs 1.5", 'Invalid value for --train.epochs: "1.5" is no whole number.'),
        ("run --train.lr fast", 'Invalid value for --train.lr: unable to convert "fast" into float.'),
        ("run --train.lr -1", "--train.lr takes a number above 0, not -1.0."),
        ("run --train.lr", "--train.lr requires an argument"),
        ("run --captions some", 'Invalid value "some" for --captions. Choose from: "sampled", "joined".'),
        ("run --missing never", 'Invalid value "never" for --missing. Choose from: "stop", "skip".'),
        ("run --plugin none.py", "no plugin file at none.py."),
        ("run --config none.yaml", "none.yaml cannot be read: No such file or directory."),
        ("compare --format xml", 'Invalid value "xml" for --format. Choose from: "terminal", "markdown"'),
        ("list variant", 'Unknown command "variant". Did you mean "variants"?'),
        ("emotions", "give one text or one file"),
        ("emotions happy --file captions.txt", "give one text or one file"),
        ("data prepare", "--dataset requires an argument"),
        ("data prepare msrvt", "'msrvt' is no dataset. Did you mean msrvtt?"),
        ("data prepare msrvtt", "where is msrvtt? --root DIR"),
        ("data prepare msrvtt --root nowhere", "nowhere is no folder."),
        ("data download moodclips --root .", "moodclips needs no download: bench data prepare moodclips"),
        ("data compress --root nowhere", "there is no folder nowhere"),
        ("doctor --dataset msrvt", "'msrvt' is no dataset. Did you mean msrvtt?"),
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
        ({"split": "8k"}, "msrvtt has no train split '8k'. It has: 7k, 9k, 6k-emotion."),
        ({"test": "1k-B"}, "msrvtt has no test split '1k-B'. Did you mean 1k-A?"),
        ({"model__size": "b64"}, "'b64' is no model size. Sizes: tiny, b32, b16"),
        ({"model__size": "none.json"}, "none.json is no CLIPConfig"),
        ({"init": "imagenet"}, "--init 'imagenet' is none of random, clip-vip:FILE, clip:DIR_OR_NAME, run:ID."),
        ({"init": "run:plain-s1-0000"}, "no weights of a run 'plain-s1-0000' under"),
        ({"video__size": 63}, "--video.size 63: the vision tower takes 64 pixels."),
        ({"model__tokens": 33}, "--model.tokens 33: the text tower has 32 places."),
        ({"train__select": "val"}, "--train.select val needs validation videos"),
        ({"train__holdout": 12}, "--train.holdout 12 leaves nothing of 12 clips"),
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
        (b"nonsense: 1", 'Unknown option: "[nonsense]"'),
        (b"1: 2", 'Unknown option: "[1]"'),
        (b"train: {lrr: 1}", 'Unknown option: "[train][lrr]"'),
        (b"train: {lrr: 1}", "Did you mean --train.lr?"),
        (b"train: 3", "train takes settings of its own, one a line below it, not '3'."),
        (b"run: {seed: 3}", "run is no setting."),
        (b"hp: none", "hp takes settings of its own"),
        (b"seed: true", '"true" is no whole number'),
        (b"seed: {a: 1}", 'Unknown option: "[seed][a]"'),
        (b"seed: [1, 2]", "Invalid value for [seed]"),
        (b"train: {lr: fast}", 'unable to convert "fast" into float'),
        (b"dataset: msrvt", "'msrvt' is no dataset. Did you mean msrvtt?"),
    ],
)
def test_a_config_file_that_is_off_is_one_line(tmp_path: Path, capsys: Capture, content: bytes, line: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    code, said = failure(["run", "--config", str(path)], capsys)
    assert code == 2
    assert line in said


# --- 1: the work failed ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    """A copy of `small` that a test may damage."""
    return shutil.copytree(small, tmp_path / "folder")


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
        ({"init": "clip-vip:none.pt"}, "no checkpoint at none.pt. Fetch https://"),
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


def test_a_cache_that_cannot_be_written_is_one_line(
    command: Command, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file" / "home"))
    code, said = failure(command(), capsys)
    assert code == 1
    assert "Not a directory" in said


@pytest.mark.parametrize("words", ["run --variant nonesuch", "compare --results nowhere", "run --train.lr x"])
def test_debug_shows_where_it_failed(words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "bench", *words.split(), "--debug"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback (most recent call last)" in done.stderr


# --- which setting wins ---------------------------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., RunConfig]:
    """The config that reaches the run: settings("--seed", "1", file={"seed": 2}, recipe={"seed": 3})."""
    seen: list[RunConfig] = []
    monkeypatch.setattr("bench.run.run", lambda config, folder: seen.append(config))

    def given(*words: str, file: dict | None = None, recipe: dict | None = None) -> RunConfig:
        card = {"name": "own", "title": "", "summary": "", "licence": "", "source": "", "train": "a", "test": "b"}
        for name in ("own", "moodclips"):
            (tmp_path / name).mkdir(exist_ok=True)
            text = yaml.safe_dump({**card, "name": name, "splits": {}, "recipe": recipe or {} if name == "own" else {}})
            (tmp_path / name / "card.yaml").write_text(text)
        monkeypatch.setattr("bench.paths.cards", lambda: tmp_path)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(file or {"dataset": "own"}))
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
    monkeypatch.setattr("bench.run.run", lambda config, folder: seen.append(config))
    main(["run", "--config", str(tmp_path / "other.yaml")])
    assert (seen[0].train.lr, seen[0].split, seen[0].test, seen[0].hp) == (3e-5, "9k", "68", {"init_std": "0"})


# --- help and lists -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["--help", "run --help", "list variants", "list datasets", "list metrics", "emotions --help", "data --help"],
)
def test_help_and_lists_load_nothing_heavy(words: str) -> None:
    code = f"""
import sys
from bench.cli import main
main({words.split()!r})
heavy = {{"torch", "transformers", "accelerate", "pandas", "av", "decord", "nltk"}} & sys.modules.keys()
sys.exit(f"loaded: {{sorted(heavy)}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_help_names_every_command(capsys: Capture) -> None:
    text = output(["--help"], capsys)
    assert all(word in text for word in ("run", "compare", "emotions", "doctor", "data", "list"))


def test_run_s_help_tells_every_setting_with_its_default(capsys: Capture) -> None:
    text = output(["run", "--help"], capsys)
    for name in ("--variant", "--train.lr", "--video.frames", "--model.size", "--hp", "--config", "--plugin"):
        assert name in text
    assert "[default: 1e-06]" in text


def test_variants_are_listed_with_their_hyperparameters(capsys: Capture) -> None:
    text = output(["list", "variants"], capsys)
    assert re.search(r"^additive_text\n.*hyperparameters: init_std=1\.0\n +needs: emotions", text, re.S | re.M)
    assert re.search(r"^plain\n", text, re.M)


def test_datasets_are_listed_with_their_splits(capsys: Capture) -> None:
    text = output(["list", "datasets"], capsys)
    assert re.search(r"9k +train, default +9000 videos", text)
    assert re.search(r"test +test, default +240 videos", text)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("metric", ["R@k", "MdR", "MnR", "TwinAcc"])
def test_metrics_are_listed_with_their_meaning(metric: str, capsys: Capture) -> None:
    assert re.search(rf"^{metric} +\w.{{20,}}$", output(["list", "metrics"], capsys), re.M)


# --- emotions -------------------------------------------------------------------------------------------------------


def test_emotions_tells_scores_and_the_words_that_did_it(capsys: Capture) -> None:
    text = output(["emotions", "Happy smiling people"], capsys)
    assert "VADER +0.7717 (Happy +2.7, smiling +2.0)" in text  # 4.7 / sqrt(4.7² + 15)
    assert re.search(r"^  emotional: ", text, re.M)
    assert re.search(r"^    smiling: .*joy", text, re.M)


def test_emotions_reads_a_file_and_prints_json(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "captions.txt").write_text("an angry man\n\na table\n", encoding="utf-8")
    rows = json.loads(output(["emotions", "--file", str(tmp_path / "captions.txt"), "--json"], capsys))
    assert [row["text"] for row in rows] == ["an angry man", "", "a table"]
    assert [row["emotional"] for row in rows] == [True, False, False]
    assert rows[0]["scores"]["anger"] == 1


# --- compare --------------------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path: Path) -> list[str]:
    """`compare` over two runs of one protocol."""
    for variant in ("plain", "additive_text"):
        results.save(make_record(variant=variant, subsets={"emotion": [0, 3], "joy": [3]}), tmp_path)
    return ["compare", "--results", str(tmp_path)]


@pytest.mark.parametrize(
    ("format", "sign"),
    [
        ("terminal", "All T2V"),
        ("markdown", "| --"),
        ("latex", r"\begin{tabular}"),
        ("csv", "run,"),
        ("json", '"groups"'),
    ],
)
def test_compare_has_five_formats(records: list[str], capsys: Capture, format: str, sign: str) -> None:
    text = output([*records, "--format", format], capsys)
    assert sign in text
    assert "plain" in text
    assert "additive" in text


def test_compare_takes_another_subset_or_names_those_there_are(records: list[str], capsys: Capture) -> None:
    assert "1 in joy" in output([*records, "--subset", "joy"], capsys)
    code, said = failure([*records, "--subset", "joyy"], capsys)
    assert code == 2
    assert "no record has a subset 'joyy'. Did you mean joy?" in said


def test_a_broken_record_exits_with_1_and_is_named(records: list[str], tmp_path: Path, capsys: Capture) -> None:
    [path] = tmp_path.glob("*/*/plain/*.json")
    path.write_text(path.read_text()[:200])
    code, said = failure(records, capsys)
    assert code == 1
    assert str(path) in said


def test_run_prints_its_record_as_json_when_asked(command: Command, capsys: Capture) -> None:
    main([*command(train__steps=1), "--json"])
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    assert content["curve"][0]["step"] == 1
    assert captured.err.rstrip().endswith(f"{content['run']}.json")


# --- data -----------------------------------------------------------------------------------------------------------


def test_prepare_prints_the_known_counts(shared: Path, tmp_path: Path, capsys: Capture) -> None:
    """FACTS, section 1: 6 137 of 9 000 and 34 of 1 000 are emotional."""
    for name in ("train_val_annotation.zip", "test_videodatainfo.json.zip", "MSRVTT_JSFUSION_test.csv"):
        (tmp_path / name).symlink_to(shared / "msrvtt" / name)
    text = output(["data", "prepare", "msrvtt", "--root", str(tmp_path)], capsys)
    assert re.search(r"^9k +9000 +180000 +6137 ", text, re.M)
    assert re.search(r"^7k +7010 +140200 +4802 ", text, re.M)
    assert re.search(r"^1k-A +1000 +1000 +34 ", text, re.M)
    assert re.search(r"^68 +68 +68 +34 ", text, re.M)
    assert "layouts found: official" in text
    assert len(load_annotation(tmp_path, "6k-emotion").clips) == 6137


def test_compress_exits_with_0_when_all_copies_are_made(folder: Path, capsys: Capture) -> None:
    text = output(["data", "compress", "--root", str(folder), "--workers", "1"], capsys)
    assert "18 done, 0 done before, 0 broken" in text


def test_compress_exits_with_1_and_names_what_is_broken(folder: Path, capsys: Capture) -> None:
    (folder / "videos" / "video4.mp4").write_bytes(b"no video")
    with pytest.raises(SystemExit) as stop:
        main(["data", "compress", "--root", str(folder), "--workers", "1"])
    assert stop.value.code == 1
    text = capsys.readouterr().out
    assert "17 done, 0 done before, 1 broken" in text
    assert re.search(r"^video4: ", text, re.M)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served over HTTP from this machine, with a card of msrvtt whose address is there."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    card = yaml.safe_load((Path(__file__).parents[1] / "datasets" / "msrvtt" / "card.yaml").read_text(encoding="utf-8"))
    card["download"] = {"url": f"http://127.0.0.1:{httpd.server_port}/MSRVTT.zip", "file": "MSRVTT.zip"}
    (tmp_path / "cards" / "msrvtt").mkdir(parents=True)
    (tmp_path / "cards" / "msrvtt" / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    monkeypatch.setattr("bench.paths.cards", lambda: tmp_path / "cards")
    yield folder
    httpd.shutdown()
    httpd.server_close()


def test_download_fetches_from_the_card_unpacks_and_says_what_is_next(
    served: Path, tmp_path: Path, capsys: Capture
) -> None:
    with zipfile.ZipFile(served / "MSRVTT.zip", "w") as archive:
        archive.writestr("MSRVTT/videos/all/video0.mp4", b"bytes")
    text = output(["data", "download", "msrvtt", "--root", str(tmp_path / "here")], capsys)
    assert (tmp_path / "here" / "videos" / "all" / "video0.mp4").read_bytes() == b"bytes"
    assert f"next: bench data prepare msrvtt --root {tmp_path / 'here'}" in text


def test_a_download_that_is_not_there_exits_with_1(served: Path, tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(["data", "download", "msrvtt", "--root", str(tmp_path / "here")], capsys)
    assert code == 1
    assert "404" in said


# --- what was loaded, and what is left ------------------------------------------------------------------------------


def test_a_run_says_what_was_loaded_from_where(command: Command, shared: Path, tmp_path: Path, capsys: Capture) -> None:
    """A checkpoint of the tiny model in the published key format: the run's own weights under the published names."""
    main(command(train__steps=1))
    [weights] = (tmp_path / "results").glob("*/*/*/*/model.safetensors")
    state = {key.removeprefix("backbone."): value for key, value in load_file(weights).items()}
    torch.save(state, tmp_path / "a.pt")
    capsys.readouterr()
    main(command("other", train__steps=1, variant="additive_text", init=f"clip-vip:{tmp_path / 'a.pt'}"))
    line = rf"^clip-vip:[0-9a-f]{{8}}: {len(state)} tensors loaded, new 1 \(emotion\.weight\), unused 0$"
    assert re.search(line, capsys.readouterr().err, re.M)


def test_a_root_that_is_no_folder_exits_with_2(command: Command, capsys: Capture) -> None:
    code, said = failure(command(root="nowhere"), capsys)
    assert code == 2
    assert "--root nowhere is no folder." in said
