"""What is the variant's own, beside the contract and the golden values in test_clip_vip.py."""

import pytest
import torch

from bench.errors import BenchError
from bench.model import variant_registry
from bench.model.clip_vip import ClipVip, clip_config
from bench.model.small_models import make, naming


@torch.no_grad()
def test_a_start_at_zero_equals_plain() -> None:
    text = naming([1, 0, 0, 0, 0, 0, 0, 2], [0] * 8)
    assert torch.equal(make("additive_text", init_std=0).encode_text(text), make("plain").encode_text(text))


@torch.no_grad()
def test_a_caption_without_emotion_passes_unchanged() -> None:
    text = naming([0] * 8)
    assert torch.equal(make("additive_text").encode_text(text), make("plain").encode_text(text))


@torch.no_grad()
def test_the_mean_over_the_present_emotions_is_added_to_every_token() -> None:
    variant = make("additive_text")
    text = naming([0, 3, 0, 0, 1, 0, 0, 0])
    tokens = torch.zeros(1, 4, 32)
    expected = (variant.emotion.weight[1] + variant.emotion.weight[4]) / 2
    assert torch.allclose(variant.fuse_text(tokens, text), expected.expand(1, 4, 32))


@torch.no_grad()
def test_how_often_an_emotion_is_named_does_not_matter() -> None:
    variant = make("additive_text")
    once, thrice = naming([0, 1, 0, 0, 0, 0, 0, 0]), naming([0, 3, 0, 0, 0, 0, 0, 0])
    assert torch.equal(variant.encode_text(once), variant.encode_text(thrice))


def test_init_std_is_the_standard_deviation_of_the_start() -> None:
    torch.manual_seed(0)
    backbone = ClipVip(clip_config("tiny", vocabulary=50), frames=2)
    wide = variant_registry.build("additive_text", backbone, {"init_std": "0.02"})
    assert abs(wide.emotion.weight.std().item() - 0.02) < 0.002


def test_a_published_embedding_with_another_number_of_emotions_is_an_error() -> None:
    state = {"clipmodel.text_model.embeddings.emotion_embedding.weight": torch.zeros(7, 32)}
    with pytest.raises(BenchError, match="has 7 rows"):
        make("additive_text").take_published(state)
