"""Emotions scale the tokens of a caption."""

import torch
from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip

WIDTH = 64  # of the space in which emotions and tokens meet, as wide as one of CLIP's heads


@register("attention_modulation")
class AttentionModulation(Variant):
    """Scales every text token by how much the caption's emotions attend to it, before the text tower.

    The mean query (B, 64) of the caption's emotions meets a key (B, L, 64) of every layer-normed token; the softmax
    over the caption's n tokens, times n, is a token's score (B, L), 1 on average. The token (B, L, D) is scaled by
    1 + tanh(gate) * (score - 1), with a gate that starts at 0. A caption without emotion passes unchanged. Adds
    8 x 64 + D x 64 + 2 D + 1 parameters, D the text tower's width. A weak way in: the tower's layer norms undo most
    of a token's scale.
    Source: MIE1517 (2024), the second of the alternatives it draws and leaves to later work.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 8 * 64 + 512 * 64 + 2 * 512 + 1

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        self.query = nn.Embedding(len(EMOTIONS), WIDTH)
        self.norm = nn.LayerNorm(backbone.text_width)  # CLIP's tokens are so small that all would score the same
        self.key = nn.Linear(backbone.text_width, WIDTH, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        there = text.attention_mask.bool()  # (B, L)
        logits = torch.einsum("bw,blw->bl", text.shares @ self.query.weight, self.key(self.norm(tokens))) / WIDTH**0.5
        attention = logits.masked_fill(~there, -torch.inf).softmax(dim=1)  # (B, L)
        scores = attention * there.sum(dim=1, keepdim=True)  # 1 on average over the caption's tokens
        emotional = text.present.any(dim=1, keepdim=True)  # (B, 1)
        scale = 1 + torch.tanh(self.gate) * (scores - 1) * (there & emotional)
        return tokens * scale[:, :, None]
