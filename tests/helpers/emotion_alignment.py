"""The loss of emotion_alignment on made features, and its half in one of two processes.

Processes that a test spawns import this by its name; a test's own module they could not find.
"""

from dataclasses import replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import normalize

from bench.data.batch import TextBatch, VideoBatch
from bench.model.small_models import make, naming

EMOTIONS = [[1, 0, 0, 0, 0, 0, 0, 0], [1, 2, 0, 0, 0, 0, 0, 0], [0] * 8, [0, 0, 0, 0, 0, 0, 1, 0]]


def features(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    text, video = (normalize(torch.randn(n, 6, generator=generator), dim=1) for _ in range(2))
    return text.requires_grad_(), video.requires_grad_()


def loss(text: TextBatch, texts: Tensor, videos: Tensor, **hyperparameters: object) -> Tensor:
    variant = make("emotion_alignment", **hyperparameters)
    return variant.extra_losses(text, VideoBatch(torch.zeros(len(text), 1)), texts, videos)["emotion_alignment"]


def rank(number: int, address: str, folder: str) -> None:
    """Half of the pairs, with emotions spread unevenly, in one of two processes."""
    dist.init_process_group("gloo", init_method=address, rank=number, world_size=2, timeout=timedelta(seconds=60))
    rows = slice(2 * number, 2 * number + 2)
    texts, videos = (side.detach()[rows].requires_grad_() for side in features(4))
    text = naming(*EMOTIONS)
    text = replace(text, input_ids=text.input_ids[rows], attention_mask=text.attention_mask[rows])
    assert text.emotions is not None
    own = loss(replace(text, emotions=text.emotions[rows]), texts, videos)
    (own / 2).backward()  # training steps on the mean over ranks
    torch.save({"loss": own.detach(), "text": texts.grad, "video": videos.grad}, f"{folder}/{number}.pt")
    dist.destroy_process_group()
