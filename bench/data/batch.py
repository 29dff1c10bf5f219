"""What a model is given. `TextBatch` holds nothing of the video, `VideoBatch` nothing of the caption: none can peek."""

from dataclasses import dataclass, field, fields, replace
from typing import Self

import torch
from torch import Tensor

from bench.data.pixels import normalize


@dataclass(frozen=True)
class Batch:
    """Tensors whose first dimension is the sample, and what holds for all of them."""

    def to(self, device: torch.device) -> Self:
        """Everything on `device`; frames that are still bytes become CLIP-normalized floats there."""
        return replace(self, **{name: value.to(device, non_blocking=True) for name, value in self._tensors().items()})

    def pin_memory(self) -> Self:
        """What `DataLoader(pin_memory=True)` calls, so that `to` need not wait."""
        return replace(self, **{name: value.pin_memory() for name, value in self._tensors().items()})

    def pick(self, rows: slice | list[int] | Tensor) -> Self:
        """Some of the samples."""
        return replace(self, **{name: value[rows] for name, value in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True)
class TextBatch(Batch):
    """Captions. `emotions` is there only for variants whose `text_needs` names it."""

    input_ids: Tensor  # (B, L) int64
    attention_mask: Tensor  # (B, L) int64, 1 for words and both ends
    emotions: Tensor | None = None  # (B, 8) float32 in the order of EMOTIONS: word counts, or scores in 0..1
    threshold: float = 0.0  # an emotion is named where its score is above it, as the emotion source declares
    features: Tensor | None = None  # (B, P) float32, a frozen text tower's; the tower itself is then not asked

    @property
    def present(self) -> Tensor:  # (B, 8)
        """1 for each emotion that a caption names, 0 for the others."""
        assert self.emotions is not None, "text_needs must name emotions"
        return (self.emotions > self.threshold).float()

    @property
    def shares(self) -> Tensor:  # (B, 8)
        """1/k for each of a caption's k emotions: shares @ embeddings is their mean, and zero without emotion."""
        return self.present / self.present.sum(dim=1, keepdim=True).clamp(min=1)


@dataclass(frozen=True)
class SwappedBatch(TextBatch):
    """Captions with their emotion word exchanged, for those of a batch that name one."""

    rows: Tensor = field(kw_only=True)  # (M,) int64, the place in the batch of the caption that each was made from

    def of(self, captions: slice) -> Self | None:
        """Those that were made from some captions of the batch, for a batch of these alone; None: there are none."""
        there = (self.rows >= captions.start) & (self.rows < captions.stop)
        part = self.pick(there)
        return replace(part, rows=part.rows - captions.start) if len(part) else None


@dataclass(frozen=True)
class VideoBatch(Batch):
    """Clips. `faces` and `seen` are there only for variants whose `video_needs` names faces."""

    pixels: Tensor  # (B, T, 3, H, W) float32, CLIP-normalized; until `to`: (B, T, H, W, 3) uint8
    faces: Tensor | None = None  # (B, T, 8) float32 in 0..1, expressions in the order of EMOTIONS; a calm face has none
    seen: Tensor | None = None  # (B, T) bool: whether there is a face in the frame; without one, `faces` means nothing
    features: Tensor | None = None  # (B, P) float32, a frozen video tower's; `pixels` is then (B, 0)

    @property
    def expressions(self) -> tuple[Tensor, Tensor]:  # (B, T, 8), (B, T)
        """`faces`, zero where there is none, and `seen`."""
        assert self.faces is not None and self.seen is not None, "video_needs must name faces"
        return self.faces * self.seen[..., None], self.seen

    def to(self, device: torch.device) -> Self:
        moved = super().to(device)
        return replace(moved, pixels=normalize(moved.pixels)) if moved.pixels.dtype == torch.uint8 else moved
