"""Small variants and made batches: what the contract is checked on, in milliseconds."""

import torch
from transformers import CLIPConfig

from bench.data.batch import TextBatch, VideoBatch
from bench.emotions import EMOTIONS
from bench.model import variant_registry
from bench.model.clip_vip import ClipVip
from bench.model.variant import Variant

SMALL_FRAMES = 4
START, END = 298, 299  # the last two tokens of the vocabulary


def small_config() -> CLIPConfig:
    """Text 2 layers x 32, vision 3 layers x 48, 4 heads each, 32 px, patch 8, projection 24: no width occurs twice."""
    return CLIPConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "vocab_size": 300,
            "max_position_embeddings": 16,
            "bos_token_id": START,
            "eos_token_id": END,
            "pad_token_id": END,
        },
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_attention_heads": 4,
            "num_hidden_layers": 3,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=24,
    )


def make(name: str, **hyperparameters: object) -> Variant:
    """A small variant; the same seed gives the same backbone whatever the variant draws after it."""
    torch.manual_seed(0)
    return variant_registry.build(name, ClipVip(small_config(), frames=SMALL_FRAMES), hyperparameters).eval()


@torch.no_grad()
def trained(name: str, **hyperparameters: object) -> Variant:
    """As after a training: whatever the variant adds is away from its start, the backbone is as `make` has it."""
    variant = make(name, **hyperparameters)
    torch.manual_seed(5)
    for key, parameter in variant.named_parameters():
        if not key.startswith("backbone."):
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return variant


def captions(lengths: list[int], seed: int = 1, places: int = 10) -> TextBatch:
    """Captions of that many words each, at random, with random emotion counts; about a third have no emotion."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((len(lengths), places), END)
    mask = torch.zeros(len(lengths), places, dtype=torch.long)
    for row, words in enumerate(lengths):
        ids[row, 0] = START
        ids[row, 1 : words + 1] = torch.randint(START, (words,), generator=generator)
        mask[row, : words + 2] = 1
    emotions = torch.randint(4, (len(lengths), len(EMOTIONS)), generator=generator).sub(2).clamp(min=0).float()
    emotions[torch.rand(len(lengths), generator=generator) < 0.3] = 0
    return TextBatch(ids, mask, emotions)


def naming(*emotions: list[int]) -> TextBatch:
    """The same two words, (n, 4) tokens with both ends, with these emotion counts."""
    ids = torch.tensor([[START, 5, 6, END]]).expand(len(emotions), -1)
    return TextBatch(ids, torch.ones_like(ids), torch.tensor(emotions).float())


def clips(n: int, seed: int = 2, frames: int = SMALL_FRAMES) -> VideoBatch:
    """Random clips with a face in about two thirds of their frames; scores are there for all of them."""
    generator = torch.Generator().manual_seed(seed)
    faces = torch.rand(n, frames, len(EMOTIONS), generator=generator) / len(EMOTIONS)
    seen = torch.rand(n, frames, generator=generator) < 0.67
    return VideoBatch(torch.randn(n, frames, 3, 32, 32, generator=generator), faces, seen)
