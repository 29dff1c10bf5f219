"""Sources by their names, with what stands behind a colon and with their options."""

from pathlib import Path

import pytest
from helpers.registries import forgotten

from bench.emotions.sources import SourceOptions, check_options, emotion_source, find_source
from bench.errors import UsageError


def test_a_kind_without_its_file_says_what_it_takes() -> None:
    with pytest.raises(UsageError, match=r"'vad' needs an argument: --emotion-source vad:FILE"):
        find_source("vad")


def test_a_source_that_takes_nothing_says_so() -> None:
    with pytest.raises(UsageError, match=r"'nrc' takes nothing after a colon: --emotion-source nrc"):
        find_source("nrc:words.txt")


def test_an_option_that_a_source_does_not_take_is_an_error() -> None:
    check_options(["file:labels.jsonl", "nrc"], SourceOptions(missing_labels="zero"))
    with pytest.raises(UsageError, match=r"nrc and vad:x takes no --missing-labels"):
        check_options(["nrc", "vad:x"], SourceOptions(missing_labels="zero"))
    with pytest.raises(UsageError, match="nrc takes no --label-map"):
        check_options(["nrc"], SourceOptions(label_map=Path("map.yaml")))


def test_a_plugin_s_source_declares_its_threshold() -> None:
    with forgotten():
        emotion_source("soft", version="2|3", threshold=0.25)(lambda captions: [[0.2, 0.3, *[0] * 6]] * len(captions))
        found = find_source("soft")
        assert found.named(["a"])[0].tolist() == [False, True, *[False] * 6]
        assert found.signature == "soft-23"  # what would part a signature is left out
        with pytest.raises(UsageError, match=r"its threshold is 1.0; it must be from 0 up to 1"):
            emotion_source("hard", threshold=1.0)
