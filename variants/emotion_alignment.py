"""A loss that uses emotions; the model itself reads none."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from bench import Variant, register
from bench.data.batch import TextBatch, VideoBatch
from bench.model.clip_vip import ClipVip
from bench.model.losses import gather


@register("emotion_alignment")
class EmotionAlignment(Variant):
    """A loss only: texts and videos of like emotion are pulled together (supervised contrast); plain at test.

    In a batch of B pairs, features (B, P), a caption's positives are the clips whose captions share an emotion with
    it, weighted by how much they share (Jaccard index); pairs without emotion are nobody's positive. The loss is
    the mean, over captions with emotion and over both directions, of -sum_p w_p log softmax(similarity /
    temperature)_p with weights that add up to 1; `weight` times that is added to the contrastive loss. Adds no
    parameters.
    Source: Khosla et al., Supervised Contrastive Learning, arXiv 2004.11362; MIE1517 (2024) suggests such a loss.
    """

    text_needs = ("emotions",)
    starts_as_plain = True
    adds_at_b32 = 0

    def __init__(self, backbone: ClipVip, *, weight: float = 0.1, temperature: float = 0.1):
        super().__init__(backbone)
        if not (weight >= 0 and temperature > 0):
            raise ValueError("the weight must not be below 0, and the temperature must be above 0")
        self.weight, self.temperature = weight, temperature

    def extra_losses(
        self, text: TextBatch, video: VideoBatch, text_features: Tensor, video_features: Tensor
    ) -> dict[str, Tensor]:
        own, everyone = text.present, gather(text.present)  # (b, 8), (B, 8): of this rank's pairs, of all
        with torch.autocast(text_features.device.type, enabled=False):
            shared = own @ everyone.T  # (b, B)
            named = own.sum(dim=1, keepdim=True) + everyone.sum(dim=1) - shared
            likeness = shared / named.clamp(min=1)  # Jaccard index, 1 with oneself
            weights = likeness / likeness.sum(dim=1, keepdim=True).clamp(min=1e-6)
            t2v = text_features @ gather(video_features).T / self.temperature
            v2t = video_features @ gather(text_features).T / self.temperature
            pulled = -(weights * (log_softmax(t2v, dim=1) + log_softmax(v2t, dim=1))).sum() / 2
        share = len(own) / len(everyone)  # of the captions with emotion, so that the mean over ranks is the batch's
        return {"emotion_alignment": self.weight * pulled / (share * everyone.any(dim=1).sum().clamp(min=1))}
