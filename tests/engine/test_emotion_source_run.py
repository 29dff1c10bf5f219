"""A run with another source of emotion: its id, its record, its signature, and what reads its model afterwards."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.asking import Capture, failure, output
from helpers.runs import bench

from bench.compare.groups import details, signature
from bench.config import RunConfig
from bench.data.annotation import load_annotation
from bench.data.loading import Collator
from bench.data.tokenizer import caption_tokenizer
from bench.emotions import EMOTIONS
from bench.emotions.sources import SourceOptions, find_source
from bench.engine.run_config import complete, run_name
from bench.errors import BenchError, UsageError
from bench.grid.plan import plan, read_grid
from bench.records.check import check
from bench.records.protocol import parse_signature
from bench.records.record import Record
from bench.records.store import load, save
from bench.search import models

JOY, SADNESS = EMOTIONS.index("joy"), EMOTIONS.index("sadness")
SCORES = {"happy": {"joy": 0.9, "trust": 0.2}, "sad": {"sadness": 0.7}}


def write_labels(path: Path, captions: list[str], factor: float = 1.0) -> Path:
    """Soft scores for every caption: by the first emotion word that stands in it."""
    lines = []
    for caption in dict.fromkeys(captions):
        word = next((word for word in caption.split() if word in SCORES), "")
        scores = {emotion: round(score * factor, 2) for emotion, score in SCORES.get(word, {}).items()}
        lines.append(json.dumps({"text": caption, "scores": scores}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def captions_of(folder: Path) -> list[str]:
    parts = (load_annotation(folder, split, "msrvtt") for split in ("9k", "1k-A"))
    return [caption for part in parts for clip in part.clips for caption in clip.captions]


@pytest.fixture(scope="module")
def labelled(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Record, list[str]]]:
    """The record's path, the record, and the words of a run of film_text on a file of labels."""
    folder = tmp_path_factory.mktemp("labelled")
    labels = write_labels(folder / "labels.jsonl", captions_of(small))
    words = ["run", "--variant", "film_text", "--dataset", "msrvtt", "--root", str(small), "--init", "random"]
    words += ["--model.size", "tiny", "--model.tokenizer", "captions", "--model.tokens", "32", "--video.size", "64"]
    words += ["--video.frames", "4", "--video.workers", "0", "--train.batch", "4", "--train.accumulation", "1"]
    words += ["--train.steps", "2", "--train.lr", "1e-3", "--results", str(folder / "results")]
    words += ["--emotion-source", f"file:{labels}"]
    record = bench(words)
    [path] = (folder / "results").glob("*/*/*/*.json")
    yield path, record, words


def test_source_and_version_stand_in_record_and_signature(labelled: tuple[Path, Record, list[str]]) -> None:
    _, record, words = labelled
    source = find_source(words[-1])
    assert record.lexicons[words[-1]] == source.version
    assert parse_signature(record.protocol)["emotions"] == source.signature
    assert source.signature.startswith("file-") and len(source.signature) == len("file-") + 8


def test_a_record_whose_signature_names_another_source_is_refused(labelled: tuple[Path, Record, list[str]]) -> None:
    _, record, _ = labelled
    check(record)
    with pytest.raises(BenchError, match=r"the protocol says emotions file-\w+, the config nrc"):
        check(replace(record, config={**record.config, "emotion_source": "nrc"}))


def test_compare_takes_sources_for_what_the_variant_reads(labelled: tuple[Path, Record, list[str]]) -> None:
    _, record, _ = labelled
    protocol = record.protocol.replace(f"|emotions:{parse_signature(record.protocol)['emotions']}", "")
    usual = replace(record, config={**record.config, "emotion_source": "nrc"}, protocol=protocol)
    assert signature(usual) == signature(record)
    found, none = details([record, usual])
    assert found == [f"emotion_source={parse_signature(record.protocol)['emotions']}"] and none == []


def test_the_model_of_a_run_reads_queries_that_the_file_lacks(
    labelled: tuple[Path, Record, list[str]], capsys: Capture
) -> None:
    path, record, _ = labelled
    encoder = models.load(f"run:{record.run}", path.parents[3])
    assert np.isfinite(encoder.text("people laugh on a beach")).all()
    assert "has no labels for 1 of 1 captions" in capsys.readouterr().err


def test_a_probe_names_the_sources(labelled: tuple[Path, Record, list[str]], capsys: Capture) -> None:
    path, record, words = labelled
    asked = ["probe", record.run, "--results", str(path.parents[3])]
    assert "has no labels for" in failure(asked, capsys)[1]  # edited captions are in no file of labels
    save(replace(record, config={**record.config, "missing_labels": "zero"}), path.parents[3])
    shown = " ".join(output([*asked, "--subsets-by", "nrc-lower"], capsys).split())
    assert "The subsets are named by nrc, vader; nrc-lower (1)." in shown
    assert f"by {words[-1]} (sha256" in shown.replace("- ", "-")
    probe = load(path).probe
    assert probe["sources"]["subsets_by"] == "nrc, vader; nrc-lower (1)"
    assert probe["subsets"]["nrc-lower-joy"]["n"] == probe["subsets"]["nrc-joy"]["n"] > 0
    assert probe["subsets"]["any-nrc-lower"]["n"] >= probe["subsets"]["nrc-lower-joy"]["n"]
    output(asked, capsys)  # measured before: the subsets stay
    assert load(path).probe == probe


def config(**settings: object) -> RunConfig:
    asked = {"variant": "film_text", "dataset": "msrvtt", "init": "random", **settings}
    return complete(RunConfig(**asked))[0]  # type: ignore[arg-type]


def test_an_id_follows_from_what_the_file_says_and_not_from_where_it_lies(tmp_path: Path) -> None:
    texts = ["a happy man", "a sad man"]
    one = write_labels(tmp_path / "one.jsonl", texts)
    moved = write_labels(tmp_path / "moved.jsonl", texts)
    changed = write_labels(tmp_path / "changed.jsonl", texts, factor=0.5)
    ids = [run_name(config(emotion_source=f"file:{path}")) for path in (one, moved, changed)]
    assert ids[0] == ids[1] != ids[2]
    assert run_name(config(emotion_source=f"file:{one}", missing_labels="zero")) == ids[0]
    assert len({run_name(config(emotion_source=name)) for name in ("nrc", "nrc-lower", "nrc-negation")}) == 3


def test_a_variant_that_reads_no_emotion_has_one_id_whatever_the_source() -> None:
    ids = {run_name(config(variant="plain", emotion_source=name)) for name in ("nrc", "nrc-lower")}
    assert len(ids) == 1


def test_an_option_that_the_source_does_not_take_stops_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="nrc takes no --missing-labels"):
        config(missing_labels="zero")


def collator(path: Path, texts: list[str], control: str = "true", threshold: float = 0.5) -> Collator:
    lines = [{"threshold": threshold}] + [
        {"text": text, "scores": SCORES.get(next((word for word in SCORES if word in text), ""), {})} for text in texts
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    def phrase(caption: str, emotions: tuple[str, ...]) -> str:
        return f"{' '.join(emotions)} {caption}"

    source = f"file:{path}"
    return Collator(caption_tokenizer([*texts, "joy trust"]), 16, phrase, texts, source=source, control=control)


def test_soft_scores_reach_a_variant_as_scores_and_a_threshold_says_what_is_present(tmp_path: Path) -> None:
    texts = ["a happy man", "a sad man", "a man"]
    text = collator(tmp_path / "labels.jsonl", texts).text(texts)
    assert text.emotions is not None
    assert text.emotions[:, [JOY, SADNESS]].tolist() == torch.tensor([[0.9, 0], [0, 0.7], [0, 0]]).tolist()
    assert text.present.sum(dim=1).tolist() == [1, 1, 0]  # trust, 0.2, is not
    assert text.shares[0, JOY] == 1
    lower = collator(tmp_path / "labels.jsonl", texts, threshold=0.1).text(texts)
    assert lower.present.sum(dim=1).tolist() == [2, 1, 0] and lower.shares[0, JOY] == 0.5
    assert lower.attention_mask[0].sum() == text.attention_mask[0].sum() + 1  # "joy trust a happy man"
    assert text.to(torch.device("cpu")).threshold == 0.5


def test_a_random_control_draws_emotions_as_often_as_they_are_named(tmp_path: Path) -> None:
    texts = [f"a happy man {number}" for number in range(400)]
    text = collator(tmp_path / "labels.jsonl", texts, control="random").text(texts)
    assert text.present[:, JOY].mean() == 1
    assert text.present[:, EMOTIONS.index("trust")].sum() == 0  # 0.2 is below the threshold


def test_controls_that_are_the_same_for_all_ask_no_source(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"text": "another", "scores": {}}\n', encoding="utf-8")
    source, tokenizer = f"file:{tmp_path / 'labels.jsonl'}", caption_tokenizer(["a man"])
    for control, present in (("zeroed", 0), ("constant", 8)):
        made = Collator(tokenizer, 16, lambda text, named: text, ["a man"], source=source, control=control)
        assert made.text(["a man"]).present.sum() == present
    with pytest.raises(BenchError, match="has no labels for 1 of 1"):
        Collator(tokenizer, 16, lambda text, named: text, ["a man"], source=source, options=SourceOptions())


GRID = """
settings: {init: random}
cells:
  - {variant: plain}
  - {variant: [film_text, cross_attention], emotion_source: [nrc, nrc-lower, nrc-negation]}
"""


def test_a_source_is_an_axis_of_a_grid(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(GRID, encoding="utf-8")
    cells = plan(read_grid(tmp_path / "sources.yaml"), tmp_path / "results")
    assert len({cell.run for cell in cells}) == 1 + 2 * 3


def test_of_all_variants_those_that_read_no_emotion_run_once(tmp_path: Path) -> None:
    text = GRID.replace("[film_text, cross_attention]", "all").replace("  - {variant: plain}\n", "")
    (tmp_path / "sources.yaml").write_text(text, encoding="utf-8")
    cells = plan(read_grid(tmp_path / "sources.yaml"), tmp_path / "results")
    assert sum(cell.settings["variant"] == "plain" for cell in cells) == 1
    assert sum(cell.settings["variant"] == "film_text" for cell in cells) == 3
