"""Batches in chunks and layers that are computed again: the gradients of the whole batch, in less memory."""

import runpy
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from accelerate import Accelerator
from helpers.batches import gradients, made_batch, rank
from helpers.runs import bench
from torch import Tensor, nn
from torch.nn.functional import dropout

from bench.config import TrainConfig
from bench.engine.step import TrainingBatch, backward
from bench.engine.train import make_accelerator
from bench.errors import UsageError
from bench.model import grad_cache, variant_registry
from bench.model.losses import contrastive_loss
from bench.model.small_models import trained
from bench.model.variant import Variant

EVERY = sorted(variant_registry.entries())


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


def with_dropout(variant: Variant) -> Variant:
    """Drops a tenth of what every layer norm gives: in each of the towers' layers, and in what a variant adds."""
    for module in variant.modules():
        if isinstance(module, nn.LayerNorm):
            module.register_forward_hook(lambda _, inputs, found: dropout(found, 0.1, training=True))
    return variant


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference; of a gradient above 1, as a share of it."""
    assert one.keys() == other.keys()
    return max(((one[name] - value).abs() / value.abs().clamp(min=1)).max().item() for name, value in other.items())


@pytest.mark.parametrize("name", EVERY)
def test_chunks_have_the_gradients_of_the_whole_batch(name: str, accelerator: Accelerator) -> None:
    variant, batch = trained(name).train(), made_batch()
    whole = gradients(variant, batch, accelerator)
    assert any(value.abs().max() > 0.1 for value in whole.values())
    for chunk in (1, 4):  # 4: the last chunk is shorter
        assert apart(gradients(variant, batch, accelerator, chunk), whole) < 1e-5


@pytest.fixture
def fp32_again() -> Iterator[None]:
    """Accelerate keeps one state for the whole process, precision and all."""
    yield
    make_accelerator(TrainConfig(precision="fp32", accumulation=1), "cpu")


def gradients_in(precision: Any, name: str, *chunks: int) -> list[dict[str, Tensor]]:
    accelerator = make_accelerator(TrainConfig(precision=precision, accumulation=1), "cpu")
    variant, batch = trained(name).train(), made_batch()
    return [gradients(variant, batch, accelerator, chunk) for chunk in chunks]


def share_apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """How long the difference of two gradients is, as a share of the second one's length."""
    assert one.keys() == other.keys()
    difference, length = (
        torch.cat([part.flatten() for name, part in parts.items() if name != "loss"]).norm().item()
        for parts in ({name: one[name] - value for name, value in other.items()}, other)
    )
    return difference / length


@pytest.mark.parametrize("name", EVERY)
def test_chunks_in_bf16_have_the_gradients_of_the_whole_batch_but_for_rounding(name: str, fp32_again: None) -> None:
    """bf16 rounds to 2^-9: a parameter's gradient once for the whole batch, and once for every chunk.

    That is little beside what all of bf16's roundings change of the gradient in fp32.
    """
    [exact] = gradients_in("fp32", name, 0)
    whole, *in_chunks = gradients_in("bf16", name, 0, 2, 4)
    assert share_apart(whole, exact) > 2**-7
    for found in in_chunks:
        assert share_apart(found, whole) < 2**-7
        assert found["loss"].item() == pytest.approx(whole["loss"].item(), rel=2**-8)


def kept_graphs(variant: Variant, batch: TrainingBatch, chunk: int) -> dict[str, Tensor]:
    """The same gradients from the definition: chunks encoded in order, each with its graph, and one backward pass."""
    text, video, swapped = batch
    assert swapped is not None and swapped.rows.tolist() == [0, 2, 4]
    rows = [slice(start, start + chunk) for start in range(0, len(text), chunk)]
    parts = [variant(text.pick(some), video.pick(some), swapped.of(some)) for some in rows]
    texts, videos = (torch.cat([part[side] for part in parts]) for side in (0, 1))
    negatives = torch.cat([part[3] for part in parts if part[3] is not None])
    loss = contrastive_loss(texts, videos, parts[0][2], variant.similarity, (negatives, swapped.rows))
    loss = loss + sum(variant.extra_losses(text, video, texts, videos).values())
    loss.backward()
    found = {name: value.grad for name, value in variant.named_parameters() if value.grad is not None}
    variant.zero_grad()
    return {**found, "loss": loss.detach()}


def in_order(batch: TrainingBatch) -> TrainingBatch:
    """With the swapped captions in the order of their pairs."""
    text, video, swapped = batch
    assert swapped is not None
    return text, video, swapped.pick(swapped.rows.argsort())


@pytest.mark.parametrize("name", EVERY)
def test_the_second_pass_draws_the_same_dropout_as_the_first(name: str, accelerator: Accelerator) -> None:
    variant, batch = with_dropout(trained(name).train()), in_order(made_batch())
    torch.manual_seed(1)
    wanted = kept_graphs(variant, batch, chunk=4)
    drawn_next = torch.rand(1)
    torch.manual_seed(1)
    assert apart(gradients(variant, batch, accelerator, chunk=4), wanted) < 1e-5
    assert torch.rand(1) == drawn_next  # the second pass leaves no trace in the random states


def test_without_the_first_pass_s_random_states_gradients_are_wrong(
    accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant, batch = with_dropout(trained("film_text").train()), in_order(made_batch())
    torch.manual_seed(1)
    wanted = kept_graphs(variant, batch, chunk=4)
    monkeypatch.setattr(grad_cache, "_set_random_states", lambda states: None)
    torch.manual_seed(1)
    assert apart(gradients(variant, batch, accelerator, chunk=4), wanted) > 1e-3


def test_swapped_captions_whose_order_is_not_their_pairs_stay_with_their_pairs(accelerator: Accelerator) -> None:
    variant, (text, video, swapped) = trained("plain").train(), made_batch()
    assert swapped is not None
    other_order = swapped.pick([2, 0, 1])
    one, other = (gradients(variant, (text, video, some), accelerator, 2) for some in (swapped, other_order))
    assert apart(one, other) < 1e-5


def test_gradients_of_accumulated_batches_add_up(accelerator: Accelerator) -> None:
    variant, batch = trained("plain").train(), made_batch()
    once = gradients(variant, batch, accelerator)
    backward(variant, variant, batch, accelerator, chunk=2)
    twice = gradients(variant, batch, accelerator, chunk=2)
    assert apart({**twice, "loss": 2 * twice["loss"]}, {name: 2 * value for name, value in once.items()}) < 1e-5


def test_layers_that_are_computed_again_give_the_same_gradients(accelerator: Accelerator) -> None:
    variant, batch = trained("face_text_fusion").train(), made_batch()
    whole, calls = gradients(variant, batch, accelerator), []
    encoder = variant.backbone.clipmodel.vision_model.encoder
    encoder.layers[1].layer_norm1.register_forward_hook(lambda *_: calls.append(1))
    gradients(variant, batch, accelerator)
    assert len(calls) == 1
    variant.backbone.recompute()
    assert apart(gradients(variant, batch, accelerator), whole) < 1e-5
    assert len(calls) == 1 + 2


def test_a_backbone_without_such_layers_says_so() -> None:
    backbone = trained("plain").backbone
    backbone.clipmodel = nn.Linear(1, 1)
    with pytest.raises(UsageError, match="cannot do that with this model"):
        backbone.recompute()


def test_a_run_in_chunks_is_the_same_run_with_the_same_losses(command: Callable[..., list[str]]) -> None:
    settings = {"variant": "emotion_alignment", "train__negatives": "swapped", "train__accumulation": 2}
    whole = bench(command(**settings))
    chunked = bench([*command("chunked", train__chunk=3, **settings), "--train.recompute"])
    assert chunked.run == whole.run
    assert (chunked.config["train"]["chunk"], chunked.config["train"]["recompute"]) == (3, True)
    losses = [[point["loss"] for point in record.curve] for record in (whole, chunked)]
    assert np.abs(np.subtract(*losses)).max() < 1e-4


def test_the_benchmark_of_large_batches_measures_every_case(tmp_path: Path) -> None:
    script = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "large_batches.py"))
    planned = script["plan"]("tiny", batch=2, times=2, frames=2, device="cpu", folder=tmp_path)
    assert all(script["measure"](case).keys() == {"fits", "bytes", "seconds"} for case in planned[1:3])
    assert script["difference"](tmp_path / "2.pt", tmp_path / "1.pt") < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emotion_alignment", "face_text_fusion"])
def test_two_processes_in_chunks_have_the_gradients_of_the_whole_batch(name: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(rank, args=(port, name, str(tmp_path)), nprocs=2)
    whole = gradients(trained(name).train(), made_batch(), Accelerator(cpu=True))
    first, second = (torch.load(tmp_path / f"{number}.pt") for number in range(2))
    assert (first.pop("loss") + second.pop("loss")).item() / 2 == pytest.approx(whole.pop("loss").item(), rel=1e-5)
    assert apart(first, second) == 0
    assert apart(first, whole) < 1e-5
