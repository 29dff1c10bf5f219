"""The gradient of a batch that does not fit in memory: chunk by chunk, equal to the whole batch's but for rounding.

The contrastive loss needs the features of all pairs of a batch; what takes the memory are the activations of the
towers, which the backward pass needs. So the towers run twice:

1. every chunk without a graph; only its features are kept
2. the loss of all features, and its gradients with respect to them
3. every chunk again, now with a graph and with the random states of its first pass, and back from its features

Source: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, arXiv 2101.06983.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

Encoded = tuple[Tensor | None, ...]  # those of each side, a row a sample; None: a chunk has none of that side
Chunk = TypeVar("Chunk")


def backward_in_chunks(
    chunks: Sequence[Chunk],
    encode: Callable[[Chunk], Encoded],
    loss_of: Callable[..., Tensor],
    backward: Callable[[Tensor], object] = torch.autograd.backward,
) -> Tensor:
    """Adds the gradients of `loss_of(*features of all chunks)` to the parameters; returns the loss, a scalar.

    encode: the features of a chunk, computed from the chunk and the weights alone. loss_of: takes one argument a side,
    the features of all chunks or None. backward: from the loss; it may scale it. Each chunk is encoded twice.
    """
    states, encoded = [], []
    with torch.no_grad():
        for chunk in chunks:
            states.append(_random_states())
            encoded.append(encode(chunk))
    whole = [_joined(side) for side in zip(*encoded, strict=True)]
    loss = loss_of(*whole)
    backward(loss)
    gradients = [_parted(side, parts) for side, parts in zip(whole, zip(*encoded, strict=True), strict=True)]
    for chunk, state, wanted in zip(chunks, states, zip(*gradients, strict=True), strict=True):
        with _replayed(state):
            again = encode(chunk)
        learned = [
            (features, gradient)
            for features, gradient in zip(again, wanted, strict=True)
            if features is not None and features.requires_grad and gradient is not None
        ]
        if learned:
            torch.autograd.backward([features for features, _ in learned], [gradient for _, gradient in learned])
    return loss.detach()


def _joined(side: tuple[Tensor | None, ...]) -> Tensor | None:
    """The features of all chunks, as the start of a graph."""
    parts = [features for features in side if features is not None]
    return torch.cat(parts).requires_grad_() if parts else None


def _parted(whole: Tensor | None, side: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    """The gradient of all features, cut into those of the chunks."""
    if whole is None or whole.grad is None:
        return [None] * len(side)
    return whole.grad.split([0 if features is None else len(features) for features in side])


def _random_states() -> dict[str, Any]:
    """Those of everything that a variant may draw from on this process's device."""
    states = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}  # noqa: NPY002
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    if torch.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])
    if "mps" in states:
        torch.mps.set_rng_state(states["mps"])


@contextmanager
def _replayed(states: dict[str, Any]) -> Iterator[None]:
    """Draws again what was drawn after `states`; afterwards the random states are as before."""
    now = _random_states()
    _set_random_states(states)
    try:
        yield
    finally:
        _set_random_states(now)
