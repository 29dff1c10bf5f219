"""The contract every variant keeps: plain CLIP-ViP with hooks. A subclass overrides only what differs."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from bench.data.batch import SwappedBatch, TextBatch, VideoBatch
from bench.model.backbone import Backbone
from bench.model.clip_vip import VideoTokens


class Variant(nn.Module):
    """Plain CLIP-ViP. Features are (B, P) and of unit norm unless `similarity` is overridden too.

    Hyperparameters are keyword-only arguments of `__init__`, each with an annotation (float, int, bool, str) and a
    default: they appear in `bench list variants`, as `--hp.NAME`, and in the record. `docs/variants.md` shows how.

    What the variant asks for:
    text_needs: ("emotions",) if the variant reads a caption's emotions.
    video_needs: ("faces",) if it reads the facial expressions of a clip's frames.

    What it claims; each claim is tested, none is needed:
    starts_as_plain: at step 0 the features equal plain's to the bit.
    adds_at_b32: how many parameters it adds to CLIP-ViP B/32, worked out by hand.
    learns_from: of "emotions" and "faces", those by which it learns to tell pairs apart that differ in nothing else.

    at_chance: what is known of its runs that find no more than guessing would; stands under the table of such a run.

    What it asks to be excused from:
    plain_without_emotion: False if a caption without emotion, or a clip without any face, is not as plain has it.
    counts_matter: True if it matters how often a caption names an emotion, and not only whether.
    """

    text_needs: ClassVar[tuple[str, ...]] = ()
    video_needs: ClassVar[tuple[str, ...]] = ()
    starts_as_plain: ClassVar[bool] = False
    adds_at_b32: ClassVar[int | None] = None
    learns_from: ClassVar[tuple[str, ...]] = ()
    plain_without_emotion: ClassVar[bool] = True
    counts_matter: ClassVar[bool] = False
    at_chance: ClassVar[str] = ""

    def __init__(self, backbone: Backbone):
        super().__init__()
        self.backbone = backbone

    @staticmethod
    def phrase(caption: str, emotions: tuple[str, ...]) -> str:
        """The words that are tokenized for a caption; `emotions`: those it names, where `text_needs` asks for them."""
        return caption

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        """Changes the caption's tokens, with their positions, before the text tower. (B, L, D) -> (B, L, D)."""
        return tokens

    def fuse_video(self, tokens: VideoTokens, video: VideoBatch) -> VideoTokens:
        """Changes the clip's tokens before the vision tower; may append proxies, or a patch to every frame."""
        return tokens

    def encode_text(self, text: TextBatch) -> Tensor:  # (B, P)
        """Captions to features."""
        if text.features is not None:
            return text.features
        return self.backbone.encode_text(
            text.input_ids, text.attention_mask, lambda tokens: self.fuse_text(tokens, text)
        )

    def encode_video(self, video: VideoBatch) -> Tensor:  # (B, P), or (B, T, P) with a `similarity` that takes it
        """Clips to features."""
        if video.features is not None:
            return video.features
        return self.backbone.encode_video(video.pixels, lambda tokens: self.fuse_video(tokens, video))

    def similarity(self, text: Tensor, video: Tensor) -> Tensor:  # (N, P), (M, P) -> (N, M)
        """The score of every caption with every clip, before the temperature; higher is better."""
        return text @ video.T

    def extra_losses(
        self, text: TextBatch, video: VideoBatch, text_features: Tensor, video_features: Tensor
    ) -> dict[str, Tensor]:
        """Scalars by name, weighted already, that are added to the contrastive loss.

        text, video, and features: of the whole batch, also where it is encoded in chunks. So what these losses need of
        the towers they take from the features, not from what a hook has left in `self`.
        """
        return {}

    def take_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Pops this variant's own keys out of a published checkpoint; returns them under this module's names."""
        return {}

    def forward(
        self, text: TextBatch, video: VideoBatch, swapped: SwappedBatch | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """One pass for training, as distributed training needs it: features, the scale after exp, and the features of
        swapped captions, which no extra loss sees.
        """
        text_features, video_features = self.encode_text(text), self.encode_video(video)
        swapped_features = None if swapped is None else self.encode_text(swapped)
        return text_features, video_features, self.backbone.logit_scale.exp(), swapped_features

    @classmethod
    def reads_emotion_at_test(cls) -> bool:
        """Whether a score can depend on emotions or faces; False where they serve a loss alone, or nothing."""
        hooks = ("phrase", "fuse_text", "fuse_video", "encode_text", "encode_video")
        changed = any(getattr(cls, hook) is not getattr(Variant, hook) for hook in hooks)
        return changed and bool(cls.text_needs or cls.video_needs)

    @classmethod
    def needs_tokens(cls) -> bool:
        """Whether it changes tokens inside the towers, which CLIP-ViP alone lets it at."""
        return cls.fuse_text is not Variant.fuse_text or cls.fuse_video is not Variant.fuse_video

    @property
    def added_parameters(self) -> int:
        """How many parameters the variant has beside the backbone's."""
        return sum(p.numel() for p in self.parameters()) - sum(p.numel() for p in self.backbone.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.backbone.logit_scale.device
