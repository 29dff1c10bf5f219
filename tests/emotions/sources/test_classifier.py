"""A text classifier as a source: transformers' own pipeline on the same folder is the reference."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.classifiers import write_classifier
from helpers.emotion_scores import score_by

from bench.emotions import EMOTIONS
from bench.emotions.label_maps import SHIPPED_MAP, read_label_map
from bench.emotions.sources import SourceOptions, classifier, find_source
from bench.errors import BenchError, UsageError

TEXTS = ["a sad cook", "two happy people and a dog walks with the angry man", "", "a man", "a sad cook"]
EKMAN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


def goemotions() -> list[str]:
    return list(read_label_map(SHIPPED_MAP).emotions)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """28 labels, several at once."""
    return write_classifier(tmp_path_factory.mktemp("models") / "goemotions", goemotions(), several=True)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    classifier._loaded.cache_clear()
    return tmp_path / "home"


def by_pipeline(folder: Path) -> list[dict[str, float]]:
    from transformers import pipeline

    found = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")(TEXTS)
    return [{one["label"]: one["score"] for one in text} for text in found]


def test_a_score_is_the_highest_probability_of_the_labels_that_name_the_emotion(folder: Path) -> None:
    found = score_by(f"classifier:{folder}", TEXTS)
    for row, likely in zip(found, by_pipeline(folder), strict=True):
        assert row[EMOTIONS.index("fear")] == pytest.approx(max(likely["fear"], likely["nervousness"]), abs=2e-5)
        trusting = max(likely["admiration"], likely["approval"], likely["love"])
        assert row[EMOTIONS.index("trust")] == pytest.approx(trusting, abs=2e-5)
    assert np.ptp(found, axis=0).max() > 0.1  # texts differ, or nothing is tested


def test_labels_that_exclude_each_other_add_up(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "model", EKMAN, several=False)
    (tmp_path / "map.yaml").write_text(
        "labels: {anger: anger, disgust: [anger], fear: [], joy: [joy], neutral: [], sadness: [], surprise: []}"
    )
    found = score_by(f"classifier:{folder}", TEXTS, SourceOptions(label_map=tmp_path / "map.yaml"))
    for row, likely in zip(found, by_pipeline(folder), strict=True):
        assert row[EMOTIONS.index("anger")] == pytest.approx(likely["anger"] + likely["disgust"], abs=2e-5)
        assert row[EMOTIONS.index("sadness")] == 0


def test_ekman_s_labels_are_read_by_the_shipped_map(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "model", EKMAN, several=False)
    found = find_source(f"classifier:{folder}")
    assert found.threshold == 0.3
    assert not found.scores(TEXTS)[:, EMOTIONS.index("trust")].any()


def test_the_batch_in_which_a_text_is_read_does_not_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = score_by(f"classifier:{folder}", TEXTS)
    monkeypatch.setenv("BENCH_HOME", str(folder.parent / "other-home"))
    alone = np.concatenate([score_by(f"classifier:{folder}", [text]) for text in TEXTS])
    np.testing.assert_array_equal(alone, together)


def test_a_text_is_asked_once_whatever_comes_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = score_by(f"classifier:{folder}", TEXTS)
    asked: list[str] = []
    ask = classifier._ask
    monkeypatch.setattr(
        classifier, "_ask", lambda model, texts, device: asked.extend(texts) or ask(model, texts, device)
    )
    again = score_by(f"classifier:{folder}", ["a new one", *TEXTS])
    np.testing.assert_array_equal(again[1:], first)
    assert asked == ["a new one"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip file"])
def test_a_damaged_file_of_the_cache_is_made_again(
    folder: Path, empty_cache: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    first = score_by(f"classifier:{folder}", TEXTS)
    assert "damaged" not in capsys.readouterr().err
    [path] = empty_cache.rglob("classifier-*.npz")
    path.write_bytes(content)
    np.testing.assert_array_equal(score_by(f"classifier:{folder}", TEXTS), first)


def test_the_version_follows_from_weights_and_map_and_not_from_the_place(folder: Path, tmp_path: Path) -> None:
    version = find_source(f"classifier:{folder}").version
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert find_source(f"classifier:{moved}").version == version
    other = write_classifier(tmp_path / "other", goemotions(), several=True, seed=1)
    assert find_source(f"classifier:{other}").version != version
    text = SHIPPED_MAP.read_text(encoding="utf-8")
    (tmp_path / "map.yaml").write_text(text.replace("grief: [sadness]", "grief: [fear]"), encoding="utf-8")
    mapped = SourceOptions(label_map=tmp_path / "map.yaml")
    assert find_source(f"classifier:{folder}", mapped).version != version


def test_labels_that_no_map_has_are_named(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "model", ["LABEL_0", "LABEL_1"], several=False)
    with pytest.raises(UsageError, match=r"no line for the labels LABEL_0, LABEL_1\. .*--label-map FILE"):
        find_source(f"classifier:{folder}")


def test_weights_that_may_run_code_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    torch.save({}, copy / "pytorch_model.bin")
    with pytest.raises(UsageError, match="no weights in safetensors: other formats may run code"):
        find_source(f"classifier:{copy}")


def test_a_model_that_lacks_tensors_is_not_filled_up_at_random(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(folder, tmp_path / "copy")
    state = load_file(copy / "model.safetensors")
    del state["classifier.weight"]
    save_file(state, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(UsageError, match=r"lacks 1 tensors: classifier\.weight"):
        score_by(f"classifier:{copy}", TEXTS)


def test_no_folder_and_no_classifier_are_one_line(folder: Path, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UsageError, match=r"no folder at \./nothing"):
        find_source("classifier:./nothing")
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "config.json").write_text(json.dumps({"model_type": "unheard"}))
    with pytest.raises(UsageError, match="is no text classifier: "):
        find_source(f"classifier:{copy}")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: 1 / 0)
    with pytest.raises(BenchError, match="no classifier at 'some/name': division by zero"):
        find_source("classifier:some/name")
