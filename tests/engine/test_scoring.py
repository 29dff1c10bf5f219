"""Which emotions the bank of training captions is given."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from bench.config import RunConfig
from bench.data.annotation import Annotation, Clip
from bench.data.batch import TextBatch
from bench.data.tokenizer import caption_tokenizer
from bench.engine.opening import Opened
from bench.engine.scoring import encode_bank

CAPTIONS = ["a happy man", "an angry man", "a man"]


class Echo:
    """Its features are the emotions that it is given."""

    text_needs = ("emotions",)

    @staticmethod
    def phrase(caption: str, emotions: tuple[str, ...]) -> str:
        return caption

    @staticmethod
    def encode_text(text: TextBatch) -> torch.Tensor:
        return text.present


def bank(clips: list[tuple[str, ...]], **settings: Any) -> list[list[float]]:
    train = Annotation("any", "train", tuple(Clip(str(place), captions) for place, captions in enumerate(clips)))
    here: Any = SimpleNamespace(device=torch.device("cpu"), autocast=nullcontext)
    data: Any = SimpleNamespace(train=train)
    unused, echo = cast(Any, None), cast(Any, Echo())
    opened = Opened(RunConfig(**settings), unused, Path(), data, echo, unused, caption_tokenizer(CAPTIONS), None)
    return encode_bank(opened, here).tolist()


def test_the_bank_is_the_first_caption_of_every_training_clip() -> None:
    several = bank([(CAPTIONS[0], CAPTIONS[1]), (CAPTIONS[1],), (CAPTIONS[0], CAPTIONS[2])])
    assert several == bank([(CAPTIONS[0],), (CAPTIONS[1],), (CAPTIONS[0],)])
    assert several[0] == several[2] != several[1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"emotions": "zeroed"}, [[0.0] * 8] * 3),
        ({"matched_parameters": True}, [[1.0] * 8] * 3),
    ],
    ids=["zeroed", "constant"],
)
def test_the_bank_follows_the_control(settings: dict[str, Any], expected: list[list[float]]) -> None:
    clips = [(caption,) for caption in CAPTIONS]
    assert bank(clips) != expected
    assert bank(clips, **settings) == expected


def test_a_shuffled_bank_is_given_the_emotions_of_its_other_captions() -> None:
    clips = [(caption,) for caption in CAPTIONS]
    true, shuffled = bank(clips), bank(clips, emotions="shuffled")
    assert sorted(shuffled) == sorted(true)
    assert all(one != other for one, other in zip(true, shuffled, strict=True))
