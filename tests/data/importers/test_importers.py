"""Datasets by name: from a card alone, from a plugin, and whose a folder is."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.asking import failure, output
from helpers.registries import forgotten
from helpers.runs import bench

from bench.cli import main
from bench.data import cards, importers
from bench.data.annotation import load_annotation
from bench.data.importers import IMPORTERS, Importer, register_dataset
from bench.errors import BenchError, UsageError
from bench.utils import paths

Capture = pytest.CaptureFixture[str]

CARD = """
name: toy
title: toy
summary: made up for a test
licence: none
source: here
train: learn
test: ask
splits:
  learn: {role: train, videos: 12, captions: 36, summary: twelve clips}
  ask: {role: test, videos: 6, captions: 6, summary: six clips}
recipe:
  init: random
  model: {size: tiny, tokenizer: captions, tokens: 32}
  video: {size: 64, frames: 4, workers: 0}
  train: {batch: 4, accumulation: 1, epochs: 1, lr: 1.0e-3}
"""
PLUGIN = '''
import json

from bench.data.annotation import Annotation, Clip, save_annotation
from bench.data.importers import Importer, register_dataset
from bench.emotions.sources import emotion_source


@register_dataset("toy")
class Toy(Importer):
    """Reads toy.json: video -> captions."""

    def ensure(self, root):
        folder = self.folder(root)
        content = json.loads((folder / "toy.json").read_text())
        clips = [Clip(video, tuple(captions)) for video, captions in content.items()]
        asked = tuple(Clip(clip.video, clip.captions[:1]) for clip in clips[12:])
        save_annotation(Annotation("toy", "learn", tuple(clips[:12])), folder)
        save_annotation(Annotation("toy", "ask", asked), folder)
        return folder

    def prepare(self, root):
        return f"toy is ready in {self.ensure(root)}"

    def recognise(self, root):
        return (root / "toy.json").is_file()


@emotion_source("vowels")
def vowels(captions):
    """Joy for an "a", anger for an "o"."""
    return [[caption.count("a"), 0, 0, 0, 0, 0, caption.count("o"), 0] for caption in captions]
'''


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    with forgotten():
        yield


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    """A plugin file with the dataset `toy` and an emotion source, its card beside it."""
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "card.yaml").write_text(CARD, encoding="utf-8")
    (tmp_path / "plugin" / "toy.py").write_text(PLUGIN, encoding="utf-8")
    return str(tmp_path / "plugin" / "toy.py")


@pytest.fixture
def toys(small: Path, tmp_path: Path) -> str:
    """A folder with the toy's files, not prepared yet."""
    shutil.copytree(small / "videos", tmp_path / "toys" / "videos")
    content = {f"video{n}": [f"a happy man number {n}", "a cow", "two dogs"] for n in range(18)}
    (tmp_path / "toys" / "toy.json").write_text(json.dumps(content), encoding="utf-8")
    return str(tmp_path / "toys")


def test_a_plugin_s_dataset_and_emotion_source_appear_in_a_run(
    plugin: str, toys: str, tmp_path: Path, capsys: Capture
) -> None:
    results = ["--results", str(tmp_path / "results"), "--plugin", plugin]
    words = ["run", "--dataset", "toy", "--root", toys, "--variant", "additive_text"]
    record = bench([*words, "--emotion-source", "vowels", "--train.steps", "1", *results])
    assert (record.dataset, record.split, record.test) == ("toy", "learn", "ask")
    assert record.config["train"]["batch"] == 4  # the card's recipe
    assert record.lexicons["vowels"].startswith("code ")


def test_the_emotion_source_decides_what_a_variant_takes(plugin: str, toys: str, tmp_path: Path) -> None:
    words = ["run", "--dataset", "toy", "--root", toys, "--train.steps", "1", "--plugin", plugin]
    records = {
        source: bench(
            [*words, "--variant", variant, "--emotion-source", source, "--results", str(tmp_path / variant / source)]
        )
        for variant, source in (("additive_text", "nrc"), ("additive_text", "vowels"))
    }
    assert records["nrc"].run != records["vowels"].run
    assert records["nrc"].curve != records["vowels"].curve


def test_a_plugin_s_dataset_is_listed_and_prepared(plugin: str, toys: str, capsys: Capture) -> None:
    assert "made up for a test" in output(["list", "datasets", "--plugin", plugin], capsys)
    assert output(["data", "prepare", "toy", "--root", toys, "--plugin", plugin], capsys) == f"toy is ready in {toys}\n"


def test_doctor_finds_out_whose_a_folder_is(plugin: str, toys: str, capsys: Capture) -> None:
    assert "toy          " not in output(["list", "datasets"], capsys)
    text = output(["doctor", "--root", toys, "--dataset", "toy", "--plugin", plugin], capsys)
    assert "18 can be read" in text
    assert output(["doctor", "--root", toys, "--plugin", plugin], capsys) == text


def test_a_dataset_with_a_card_alone_is_a_folder_that_lies_ready(
    plugin: str, toys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., list[str]]
) -> None:
    monkeypatch.setattr(paths, "cards", lambda: tmp_path / "datasets")
    (tmp_path / "datasets" / "toy").mkdir(parents=True)
    (tmp_path / "datasets" / "toy" / "card.yaml").write_text(CARD, encoding="utf-8")
    line = r"toys lacks annotations/learn\.json, annotations/ask\.json\. toy has a card but no importer"
    for asked in (importers.ensure, importers.prepare):
        with pytest.raises(BenchError, match=line):
            asked("toy", Path(toys))
    with pytest.raises(UsageError, match=r"where is toy\? --root DIR"):
        importers.ensure("toy", None)
    code = Path(plugin).read_text(encoding="utf-8")
    exec(code.split("@emotion_source")[0].replace('@register_dataset("toy")', ""), made := {"__name__": __name__})
    made["Toy"]("toy").ensure(Path(toys))  # the user writes the files by a script
    assert importers.ensure("toy", Path(toys)) == Path(toys)
    assert importers.prepare("toy", Path(toys)).startswith("nothing to prepare")
    assert importers.recognise(Path(toys)) == "toy"
    record = bench(["run", "--dataset", "toy", "--root", toys, "--train.steps", "1", "--results", str(tmp_path / "r")])
    assert record.metrics["all"]["n"] == 6


def test_no_other_dataset_s_importer_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(cards.names()) == {name for name in IMPORTERS if type(importers.importer(name)) is not Importer}


def test_a_folder_s_dataset_is_recognised(small: Path, shared: Path) -> None:
    assert importers.recognise(small) == "msrvtt"  # prepared
    assert importers.recognise(shared / "msrvtt") == "msrvtt"  # as downloaded


def test_a_folder_of_no_dataset_asks_for_its_name(tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(["doctor", "--root", str(tmp_path)], capsys)
    assert code == 2
    assert f"is the folder of no known dataset. Say which it is: --dataset {'|'.join(cards.names())}" in said


def test_a_folder_that_two_datasets_claim_asks_for_its_name(small: Path, plugin: str, tmp_path: Path) -> None:
    folder = shutil.copytree(small / "annotations", tmp_path / "two" / "annotations").parent
    (folder / "toy.json").write_text("{}")
    from bench.utils.plugins import load_plugin

    load_plugin(Path(plugin))
    with pytest.raises(
        UsageError, match=r"could be the folder of msrvtt or toy\. Say which it is: --dataset msrvtt\|toy"
    ):
        importers.recognise(folder)


def test_a_name_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the dataset 'msrvtt' is registered twice: in .*msrvtt\.py and in"):
        register_dataset("msrvtt")(type("Mine", (Importer,), {"__module__": __name__}))
    (tmp_path / "card.yaml").write_text(CARD.replace("toy", "msrvtt"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"the dataset 'msrvtt' of .*card\.yaml has a card already"):
        register_dataset("msrvtt", tmp_path / "card.yaml")(Importer)


def test_a_dataset_without_a_card_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the dataset 'new' has no card at .*card\.yaml\. Write one"):
        register_dataset("new", tmp_path / "card.yaml")(Importer)
    assert "new" not in cards.names() and "new" not in IMPORTERS.names()


def test_a_card_of_another_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(CARD, encoding="utf-8")
    register_dataset("other", tmp_path / "card.yaml")(type("Mine", (Importer,), {"__module__": __name__}))
    with pytest.raises(BenchError, match=r"card\.yaml says that its name is 'toy', not 'other'"):
        cards.load_card("other")


def test_the_examples_of_the_documentation_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
    card, write, plugin, source = re.findall(r"```(?:yaml|python)\n(.*?)```", text, re.S)
    monkeypatch.chdir(tmp_path)
    exec(write, {})
    Path("card.yaml").write_text(card, encoding="utf-8")
    Path("plugin.py").write_text(plugin + source, encoding="utf-8")
    assert output(["data", "prepare", "x", "--root", "DIR", "--plugin", "plugin.py"], capsys) == "done\n"
    assert importers.recognise(Path("DIR")) == "x"
    with pytest.raises(SystemExit):  # its clips are not there; but what it is was found out
        main(["doctor", "--root", "DIR", "--plugin", "plugin.py"])
    assert re.search(r"^ok +x +DIR: test, train$", capsys.readouterr().out, re.M)
    assert load_annotation(importers.ensure("x", Path("DIR")), "test", "x").subsets == {"emotion": (0,)}
    assert "surprise 1" in output(["emotions", "What a day!", "--source", "exclaimed"], capsys)
