"""A plugin for tests alone: variants of kinds that really occur and that no shipped one is."""

import torch
from torch import nn
from torch.nn.functional import normalize

from bench import Variant, register


@register("running_mean")
class RunningMean(Variant):
    """A buffer: video features are batch-normed, so that part of what training leaves is no parameter."""

    plain_without_emotion = False

    def __init__(self, backbone):
        super().__init__(backbone)
        self.norm = nn.BatchNorm1d(backbone.config.projection_dim)

    def encode_video(self, video):  # -> (B, P)
        return normalize(self.norm(super().encode_video(video)), dim=-1)


@register("tied")
class Tied(Variant):
    """Tied weights: tokens are compared with the emotions' embeddings, which are added; and the backbone's own, too."""

    text_needs = ("emotions",)

    def __init__(self, backbone):
        super().__init__(backbone)
        self.emotion = nn.Embedding(8, backbone.text_width)
        self.readout = nn.Linear(backbone.text_width, 8, bias=False)
        self.readout.weight = self.emotion.weight
        self.words = backbone.clipmodel.text_model.embeddings.token_embedding
        self.register_buffer("first_word", self.words.weight.data[0])  # shares memory with a part of a parameter

    def fuse_text(self, tokens, text):  # (B, L, D) -> (B, L, D)
        likeness = torch.sigmoid(self.readout(tokens)) * text.present[:, None]  # (B, L, 8)
        return tokens + likeness @ self.emotion.weight


@register("text_pooling")
class TextPooling(Variant):
    """Text-conditioned pooling: one feature for every frame, weighed by how well it goes with the text."""

    plain_without_emotion = False

    def __init__(self, backbone, *, sharpness: float = 10.0):
        super().__init__(backbone)
        self.sharpness = sharpness

    def encode_video(self, video):  # -> (B, T, P)
        tokens = self.fuse_video(self.backbone.embed_video(video.pixels), video)
        M, T, L = tokens.proxies.shape[1], *tokens.patches.shape[1:3]
        hidden = self.backbone.run_video(tokens)[:, M:].unflatten(1, (T, L)).mean(dim=2)  # (B, T, D)
        return self.backbone.project_video(hidden.flatten(0, 1)[:, None]).unflatten(0, (-1, T))

    def similarity(self, text, video):  # (N, P), (M, T, P) -> (N, M)
        frames = torch.einsum("np,mtp->nmt", text, video)
        return (frames * (self.sharpness * frames).softmax(dim=-1)).sum(dim=-1)
