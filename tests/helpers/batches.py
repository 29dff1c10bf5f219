"""A made training batch, its gradients whole and in chunks, and its halves in two processes with theirs in chunks.

Processes that a test spawns import this by its name; a test's own module they could not find.
"""

import os

import torch
from accelerate import Accelerator
from torch import Tensor

from bench.data.batch import SwappedBatch
from bench.engine.step import TrainingBatch, backward
from bench.model.small_models import captions, clips, trained
from bench.model.variant import Variant

PAIRS = 6


def made_batch() -> TrainingBatch:
    """Six pairs, three of which have a swapped caption: two in the first half, one in the second."""
    swapped = SwappedBatch(**vars(captions([4, 2, 5], seed=3)), rows=torch.tensor([4, 0, 2]))
    return captions([3, 7, 5, 1, 4, 2]), clips(PAIRS), swapped


def gradients(variant: Variant, batch: TrainingBatch, accelerator: Accelerator, chunk: int = 0) -> dict[str, Tensor]:
    """Those of the batch, by parameter; they are taken off the variant. The loss is among them, as "loss"."""
    loss = backward(accelerator.prepare(variant), variant, batch, accelerator, chunk)
    found = {name: value.grad for name, value in variant.named_parameters() if value.grad is not None}
    variant.zero_grad()
    return {**found, "loss": loss}


def rank(number: int, port: int, name: str, folder: str) -> None:
    """Half of the batch in one of two processes, two pairs at a time."""
    world = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in world.items()}
    text, video, swapped = made_batch()
    rows = slice(3 * number, 3 * number + 3)
    assert swapped is not None
    half = text.pick(rows), video.pick(rows), swapped.of(rows)
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    torch.save(gradients(trained(name).train(), half, accelerator, chunk=2), f"{folder}/{number}.pt")
    accelerator.end_training()
