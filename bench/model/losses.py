"""The contrastive loss, over one process or many."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import cross_entropy

Similarity = Callable[[Tensor, Tensor], Tensor]


class _Gather(torch.autograd.Function):
    """All ranks' features, in rank order, through which gradients flow back to the rank they came from."""

    @staticmethod
    def forward(ctx, features: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.size = len(features)
        parts = [torch.empty_like(features) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, features.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        start = dist.get_rank() * ctx.size
        return gradient[start : start + ctx.size]


def gather(features: Tensor) -> Tensor:  # (b, P) -> (B, P)
    """Features of all ranks with gradient; the argument itself in a single process. Every rank needs the same b."""
    return _Gather.apply(features) if dist.is_initialized() and dist.get_world_size() > 1 else features


def contrastive_loss(text: Tensor, video: Tensor, scale: Tensor, similarity: Similarity) -> Tensor:
    """CLIP-ViP's InfoNCE: cross-entropy text-to-video plus video-to-text, a sum and not a mean; a scalar.

    text, video: (b, P), this rank's pairs, row i with row i.  scale: the temperature, after exp.
    The rivals are the features of all ranks; the rows are this rank's, so that the mean of the ranks' losses, which is
    what distributed training steps on, is the loss of the whole batch.
    Source: Radford et al., CLIP, arXiv 2103.00020, with CLIP-ViP's sum of both directions.
    """
    rank = dist.get_rank() if dist.is_initialized() else 0
    target = torch.arange(len(text), device=text.device) + rank * len(text)
    t2v = scale * similarity(text, gather(video))  # (b, B)
    v2t = scale * similarity(gather(text), video).T  # (b, B)
    return cross_entropy(t2v, target) + cross_entropy(v2t, target)
