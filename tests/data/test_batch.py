"""What a model gets of a batch."""

import torch

from bench.data.batch import VideoBatch
from bench.data.loading import Collator
from bench.data.tokenizer import caption_tokenizer
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
