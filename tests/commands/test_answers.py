"""The command line: what each command prints, and what it must not load to do so."""

import functools
import http.server
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from helpers.asking import Capture, Command, failure, output
from helpers.records import make_record
from safetensors.torch import load_file

from bench.cli import main
from bench.data import cards
from bench.data.annotation import load_annotation
from bench.model import variant_registry
from bench.records import store

# --- help and lists -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "run --help",
        "list variants",
        "list datasets",
        "list metrics",
        "list emotion-sources",
        "list face-backends",
        "emotions --help",
        "data --help",
        "grid --help",
        "faces --help",
    ],
)
def test_help_and_lists_load_nothing_heavy(words: str) -> None:
    variant_registry.added_at_b32()  # counted once and then remembered
    code = f"""
import sys
from bench.cli import main
main({words.split()!r})
heavy = {{"torch", "transformers", "accelerate", "pandas", "av", "decord", "nltk"}} & sys.modules.keys()
sys.exit(f"loaded: {{sorted(heavy)}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if not line.startswith(("Next: bench", "      bench"))]
    assert (done.returncode, said) == (0, [])
    assert done.stdout


def test_help_names_every_command(capsys: Capture) -> None:
    text = output(["--help"], capsys)
    assert all(word in text for word in ("run", "grid", "compare", "emotions", "faces", "doctor", "data", "list"))


def test_run_s_help_tells_every_setting_with_its_default(capsys: Capture) -> None:
    text = output(["run", "--help"], capsys)
    for name in ("--variant", "--train.lr", "--video.frames", "--model.size", "--hp", "--config", "--plugin"):
        assert name in text
    assert "[default: 0.001]" in text


def test_variants_are_listed_with_their_hyperparameters(capsys: Capture) -> None:
    text = output(["list", "variants"], capsys)
    assert re.search(
        r"^additive_text\n.*hyperparameters: init_std=1\.0\n +adds 4 096 parameters at b32; needs emotions",
        text,
        re.S | re.M,
    )
    assert re.search(r"^plain\n", text, re.M)


def test_datasets_are_listed_with_their_splits(capsys: Capture) -> None:
    text = output(["list", "datasets"], capsys)
    assert re.search(r"9k +train, default +9000 videos", text)
    assert re.search(r"test +test, default +240 videos", text)
    assert all(len(line) <= 80 for line in text.splitlines() if "https://" not in line)


@pytest.mark.parametrize("name", cards.names())
def test_datasets_are_listed_with_what_they_need_and_where_that_is_from(name: str, capsys: Capture) -> None:
    [text] = re.findall(rf"^{name}\n((?: .*\n)+)", output(["list", "datasets"], capsys), re.M)
    card = cards.load_card(name)
    assert f"needs: {card.needs}" in " ".join(text.split()) and card.needs
    assert f"from: {card.source}" in " ".join(text.split())


def test_the_list_says_of_which_datasets_no_annotations_were_at_hand(capsys: Capture) -> None:
    assert " ".join(output(["list", "datasets"], capsys).split()).count("as no annotations were at hand") == 2


@pytest.mark.parametrize("metric", ["R@1", "R@10", "MdR", "MnR", "TwinAcc"])
def test_metrics_are_listed_with_their_meaning(metric: str, capsys: Capture) -> None:
    assert re.search(rf"^{metric} +\w.{{20,}}$", output(["list", "metrics"], capsys), re.M)


# --- emotions -------------------------------------------------------------------------------------------------------


def test_emotions_tells_scores_and_the_words_that_did_it(capsys: Capture) -> None:
    text = output(["emotions", "Happy smiling people"], capsys)
    assert max(map(len, text.splitlines())) <= 80
    assert "VADER +0.7717 (Happy +2.7, smiling +2.0)" in text  # 4.7 / sqrt(4.7² + 15)
    assert re.search(r"^  emotional: ", text, re.M)
    assert re.search(r"^    smiling: .*joy", text, re.M)


def test_emotions_takes_curly_quotes_as_plain_ones(capsys: Capture) -> None:
    text = output(["emotions", "I don’t feel ‘sad’"], capsys)
    assert text.startswith("I don’t feel ‘sad’\n") and "(sad +" in text  # not sad
    assert "don: " not in text  # a word of trust


def test_emotions_of_nothing_are_none(capsys: Capture) -> None:
    for text in ("", " \t"):
        code, said = failure(["emotions", text], capsys)
        assert code == 2 and "the text is empty" in said


@pytest.mark.parametrize("what", ["figures", "metrics", "face-backends", "search-backends"])
def test_lists_have_two_columns_within_80(what: str, capsys: Capture) -> None:
    lines = output(["list", what], capsys).splitlines()
    column = min(len(line) - len(line.lstrip()) for line in lines if line[0] == " ")
    assert max(map(len, lines)) <= 80
    assert all(line[:column].endswith("  ") and line[column] != " " for line in lines)


def test_face_backends_are_listed_with_their_settings(capsys: Capture) -> None:
    text = output(["list", "face-backends"], capsys)
    assert re.search(r"^deepface .+\n(.*\n)*? +settings: --detector opencv, --weights, --engine$", text, re.M)


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
        store.save(make_record(variant=variant, subsets={"emotion": [0, 3], "joy": [3]}), tmp_path)
    return ["compare", "--results", str(tmp_path)]


@pytest.mark.parametrize(
    ("format", "sign"),
    [
        ("terminal", "verdict"),
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
    assert len(load_annotation(tmp_path, "6k-emotion", "msrvtt").clips) == 6137


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
    card = yaml.safe_load((Path(__file__).parents[2] / "datasets" / "msrvtt" / "card.yaml").read_text(encoding="utf-8"))
    card["download"] = {"url": f"http://127.0.0.1:{httpd.server_port}/MSRVTT.zip", "file": "MSRVTT.zip"}
    (tmp_path / "cards" / "msrvtt").mkdir(parents=True)
    (tmp_path / "cards" / "msrvtt" / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path / "cards")
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
