"""What a clip's score with a query loses without one of its frames; see `bench.analysis.explain`."""

from typing import Any

import torch

from bench.data.batch import TextBatch, VideoBatch
from bench.model.variant import Variant

CLIPS_AT_ONCE = 4


@torch.no_grad()
def occlude(variant: Variant, text: TextBatch, clip: VideoBatch) -> tuple[list[float], float]:
    """For each of the T frames of one clip, on the variant's device, the score minus the score without that frame; and
    the score without any frame.

    A frame is taken away by painting it grey, in the mean colour of CLIP's images; no face is seen in it then. Its own
    mean colour would still tell a beach from a night.
    """
    T = clip.pixels.shape[1]
    rows = [clip, *(_without(clip, [t]) for t in range(T)), _without(clip, list(range(T)))]
    parts = [_stack(rows[at : at + CLIPS_AT_ONCE]) for at in range(0, len(rows), CLIPS_AT_ONCE)]
    features = torch.cat([variant.encode_video(part).float() for part in parts])  # (1 + T + 1, …)
    scores = variant.similarity(variant.encode_text(text).float(), features)[0]
    return (scores[0] - scores[1:-1]).tolist(), scores[-1].item()


def _without(clip: VideoBatch, frames: list[int]) -> VideoBatch:
    pixels = clip.pixels.clone()
    pixels[:, frames] = 0  # of normalized pixels
    seen = None if clip.seen is None else clip.seen.clone()
    if seen is not None:
        seen[:, frames] = False
    return VideoBatch(pixels, clip.faces, seen)


def _stack(clips: list[VideoBatch]) -> VideoBatch:
    def column(name: str) -> Any:
        parts = [getattr(clip, name) for clip in clips]
        return None if parts[0] is None else torch.cat(parts)

    return VideoBatch(column("pixels"), column("faces"), column("seen"))
