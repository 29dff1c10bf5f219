"""What a model is given. `TextBatch` holds nothing of the video, `VideoBatch` nothing of the caption: none can peek."""

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from .pixels import normalize


@dataclass(frozen=True)
class Batch:
    """Tensors whose first dimension is the sample."""

    def to(self, device: torch.device) -> Self:
        """Everything on `device`; frames that are still bytes become CLIP-normalized floats there."""
        moved = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        }
        return replace(self, **moved)

    def pin_memory(self) -> Self:
        """What `DataLoader(pin_memory=True)` calls, so that `to` need not wait."""
        pinned = {f.name: value.pin_memory() for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(self, **pinned)

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True)
class TextBatch(Batch):
    """Captions. `emotions` is there only for variants whose `text_needs` names it."""

    input_ids: Tensor  # (B, L) int64
    attention_mask: Tensor  # (B, L) int64, 1 for words and both ends
    emotions: Tensor | None = None  # (B, 8) float32, NRC word counts in the order of EMOTIONS


@dataclass(frozen=True)
class VideoBatch(Batch):
    """Clips."""

    pixels: Tensor  # (B, T, 3, H, W) float32, CLIP-normalized; until `to`: (B, T, H, W, 3) uint8

    def to(self, device: torch.device) -> Self:
        moved = super().to(device)
        return replace(moved, pixels=normalize(moved.pixels)) if moved.pixels.dtype == torch.uint8 else moved
