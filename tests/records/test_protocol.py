"""The protocol signature: one line, in parts, and what cannot stand in it."""

from typing import Any

import pytest
from helpers.records import whole_config

from bench.errors import BenchError
from bench.records.protocol import parse_signature, parts_of, protocol_signature

CONFIG = whole_config({}, dataset="msrvtt", split="6k-emotion", test="1kA", init="clip-vip:FILE")


def signature(**parts: Any) -> str:
    given: dict[str, Any] = {"queries": 1000, "videos": 1000, "model": "b32", "init": "clip-vip:FILE-1a2b3c4d"}
    return protocol_signature(CONFIG, **{**given, **parts})


def test_the_signature_is_one_line_with_all_that_must_be_equal():
    assert signature() == (
        "msrvtt-1kA|train:6k-emotion|1000x1000|ties:expected|score:fp32|post:none|frames:12|res:224|model:b32"
        "|init:clip-vip:FILE-1a2b3c4d|captions:sampled|ckpt:last|seed:42|v:1"
    )


def test_batches_and_negatives_stand_in_the_signature_where_they_are_not_the_published_ones():
    train = {"batches": "twins", "similar": 1.0, "negatives": "swapped"}
    config = whole_config({"train": train}, dataset="msrvtt", split="6k-emotion", test="1kA", init="clip-vip:FILE")
    parts = parse_signature(protocol_signature(config, queries=1, videos=1, model="b32", init="random"))
    assert (parts["batches"], parts["negatives"]) == ("twins", "swapped")
    for share, written in ((0.5, "similar-0.5"), (1, "similar")):
        assert parts_of({"train": {"batches": "similar", "similar": share}}) == {"batches": written}
    assert parts_of({"train": {"epochs": 5}}) == {}  # a record from before


def test_frozen_towers_stand_in_the_signature():
    assert "freeze" not in parse_signature(signature())
    config = whole_config({"train": {"freeze": "video"}}, dataset="msrvtt", split="9k", test="1kA", init="random")
    parts = parse_signature(protocol_signature(config, queries=1, videos=1, model="b32", init="random"))
    assert parts["freeze"] == "video"


def test_a_parsed_signature_has_its_parts_by_name():
    parts = parse_signature(signature())
    assert (parts["test"], parts["size"], parts["init"]) == ("msrvtt-1kA", "1000x1000", "clip-vip:FILE-1a2b3c4d")


def test_left_out_clips_stand_in_the_signature():
    assert (
        parse_signature(signature(skipped={"1kA": 3, "6k-emotion": 12, "val": 0}))["skipped"] == "1kA=3,6k-emotion=12"
    )


def test_a_separator_in_a_part_is_an_error():
    with pytest.raises(BenchError, match=r"init .run:a\|b. cannot stand"):
        signature(init="run:a|b")


@pytest.mark.parametrize(
    "line", ["", "a|b", "a|train:x|1x1|train:y|v:1", "a|train:|1x1|v:1", "a|1x1|2x2|train:x|v:1", "a|train:x|1x1|v:1\n"]
)
def test_what_is_no_signature_is_an_error(line: str):
    with pytest.raises(BenchError, match="protocol"):
        parse_signature(line)
