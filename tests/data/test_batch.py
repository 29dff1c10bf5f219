"""Batches: which clips make them up, epoch by epoch, and what a model gets of them."""

from collections import Counter
from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.batch import VideoBatch
from bench.data.loading import Collator, training_keys
from bench.data.tokenizer import caption_tokenizer
from bench.model.variant import Variant

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 12)).filter(lambda sizes: sizes[1] <= sizes[0])


@settings(deadline=None)
@given(sizes=SIZES, seed=st.integers(0, 5))
def test_each_epoch_takes_a_place_at_most_once_and_drops_less_than_a_batch(sizes: tuple[int, int], seed: int) -> None:
    n, batch = sizes
    per_epoch = n // batch
    keys = list(training_keys(n, batch, seed, range(3 * per_epoch)))
    for epoch in range(3):
        places = [key for group in keys[epoch * per_epoch : (epoch + 1) * per_epoch] for key in group]
        assert all(key[0] == epoch for key in places)
        assert max(Counter(place for _, place in places).values()) == 1
        assert n - len(places) < batch


def test_an_epoch_that_fits_is_a_permutation_and_each_epoch_another() -> None:
    keys = list(training_keys(12, 4, 42, range(6)))
    epochs = [[place for group in keys[start : start + 3] for _, place in group] for start in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_ranks_parts_make_the_batch(world: int) -> None:
    whole = list(training_keys(30, 8, 1, range(7)))
    parts = [list(training_keys(30, 8, 1, range(7), rank=rank, world=world)) for rank in range(world)]
    assert [list(chain(*shares)) for shares in zip(*parts, strict=True)] == whole


@settings(deadline=None)
@given(sizes=SIZES, start=st.integers(0, 20))
def test_batches_can_be_resumed_from_any_number(sizes: tuple[int, int], start: int) -> None:
    whole = list(training_keys(*sizes, 42, range(25)))
    assert list(training_keys(*sizes, 42, range(start, 25))) == whole[start:]


def test_a_collator_gives_emotions_only_to_variants_that_ask() -> None:
    texts = ["a happy man", "an afraid happy man", "a table"]
    asked = Collator(caption_tokenizer(texts), 16, Variant.phrase, texts).text(texts)
    assert asked.emotions is not None
    assert asked.emotions.dtype == torch.float32
    assert asked.emotions[:, 0].tolist() == [1, 1, 0]  # joy: `happy` has it in the NRC lexicon
    assert asked.emotions[:, 2].tolist() == [0, 1, 0]  # fear: `afraid`
    assert Collator(caption_tokenizer(texts), 16, Variant.phrase, None).text(texts).emotions is None


def test_frames_travel_as_bytes_and_become_clip_s_floats_on_the_device() -> None:
    batch = VideoBatch(torch.full((2, 3, 4, 4, 3), 255, dtype=torch.uint8))
    moved = batch.to(torch.device("cpu")).pixels
    assert moved.shape == (2, 3, 3, 4, 4)
    white = [(1 - 0.48145466) / 0.26862954, (1 - 0.4578275) / 0.26130258, (1 - 0.40821073) / 0.27577711]
    assert torch.allclose(moved[0, 0, :, 0, 0], torch.tensor(white), atol=1e-5)
