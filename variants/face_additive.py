"""The mean facial expression of a clip, added to the proxies."""

from dataclasses import replace

from torch import nn

from bench import Variant, register
from bench.data.batch import VideoBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip, VideoTokens


@register("face_additive")
class FaceAdditive(Variant):
    """Adds the clip's mean facial expression, projected, to the proxies: the control for face_tokens.

    The scores are averaged over the frames that show a face, (B, T, 8) -> (B, 8), and projected to the vision tower's
    width D by weights that start at zero; the result is added to all proxies. A clip without any face passes unchanged.
    Adds 8 x D parameters.
    Source: this suite's; what additive_text does to the text, done to the video.
    """

    video_needs = ("faces",)
    starts_as_plain = True
    adds_at_b32 = 8 * 768
    learns_from = ("faces",)

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        self.face = nn.Linear(len(EMOTIONS), backbone.video_width, bias=False)
        nn.init.zeros_(self.face.weight)

    def fuse_video(self, tokens: VideoTokens, video: VideoBatch) -> VideoTokens:
        scores, seen = video.expressions
        mean = scores.sum(dim=1) / seen.sum(dim=1, keepdim=True).clamp(min=1)  # (B, 8)
        return replace(tokens, proxies=tokens.proxies + self.face(mean)[:, None])
