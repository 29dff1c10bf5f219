"""The inner step of training: one batch's loss and its gradient, whole or in chunks, in one process or many."""

from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from bench.data.batch import SwappedBatch, TextBatch, VideoBatch
from bench.model.grad_cache import Encoded, backward_in_chunks
from bench.model.losses import contrastive_loss
from bench.model.variant import Variant

TrainingBatch = tuple[TextBatch, VideoBatch, SwappedBatch | None]  # the last: swapped captions, where there are some


def backward(
    model: nn.Module, variant: Variant, batch: TrainingBatch, accelerator: Accelerator, chunk: int = 0
) -> Tensor:
    """Adds the gradients of a batch's loss to the parameters and returns the loss, a scalar without a graph.

    model: the variant, or Accelerate's wrapper of it. batch: this process's share, on any device. chunk: pairs whose
    activations are in memory at once; 0: all. Called under `accelerator.accumulate`, which says when the gradients of
    several processes become their mean.
    """
    if 0 < chunk < len(batch[0]):
        return _in_chunks(model, variant, batch, accelerator, chunk)
    text, video, swapped = _on(accelerator, batch)
    texts, videos, scale, swapped_texts = model(text, video, swapped)
    loss = _loss(texts, videos, swapped_texts, variant, (text, video, swapped), scale, accelerator)
    accelerator.backward(loss)
    return loss.detach()


def _in_chunks(
    model: nn.Module, variant: Variant, batch: TrainingBatch, accelerator: Accelerator, chunk: int
) -> Tensor:
    """The same in the memory of a chunk. Only a variant with losses of its own gets the whole batch on the device."""
    text, video, swapped = batch
    batch = text, video, swapped and swapped.pick(swapped.rows.argsort())  # in the order of the chunks
    whole = batch if type(variant).extra_losses is Variant.extra_losses else _on(accelerator, batch)

    def encode(part: TrainingBatch) -> Encoded:
        texts, videos, _, swapped_texts = model(*_on(accelerator, part))
        return texts, videos, swapped_texts

    def loss_of(texts: Tensor, videos: Tensor, swapped_texts: Tensor | None) -> Tensor:
        return _loss(texts, videos, swapped_texts, variant, whole, variant.backbone.logit_scale.exp(), accelerator)

    with accelerator.no_sync(model):  # every chunk adds to a parameter's gradient: it is shared after the last
        loss = backward_in_chunks(_cut(batch, chunk), encode, loss_of, accelerator.backward)
    if accelerator.sync_gradients and accelerator.num_processes > 1:
        for parameter in variant.parameters():
            if parameter.requires_grad:
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = accelerator.reduce(own, "mean")
    return loss


def _loss(
    texts: Tensor,
    videos: Tensor,
    swapped_texts: Tensor | None,
    variant: Variant,
    batch: TrainingBatch,
    scale: Tensor,
    accelerator: Accelerator,
) -> Tensor:
    """The contrastive loss and the variant's own losses, of the features of a whole batch."""
    text, video, swapped = batch
    negatives = None if swapped is None or swapped_texts is None else (swapped_texts, swapped.rows.to(texts.device))
    loss = contrastive_loss(texts, videos, scale, variant.similarity, negatives)
    with accelerator.autocast():
        extras = variant.extra_losses(text, video, texts, videos)
    return loss + sum(extras.values())


def _on(accelerator: Accelerator, batch: TrainingBatch) -> TrainingBatch:
    text, video, swapped = batch
    device = accelerator.device
    return text.to(device), video.to(device), swapped and swapped.to(device)


def _cut(batch: TrainingBatch, chunk: int) -> Sequence[TrainingBatch]:
    """Pairs in order, `chunk` at a time, each with the swapped captions that were made from its own."""
    text, video, swapped = batch
    ranges = [slice(start, start + chunk) for start in range(0, len(text), chunk)]
    return [(text.pick(rows), video.pick(rows), swapped and swapped.of(rows)) for rows in ranges]
