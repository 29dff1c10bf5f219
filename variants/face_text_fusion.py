"""Emotions in the text, faces in the video."""

from typing import ClassVar

from bench import register
from variants.cross_attention import CrossAttention
from variants.face_tokens import FaceTokens


@register("face_text_fusion")
class FaceTextFusion(CrossAttention, FaceTokens):
    """cross_attention for the text and face_tokens for the video, together.

    Text tokens stay (B, L, D), patches (B, T, L, D) become (B, T, L + 1, D). Adds the parameters of both, and shares
    none. It does not start as plain, because face_tokens does not; its text features do.
    Source: as of its two parts.
    """

    text_needs = ("emotions",)
    video_needs = ("faces",)
    starts_as_plain = False
    adds_at_b32 = (4 * 512**2 + 14 * 512 + 1) + (8 * 768 + 3 * 768)
    learns_from: ClassVar[tuple[str, ...]] = ("emotions", "faces")
