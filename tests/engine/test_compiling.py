"""Compiled layers: the same numbers, few compilations, names as they are, and training without where it fails."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.runs import bench
from safetensors.torch import load_file
from torch import Tensor

from bench.data.batch import SwappedBatch, TextBatch
from bench.engine import compiling
from bench.engine.compiling import compilable, compiled, pays
from bench.model.backbone import layers
from bench.model.losses import contrastive_loss
from bench.model.small_models import captions, clips, make
from bench.model.variant import Variant

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
LENGTHS = ([3, 5, 1, 2], [6, 2, 2, 4], [7, 1, 3, 3], [4, 4, 5, 8])  # of the captions, batch by batch

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's own code
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Compiles in a moment: graphs are traced and run as they are. What it gives has an entry for every graph."""
    made: list[int] = []

    def counting(graph: Any, inputs: Any) -> Any:
        made.append(len(graph.graph.nodes))
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(compiling, "COMPILER", {"backend": counting})
    return made


def cut(text: TextBatch) -> TextBatch:
    """As long as its longest caption, as the collator makes them."""
    longest = int(text.attention_mask.sum(dim=1).max())
    return replace(text, input_ids=text.input_ids[:, :longest], attention_mask=text.attention_mask[:, :longest])


def swapped(number: int) -> SwappedBatch:
    """So many swapped captions, of the last pairs of a batch."""
    text = cut(captions([2 + number] * number, seed=9))
    return SwappedBatch(**vars(text), rows=torch.arange(4 - number, 4))


def loss_of(variant: Variant, step: int, precision: str = "fp32") -> Tensor:
    """Captions of other lengths, and another number of swapped ones, in each step."""
    texts = cut(captions(LENGTHS[step], seed=step))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        text, video, scale, negatives = variant(texts, clips(4, seed=step), swapped(step) if step else None)
        extras = variant.extra_losses(texts, clips(4, seed=step), text, video)
    rows = None if negatives is None else (negatives, torch.arange(4 - step, 4))
    return contrastive_loss(text, video, scale, variant.similarity, rows) + sum(extras.values())


def train(variant: Variant, on: bool) -> list[float]:
    """The losses of four steps."""
    optimizer = torch.optim.AdamW(variant.parameters(), lr=1e-3)
    losses = []
    with compiled(variant.train(), on):
        for step in range(len(LENGTHS)):
            loss = loss_of(variant, step)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


def gradient(name: str, on: bool, precision: str = "fp32", recompute: bool = False) -> Tensor:
    """Of the second step's loss, all numbers in a row."""
    variant = make(name).train()
    if recompute:
        variant.backbone.recompute()
    with compiled(variant, on):
        loss_of(variant, 1, precision).backward()
    return torch.cat([p.grad.flatten() for p in variant.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", ["face_tokens", "emotion_alignment"])
def test_compiled_layers_give_the_same_losses_in_few_compilations(name: str, compilations: list[int]) -> None:
    """Face tokens come with a mask of patches, emotion_alignment with a loss of its own."""
    usual = train(make(name), on=False)
    assert train(make(name), on=True) == pytest.approx(usual, abs=1e-5)
    assert 2 <= len(compilations) <= 3  # vision; text; text, of a single caption


def test_all_layers_of_a_tower_share_what_is_compiled(compilations: list[int]) -> None:
    variant = make("plain")
    assert len(layers(variant)) == 2 + 3
    with compiled(variant.train(), on=True):
        variant.encode_video(clips(2))
    assert len(compilations) == 1


def test_compiled_layers_can_be_computed_again_in_the_backward_pass(compilations: list[int]) -> None:
    expected = gradient("plain", on=False)
    assert torch.allclose(gradient("plain", on=True, recompute=True), expected, atol=1e-6)
    assert compilations


def test_evaluation_runs_the_layers_as_they_are(compilations: list[int]) -> None:
    """Whatever the size of its last batch."""
    variant = make("plain").train()
    before = variant.encode_video(clips(4))
    with compiled(variant, on=True):
        assert torch.equal(variant.eval().encode_video(clips(4)), before)
        variant.encode_video(clips(3))
    assert not compilations


def test_layers_of_frozen_towers_are_not_compiled_nor_counted(compilations: list[int]) -> None:
    variant = make("additive_text")
    variant.backbone.freeze(("video",))
    assert len(compilable(variant.train())) == 2  # of the text tower; the video tower has 3
    variant.backbone.freeze(("video", "text"))
    with compiled(variant.train(), on=True) as in_use:
        variant.encode_video(clips(2))
        assert not in_use()
    assert not compilations


def test_names_and_methods_are_as_before(compilations: list[int]) -> None:
    variant = make("face_tokens")
    names = list(variant.state_dict())
    with compiled(variant.train(), on=True):
        variant.encode_video(clips(2))
        assert list(variant.state_dict()) == names
    assert not any("forward" in vars(layer) for layer in layers(variant).values())


def test_a_compiler_that_fails_leaves_training_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(graph: Any, inputs: Any) -> Callable[..., Tensor]:
        raise RuntimeError("no C++ compiler here")

    torch._dynamo.reset()
    monkeypatch.setattr(compiling, "COMPILER", {"backend": broken})
    usual = train(make("plain"), on=False)
    assert train(make("plain"), on=True) == usual
    [line] = capsys.readouterr().err.splitlines()
    assert line == "torch.compile failed, so training goes on without it: no C++ compiler here"


def test_a_record_of_a_run_whose_compiler_failed_says_of_no_step_that_it_was_compiled(
    command: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(graph: Any, inputs: Any) -> Callable[..., Tensor]:
        raise RuntimeError("no C++ compiler here")

    torch._dynamo.reset()
    monkeypatch.setattr(compiling, "COMPILER", {"backend": broken})
    assert "compiled" not in bench(command(train__compile="on", train__steps=2)).hardware


@pytest.mark.parametrize(
    ("how", "device", "batches", "expected"),
    [
        ("auto", CUDA, 703, True),  # 9 000 clips, 5 epochs, batches of 64: 703 × 24 layers × 2 ms = 33.7 s
        ("auto", CUDA, 480, False),  # 23 s
        ("auto", CPU, 100_000, False),
        ("on", CPU, 1, True),
        ("off", CUDA, 100_000, False),
    ],
)
def test_it_is_on_where_it_saves_more_than_it_takes(
    how: Any, device: torch.device, batches: int, expected: bool
) -> None:
    assert pays(how, device, batches, 24) == expected


def test_a_compiled_run_is_the_same_run(
    command: Callable[..., list[str]], tmp_path: Path, compilations: list[int]
) -> None:
    """Its id, the names of its weights, and but for rounding its curve and its features."""
    usual, other = bench(command("usual")), bench(command("compiled", train__compile="on"))
    assert compilations
    assert other.run == usual.run and other.protocol == usual.protocol
    assert "compiled" not in usual.hardware and other.hardware["compiled"] == "6 of 6 steps"
    assert [point["loss"] for point in other.curve] == pytest.approx([p["loss"] for p in usual.curve], abs=1e-4)
    for file in ("model", "features"):
        [one], [two] = (
            [load_file(path) for path in (tmp_path / name).glob(f"*/*/*/*/{file}.safetensors")]
            for name in ("usual", "compiled")
        )
        assert one.keys() == two.keys()
        assert all(torch.allclose(one[name], two[name], atol=1e-3) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "face_tokens"])
def test_torch_s_own_compiler_gives_the_same_losses(name: str) -> None:
    torch._dynamo.reset()
    usual = train(make(name), on=False)
    assert train(make(name), on=True) == pytest.approx(usual, abs=1e-5)
    exact = gradient(name, on=False)
    usual_error, error = ((gradient(name, on, "bf16") - exact).norm() for on in (False, True))
    assert 0 < error < 1.5 * usual_error  # compiled bf16 is as near to fp32 as bf16 is


@pytest.mark.slow
def test_without_a_c_compiler_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch._dynamo.reset()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setattr("torch._inductor.config.fx_graph_cache", False)
    usual = train(make("plain"), on=False)
    assert train(make("plain"), on=True) == usual
    assert "torch.compile failed, so training goes on without it" in capsys.readouterr().err
