"""The baseline that everything is compared with."""

from bench import Variant, register


@register("plain")
class Plain(Variant):
    """CLIP-ViP as it is, without emotion (Xue et al., arXiv 2209.06430)."""

    starts_as_plain = True
    adds_at_b32 = 0
