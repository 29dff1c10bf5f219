"""Two scores, one for content and one for emotion, put together at the end."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench import Variant, register
from bench.data.batch import TextBatch, VideoBatch
from bench.emotions import EMOTIONS
from bench.model.clip_vip import ClipVip


@register("late_fusion")
class LateFusion(Variant):
    """At test, score = alpha * content + (1 - alpha) * emotion agreement; training-free, it is plain in training.

    Emotion agreement is the cosine of two vectors of 9: the emotions a caption names (or "none"), and the mean facial
    expression over the clip's frames with a face (with its calm rest as "none"). A clip without any face agrees with
    nothing. Features are (N, P + 9), content before emotion. alpha = 1 is plain. Adds no parameters.
    alpha weighs the cosines as they are: those of a large pretrained model differ by hundredths, so there it must be
    close to 1. Choose it on videos held out of training. On a model that is there: --init run:ID --train.epochs 0.
    Source: late fusion of modalities, as in Snoek et al., Early versus late fusion, ACM Multimedia 2005.
    """

    text_needs = ("emotions",)
    video_needs = ("faces",)
    adds_at_b32 = 0
    plain_without_emotion = False  # emotion stands beside the content, "none" too

    def __init__(self, backbone: ClipVip, *, alpha: float = 0.8):
        super().__init__(backbone)
        if not 0 <= alpha <= 1:
            raise ValueError("alpha must lie between 0 and 1")
        self.alpha = alpha

    def encode_text(self, text: TextBatch) -> Tensor:
        none = (~text.present.any(dim=1, keepdim=True)).float()  # (B, 1)
        emotion = normalize(torch.cat([text.present, none], dim=1), dim=1)  # (B, 9)
        return torch.cat([super().encode_text(text), emotion], dim=1)

    def encode_video(self, video: VideoBatch) -> Tensor:
        scores, seen = video.expressions
        calm = (1 - scores.sum(dim=2, keepdim=True)).clamp(min=0) * seen[..., None]  # pooled scores may exceed 1
        with_calm = torch.cat([scores, calm], dim=2)  # (B, T, 9)
        return torch.cat([super().encode_video(video), normalize(with_calm.sum(dim=1), dim=1)], dim=1)

    def similarity(self, text: Tensor, video: Tensor) -> Tensor:
        # copies: a product of slices may be rounded otherwise than plain's
        (text, text_emotion), (video, video_emotion) = (_parted(features) for features in (text, video))
        content = super().similarity(text, video)
        return content if self.training else self.alpha * content + (1 - self.alpha) * text_emotion @ video_emotion.T


def _parted(features: Tensor) -> tuple[Tensor, Tensor]:  # (N, P + 9) -> (N, P), (N, 9)
    content, emotion = features.tensor_split([-len(EMOTIONS) - 1], dim=1)
    return content.contiguous(), emotion.contiguous()
