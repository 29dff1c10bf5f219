"""Features, scores, ranks: every query against the whole gallery, in both directions.

Ranks are counted, not sorted: g rivals score above the true one, e equal to it. What is made of them is in
`bench.metrics.ranking`. Scores are float32 and identical captions are encoded once, so that equal texts have equal
scores.
"""

from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from .config import RunConfig
from .data.loading import TEST, Collator, Samples, load
from .errors import BenchError
from .metrics.ranking import points
from .progress import progress
from .variant import Variant

BATCH = 64  # samples at once without gradient; it changes nothing but the speed


@dataclass(frozen=True)
class Scores:
    """Query i's true answer is clip i. ranks: {"t2v", "v2t"} -> {"greater", "equal"} -> (N,) int64."""

    text: Tensor  # (N, …) features
    video: Tensor  # (N, …)
    similarity: np.ndarray  # (N, N) float32
    ranks: dict[str, dict[str, np.ndarray]]

    def points(self) -> dict[str, float]:
        """Recalls and ranks without intervals, e.g. "T2V R@1"."""
        return {
            f"{way.upper()} {name}": round(value, 4)
            for way, counts in self.ranks.items()
            for name, value in points(counts["greater"], counts["equal"]).items()
        }


def count_ranks(similarity: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """How many rivals score above the true answer, and how many equal to it. similarity: (N, N), text by video.

    The true scores are the diagonal of the same matrix. A score that is not a number is a BenchError.
    """
    if not np.isfinite(similarity).all():
        rows = np.flatnonzero(~np.isfinite(similarity).all(axis=1))
        raise BenchError(
            f"{len(rows)} queries have scores that are no numbers (the first is query {rows[0]}): the weights are "
            "broken. Remove the run's folder and train again with a lower --train.lr."
        )
    true = similarity.diagonal()
    return {
        "t2v": {
            "greater": (similarity > true[:, None]).sum(axis=1),
            "equal": (similarity == true[:, None]).sum(axis=1) - 1,
        },
        "v2t": {
            "greater": (similarity > true[None, :]).sum(axis=0),
            "equal": (similarity == true[None, :]).sum(axis=0) - 1,
        },
    }


def twin_wins(similarity: np.ndarray, twins: dict[int, int]) -> dict[int, float]:
    """For each query with a twin: 1 if its own clip scores above its twin's, 0.5 if equal, 0 if below."""
    return {
        query: (np.sign(similarity[query, query] - similarity[query, twin]).item() + 1) / 2
        for query, twin in twins.items()
    }


@torch.no_grad()
def evaluate(
    variant: Variant, samples: Samples, collate: Collator, config: RunConfig, accelerator: Accelerator
) -> Scores:
    """Encodes a test split, over all processes, and ranks every query in both directions."""
    variant.eval()
    captions = [samples.caption(clip, None) for clip in samples.clips]
    unique = list(dict.fromkeys(captions))
    text = encode_captions(variant, unique, collate, accelerator)
    video = encode_clips(variant, samples, collate, config, accelerator)
    place = {caption: row for row, caption in enumerate(unique)}
    rows = torch.tensor([place[caption] for caption in captions])
    scores = torch.cat([variant.similarity(part, video).float() for part in text.split(1024)])  # (unique, N)
    similarity = scores.cpu()[rows].numpy()
    return Scores(text.cpu()[rows], video.cpu(), similarity, count_ranks(similarity))


def encode_captions(variant: Variant, captions: list[str], collate: Collator, accelerator: Accelerator) -> Tensor:
    """(n, …) features, in the order of `captions`."""
    parts = []
    with accelerator.autocast():
        for start in range(0, len(captions), BATCH):
            batch = collate.text(captions[start : start + BATCH]).to(accelerator.device)
            parts.append(variant.encode_text(batch).float())
    return torch.cat(parts)


def encode_clips(
    variant: Variant, samples: Samples, collate: Collator, config: RunConfig, accelerator: Accelerator
) -> Tensor:
    """(N, …) features, in the order of the split. Each process encodes a share; every clip comes back once."""
    world, rank = accelerator.num_processes, accelerator.process_index
    share = -(-len(samples) // world)
    places = [
        place % len(samples) for place in range(rank * share, (rank + 1) * share)
    ]  # equal shares: some clips twice
    keys = [[(TEST, place) for place in places[start : start + BATCH]] for start in range(0, share, BATCH)]
    batches = load(samples, keys, collate.video, config.video.workers)
    features, seen = [], []
    if accelerator.is_main_process:
        batches = progress(batches, total=len(keys), what="encoding clips", unit="batch")
    for numbers, video in batches:
        with accelerator.autocast():
            features.append(variant.encode_video(video.to(accelerator.device)).float())
        seen += numbers
    gathered = accelerator.gather(torch.cat(features))
    numbers = accelerator.gather(torch.tensor(seen, device=accelerator.device)).cpu().numpy()
    unique, first = np.unique(numbers, return_index=True)
    if unique.tolist() != list(range(len(samples))):
        raise BenchError(
            "a clip was lost on the way between processes; nothing is scored. Start the same command again."
        )
    return gathered[torch.from_numpy(first).to(gathered.device)]
