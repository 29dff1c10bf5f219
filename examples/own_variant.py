"""A variant of your own in one file, that nothing else has to know of.

bench check-variant shifted_feature --plugin examples/own_variant.py
bench run --plugin examples/own_variant.py --variant shifted_feature
bench compare
"""

from torch import Tensor, nn
from torch.nn.functional import normalize

from bench import EMOTIONS, Variant, register
from bench.data.batch import TextBatch
from bench.model.clip_vip import ClipVip


@register("shifted_feature")
class ShiftedFeature(Variant):
    """Adds the mean vector of a caption's emotions to the caption's feature, after the text tower.

    feature (B, P) + strength * mean (B, P), of unit norm again. The vectors are learned and start at zero. A caption
    without emotion keeps its feature. Adds 8 x P parameters, P the width of the shared space.
    """

    text_needs = ("emotions",)
    adds_at_b32 = 8 * 512
    learns_from = ("emotions",)

    def __init__(self, backbone: ClipVip, *, strength: float = 1.0):
        super().__init__(backbone)
        self.strength = strength
        self.emotion = nn.Embedding(len(EMOTIONS), backbone.config.projection_dim)
        nn.init.zeros_(self.emotion.weight)

    def encode_text(self, text: TextBatch) -> Tensor:  # (B, P)
        mean = text.shares @ self.emotion.weight  # zero for a caption without emotion
        return normalize(super().encode_text(text) + self.strength * mean, dim=-1)
