"""Emotion embeddings, added through a gate."""

import torch
from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip


@register("gated_additive")
class GatedAdditive(Variant):
    """Adds the mean embedding of a caption's emotions to every text token, through a learned gate that starts at 0.

    tokens (B, L, D) + tanh(gate) * mean (B, 1, D), before the text tower, where additive_text has no gate: whatever
    the embeddings start with, training decides how much of them comes in. A caption without emotion passes
    unchanged. Adds 8 x D + 1 parameters, D the text tower's width. init_std is the standard deviation of the
    embeddings' start, by default that of CLIP's own tokens.
    Source: MIE1517 (2024) for the sum; a tanh gate from 0 as in Alayrac et al., Flamingo, arXiv 2204.14198.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 8 * 512 + 1
    learns_from = ("emotions",)

    def __init__(self, backbone: ClipVip, *, init_std: float = 0.02):
        super().__init__(backbone)
        self.emotion = nn.Embedding(len(EMOTIONS), backbone.text_width)
        nn.init.normal_(self.emotion.weight, std=init_std)
        self.gate = nn.Parameter(torch.zeros(()))

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        mean = text.shares @ self.emotion.weight  # (B, D)
        return tokens + torch.tanh(self.gate) * mean[:, None]
