"""What a model gets of a batch."""

import numpy as np
import torch

from bench.data.batch import VideoBatch
from bench.data.loading import Collator
from bench.data.tokenizer import caption_tokenizer
from bench.emotions.counterfactuals import swapped_captions
from bench.model.variant import Variant


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


TEXTS = ["a happy man", "a table", "a man is sad", "an angry man"]  # one without a listed word


def test_swapped_captions_come_with_the_batch_for_those_that_have_one() -> None:
    swapped = swapped_captions(TEXTS)
    assert swapped == {"a happy man": "an angry man", "a man is sad": "a man is happy", "an angry man": "a happy man"}
    tokenizer = caption_tokenizer([*TEXTS, *swapped.values()])
    collate = Collator(tokenizer, 16, Variant.phrase, TEXTS, swapped=swapped)
    samples = [(place, text, np.zeros((2, 4, 4, 3), np.uint8), None) for place, text in enumerate(TEXTS)]
    text, _, found = collate(samples)
    assert found is not None
    assert found.rows.tolist() == [0, 2, 3]
    assert text.emotions is not None
    assert found.emotions is not None
    assert torch.equal(found.emotions[0], text.emotions[3])  # of "an angry man", as if it were a caption
    assert torch.equal(found.input_ids[[0, 2]], text.input_ids[[3, 0]][:, : found.input_ids.shape[1]])
    moved = found.to(torch.device("cpu"))
    assert torch.equal(moved.rows, found.rows)
    assert collate(samples[1:2])[2] is None


def test_no_swapped_captions_come_where_none_are_asked_for() -> None:
    samples = [(0, "a happy man", np.zeros((2, 4, 4, 3), np.uint8), None)]
    assert Collator(caption_tokenizer(TEXTS), 16, Variant.phrase, TEXTS)(samples)[2] is None


def test_shuffled_emotions_are_exchanged_between_captions_and_swapped_ones() -> None:
    """Else a swapped caption, which always names an emotion, could be told by having one."""
    captions = [f"a happy man {number}" for number in range(200)] + [f"a man {number}" for number in range(200)]
    swapped = swapped_captions(captions)
    collate = Collator(caption_tokenizer(captions), 16, Variant.phrase, captions, swapped=swapped, control="shuffled")
    own, other = collate.text(captions), collate.swaps(captions)
    assert other is not None
    shares = [batch.present.any(dim=1).float().mean().item() for batch in (own, other)]
    assert all(abs(share - 400 / 600) < 0.1 for share in shares)
