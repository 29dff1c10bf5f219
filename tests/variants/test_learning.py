"""What `learns_from` claims: pairs that nothing but emotion tells apart are told apart after training."""

import math

import pytest
import torch

from bench.data.batch import TextBatch, VideoBatch
from bench.model import variant_registry
from bench.model.losses import contrastive_loss
from bench.model.small_models import captions, clips, make, naming
from bench.model.variant import Variant

SHOWN = [0, 2, 3, 4, 5, 6]  # those that a face can show
EMOTIONS = len(SHOWN)
CHANCE = 2 * math.log(EMOTIONS)  # the loss of features that do not know which pair is which
CLASSES = {name: variant_registry.get(name) for name in sorted(variant_registry.entries())}
HEARS, SEES = ([name for name in CLASSES if what in CLASSES[name].learns_from] for what in ("emotions", "faces"))


def final_loss(name: str, text: TextBatch, video: VideoBatch, enough: float = 0.0) -> float:
    """The contrastive loss after at most 150 steps of training on these pairs alone, or once it is below `enough`."""
    variant: Variant = make(name).train()
    optimizer = torch.optim.Adam(variant.parameters(), lr=3e-3)
    for _ in range(150):
        texts, videos, scale, *_ = variant(text, video)
        loss = contrastive_loss(texts, videos, scale, variant.similarity)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < enough:
            break
    return loss.item()


@pytest.fixture(scope="module")
def same_words() -> tuple[TextBatch, VideoBatch]:
    """One caption with six emotions, six clips."""
    return naming(*torch.eye(8)[SHOWN].int().tolist()), clips(EMOTIONS)


@pytest.fixture(scope="module")
def same_pixels() -> tuple[TextBatch, VideoBatch]:
    """Six captions, one clip with six faces."""
    video = clips(1)
    faces = torch.eye(8)[SHOWN][:, None].expand(-1, video.pixels.shape[1], -1).contiguous()
    pixels = video.pixels.expand(EMOTIONS, -1, -1, -1, -1)
    return captions([4] * EMOTIONS), VideoBatch(pixels, faces, torch.ones(faces.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("name", HEARS)
def test_captions_that_differ_in_emotion_alone_find_their_clips(
    name: str, same_words: tuple[TextBatch, VideoBatch]
) -> None:
    loss = final_loss(name, *same_words, enough=0.1 * CHANCE)
    assert loss < 0.1 * CHANCE, f"{name}: learns_from claims emotions, but after 150 steps the loss is {loss:.2f}"


def test_attention_modulation_is_a_weak_way_in(same_words: tuple[TextBatch, VideoBatch]) -> None:
    """It claims nothing, for the tower's layer norms undo most of what it scales; but it is better than chance."""
    assert 0.1 * CHANCE < final_loss("attention_modulation", *same_words) < 0.95 * CHANCE


@pytest.mark.parametrize("name", SEES)
def test_clips_that_differ_in_their_faces_alone_are_found(name: str, same_pixels: tuple[TextBatch, VideoBatch]) -> None:
    loss = final_loss(name, *same_pixels, enough=0.1 * CHANCE)
    assert loss < 0.1 * CHANCE, f"{name}: learns_from claims faces, but after 150 steps the loss is {loss:.2f}"


@pytest.mark.parametrize("side", ["same_words", "same_pixels"])
def test_plain_cannot_tell_them_apart(side: str, request: pytest.FixtureRequest) -> None:
    assert final_loss("plain", *request.getfixturevalue(side)) > 0.99 * CHANCE
