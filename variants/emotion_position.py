"""Positional embeddings of emotion."""

import torch
from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip


@register("emotion_position")
class EmotionPosition(Variant):
    """Adds a positional embedding of its own for every emotion: what a token gets depends on emotion and on place.

    Tokens (B, L, D) plus, at place l, the mean over the caption's emotions of a learned vector for (emotion, l),
    from (8, P, D), before the text tower. A caption without emotion passes unchanged. Adds 8 x P x D parameters, P
    the text tower's places, D its width. init_std is the standard deviation of their start; with 0 the variant
    starts as plain.
    Source: MIE1517 (2024), the first of the alternatives it draws and leaves to later work.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 8 * 77 * 512
    learns_from = ("emotions",)

    def __init__(self, backbone: ClipVip, *, init_std: float = 0.0):
        super().__init__(backbone)
        self.emotion = nn.Parameter(torch.randn(len(EMOTIONS), backbone.text_places, backbone.text_width) * init_std)

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        places = self.emotion[:, : tokens.shape[1]]  # (8, L, D)
        return tokens + torch.einsum("be,eld->bld", text.shares, places)
