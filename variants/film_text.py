"""Feature-wise modulation of the text by emotion."""

from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip


@register("film_text")
class FilmText(Variant):
    """FiLM: the caption's emotions scale and shift every feature of every text token, before the text tower.

    tokens (B, L, D) * (1 + scale) + shift, both (B, 1, D), the mean over the caption's emotions of learned vectors
    that start at zero. A caption without emotion passes unchanged. Adds 8 x 2D parameters, D the text tower's
    width.
    Source: Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, arXiv 1709.07871.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 8 * 2 * 512
    learns_from = ("emotions",)

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        self.film = nn.Embedding(len(EMOTIONS), 2 * backbone.text_width)
        nn.init.zeros_(self.film.weight)

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        scale, shift = (text.shares @ self.film.weight)[:, None].chunk(2, dim=-1)  # (B, 1, D) each
        return tokens * (1 + scale) + shift
