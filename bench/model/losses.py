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


def contrastive_loss(
    text: Tensor,
    video: Tensor,
    scale: Tensor,
    similarity: Similarity,
    negatives: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """CLIP-ViP's InfoNCE: cross-entropy text-to-video plus video-to-text, a sum and not a mean; a scalar.

    text, video: (b, P), this rank's pairs, row i with row i.  scale: the temperature, after exp.
    negatives: (m, P) and (m,), swapped captions and the pairs that they were made from, each at most once. A swapped
    caption is a rival in the row of its own clip alone: it may be true of another clip, such as a twin. So it stays on
    its rank.
    The rivals are the features of all ranks; the rows are this rank's, so that the mean of the ranks' losses, which is
    what distributed training steps on, is the loss of the whole batch.
    Source: Radford et al., CLIP, arXiv 2103.00020, with CLIP-ViP's sum of both directions; for negatives, Yuksekgonul
    et al., arXiv 2210.01936, who exchange the order of words.
    """
    rank = dist.get_rank() if dist.is_initialized() else 0
    target = torch.arange(len(text), device=text.device) + rank * len(text)
    t2v = scale * similarity(text, gather(video))  # (b, B)
    v2t = scale * similarity(gather(text), video).T  # (b, B)
    if negatives is not None:
        swapped, rows = negatives
        own = scale * similarity(swapped, video)[torch.arange(len(rows), device=rows.device), rows]  # (m,)
        none = torch.full((len(video),), -torch.inf, dtype=own.dtype, device=own.device)
        v2t = torch.cat([v2t, none.index_put((rows,), own)[:, None]], dim=1)  # (b, B + 1)
    return cross_entropy(t2v, target) + cross_entropy(v2t, target)
