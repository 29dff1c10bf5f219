"""Facial expressions as tokens of the video."""

from typing import ClassVar

from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import VideoBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip, VideoTokens


@register("face_tokens")
class FaceTokens(Variant):
    """A frame's facial expression becomes one more token beside the frame's patches; no face, no token.

    The 8 scores (T frames of them, in the order of EMOTIONS) are projected to the vision tower's width D and
    layer-normed, as the patches are: (B, T, L, D) becomes (B, T, L + 1, D). Under the proxy-guided attention the token
    is seen by its own frame and by the proxies, and by nobody where the frame has no face. Adds 8 D + 3 D parameters.
    It cannot start as plain: one more token takes its share of every softmax. A clip without any face is as plain has
    it.
    Source: video emotion tokens are proposed in MIE1517 (2024); the layout is CLIP-ViP's, arXiv 2209.06430.
    """

    video_needs = ("faces",)
    adds_at_b32 = 8 * 768 + 3 * 768
    learns_from: ClassVar[tuple[str, ...]] = ("faces",)

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        self.face = nn.Linear(len(EMOTIONS), backbone.video_width)
        self.face_norm = nn.LayerNorm(backbone.video_width)

    def fuse_video(self, tokens: VideoTokens, video: VideoBatch) -> VideoTokens:
        scores, seen = video.expressions
        token: Tensor = self.face_norm(self.face(scores))  # (B, T, D)
        return tokens.with_patch(token, seen)
