"""Text tokens attend to the caption's emotions."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip


@register("cross_attention")
class CrossAttention(Variant):
    """Text tokens attend to emotion tokens, one for each emotion that the caption names, through a gate from 0.

    tokens (B, L, D) + tanh(gate) * attention(norm(tokens), emotions (B, 8, D)), before the text tower, with as many
    heads as the tower has. Emotions that are not named are masked; a caption without any passes unchanged. Adds 4
    D^2 + 14 D + 1 parameters: the attention with its biases, 8 emotion tokens, a layer norm, the gate.
    Source: gated cross-attention as in Alayrac et al., Flamingo, arXiv 2204.14198.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 4 * 512**2 + 14 * 512 + 1
    learns_from: ClassVar[tuple[str, ...]] = ("emotions",)  # a heir may learn from more

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        D = backbone.text_width
        self.emotion = nn.Parameter(torch.randn(len(EMOTIONS), D) * D**-0.5)
        self.norm = nn.LayerNorm(D)
        self.attention = nn.MultiheadAttention(D, backbone.text_heads, batch_first=True)
        self.gate = nn.Parameter(torch.zeros(()))

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        emotional = text.present.any(dim=1)[:, None]  # (B, 1)
        masked = (text.present == 0) & emotional  # (B, 8); something must be there to attend to
        emotions = self.emotion.expand(len(tokens), -1, -1)  # (B, 8, D)
        found, _ = self.attention(self.norm(tokens), emotions, emotions, key_padding_mask=masked, need_weights=False)
        return tokens + torch.tanh(self.gate) * found * emotional[:, None]
