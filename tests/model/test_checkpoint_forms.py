"""Checkpoints as people have them: wrapped by trainers, in half precision; and the tokenizers that come with them."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from bench.data.tokenizer import caption_tokenizer
from bench.errors import BenchError
from bench.model.checkpoints import (
    Loaded,
    bytes_of,
    check_texts_differ,
    clip_digest,
    initialize,
    read_tensors,
    read_tokenizer,
    save_weights,
    take_clip,
)
from bench.model.clip_vip import ClipVip
from bench.model.variant import Variant


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("shape") / "config.json"
    path.write_text(json.dumps(golden_config().to_dict(), default=str))
    return str(path)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """A whole checkpoint in the published key format, drawn at random."""
    torch.manual_seed(1)
    return ClipVip(golden_config(), frames=GOLDEN_FRAMES).state_dict()


def start(init: str, shape: str) -> tuple[Variant, Loaded]:
    return initialize("plain", {}, init=init, size=shape, frames=GOLDEN_FRAMES, vocabulary=300, results=Path())


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in state.items()}


WRAPPED = {
    "model_state_dict": (lambda s: {"model_state_dict": s, "epoch": 3}, ("model_state_dict",)),
    "state_dict": (lambda s: {"state_dict": s, "best": 0.4}, ("state_dict",)),
    "model": (lambda s: {"model": s, "optimizer": {"lr": 1.0}}, ("model",)),
    "DataParallel": (lambda s: prefixed(s, "module."), ("module.",)),
    "Lightning": (
        lambda s: {"state_dict": prefixed(s, "model."), "pytorch-lightning_version": "2.4.0", "callbacks": {}},
        ("state_dict", "model."),
    ),
    "DeepSpeed": (lambda s: {"module": s, "buffer_names": [], "ds_version": "0.15"}, ("module",)),
    "torch.compile in DataParallel": (
        lambda s: {"model": prefixed(s, "module._orig_mod.")},
        ("model", "module.", "_orig_mod."),
    ),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_wrappers_are_taken_off_and_said(kind: str, state: dict[str, Tensor], shape: str, tmp_path: Path) -> None:
    wrap, names = WRAPPED[kind]
    torch.save(wrap(state), tmp_path / "a.pt")
    variant, loaded = start(f"clip-vip:{tmp_path / 'a.pt'}", shape)
    assert loaded.new == ()
    assert all(torch.equal(value, state[key]) for key, value in variant.backbone.state_dict().items())
    assert f" tensors loaded from inside {', '.join(names)}, new 0" in str(loaded)


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda s: {"state_dict": {**prefixed(s, "model."), "loss.scale": torch.ones(1)}}, "unused 1 (loss.scale)"),
        (lambda s: {**s, "epoch": 3, "note": "best"}, "unused 2 (epoch, note)"),
    ],
)
def test_what_lies_beside_the_model_s_tensors_is_left_and_said(
    wrap: Any, said: str, state: dict[str, Tensor], shape: str, tmp_path: Path
) -> None:
    torch.save(wrap(state), tmp_path / "a.pt")
    variant, loaded = start(f"clip-vip:{tmp_path / 'a.pt'}", shape)
    assert all(torch.equal(value, state[key]) for key, value in variant.backbone.state_dict().items())
    assert str(loaded).endswith(f"new 0, {said}")


def test_a_prefix_in_a_safetensors_file_is_taken_off_too(state: dict[str, Tensor], shape: str, tmp_path: Path) -> None:
    save_file(
        {key: value.contiguous() for key, value in prefixed(state, "module.").items()}, tmp_path / "a.safetensors"
    )
    assert start(f"clip-vip:{tmp_path / 'a.safetensors'}", shape)[1].wrappers == ("module.",)


def test_nothing_is_said_of_a_checkpoint_without_a_wrapper(
    state: dict[str, Tensor], shape: str, tmp_path: Path
) -> None:
    torch.save(state, tmp_path / "a.pt")
    assert "inside" not in str(start(f"clip-vip:{tmp_path / 'a.pt'}", shape)[1])


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: {"ema": s},
        lambda s: {"state_dict": {"epoch": 3}},
        lambda s: [s],
    ],
)
def test_an_unknown_wrapper_is_refused(wrapped: Any, state: dict[str, Tensor], shape: str, tmp_path: Path) -> None:
    torch.save(wrapped(state), tmp_path / "a.pt")
    with pytest.raises(BenchError, match="holds no state dict of tensors"):
        start(f"clip-vip:{tmp_path / 'a.pt'}", shape)


def test_a_trainer_s_own_objects_are_not_read_and_the_mend_is_said(
    state: dict[str, Tensor], shape: str, tmp_path: Path
) -> None:
    torch.save({"state_dict": state, "hyper_parameters": argparse.Namespace(lr=1)}, tmp_path / "a.ckpt")
    with pytest.raises(BenchError, match=r"it holds more than tensors.* Save its state dict alone") as error:
        start(f"clip-vip:{tmp_path / 'a.ckpt'}", shape)
    assert "\n" not in str(error.value)


# --- any dtype ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_checkpoint_of_any_dtype_loads_as_float32(
    dtype: torch.dtype, name: str, state: dict[str, Tensor], shape: str, tmp_path: Path
) -> None:
    other = {key: value.to(dtype).contiguous() for key, value in state.items()}
    torch.save(other, tmp_path / name) if name.endswith(".pt") else save_file(other, tmp_path / name)
    variant, _ = start(f"clip-vip:{tmp_path / name}", shape)
    assert all(
        value.dtype == torch.float32 and torch.equal(value, other[key].float())
        for key, value in variant.backbone.state_dict().items()
    )


def test_a_clip_in_bfloat16_starts_a_run_and_has_a_digest(shared: Path, tmp_path: Path) -> None:
    config = CLIPConfig.from_pretrained(shared / "failing" / "clip_bf16")
    torch.manual_seed(3)
    half = CLIPModel(config).to(torch.bfloat16)
    half.save_pretrained(tmp_path / "half")
    half.float().save_pretrained(tmp_path / "whole")
    one, other = (take_clip(str(tmp_path / name)) for name in ("half", "whole"))
    assert one.dtype == torch.float32
    assert clip_digest(one) == clip_digest(other)  # the same weights, however they were written
    variant, loaded = start(f"clip:{tmp_path / 'half'}", str(tmp_path / "half" / "config.json"))
    assert loaded.source == f"clip:{clip_digest(one)[:8]}"
    assert torch.equal(variant.backbone.clipmodel.visual_projection.weight, one.visual_projection.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.int64, torch.bool])
def test_a_tensor_s_bytes_are_its_memory(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[1.0, 0.0], [2.0, 1.0]]).to(dtype)
    assert len(bytes_of(tensor)) == 4 * tensor.element_size()
    assert bytes_of(tensor[0, 0]) == bytes_of(tensor)[: tensor.element_size()]
    if dtype == torch.float32:
        assert bytes_of(tensor) == tensor.numpy().tobytes()


# --- tied weights ---------------------------------------------------------------------------------------------------


class Tied(Variant):
    """Two names of one tensor, and a buffer in the memory of another."""

    def __init__(self, backbone: ClipVip):
        super().__init__(backbone)
        self.one = torch.nn.Parameter(torch.randn(3, 2))
        self.other = self.one
        self.projection = backbone.clipmodel.text_projection.weight
        self.register_buffer("row", self.one.data[1])


def test_tied_weights_are_saved_once_under_the_backbone_s_name(tmp_path: Path) -> None:
    variant = Tied(ClipVip(golden_config(), frames=GOLDEN_FRAMES))
    save_weights(variant, caption_tokenizer(["a"]), tmp_path / "model.safetensors")
    saved = read_tensors(tmp_path / "model.safetensors")
    assert {key for key in saved if not key.startswith("backbone.")} == {"one", "row"}
    assert torch.equal(saved["backbone.clipmodel.text_projection.weight"], variant.projection)
    assert torch.equal(saved["row"], variant.one[1])


# --- tokenizers and texts -------------------------------------------------------------------------------------------


def test_the_tokenizer_of_an_older_file_is_read(tmp_path: Path) -> None:
    tokenizer = caption_tokenizer(["a happy man"])
    metadata = {"clip_config": "{}", "tokenizer": tokenizer.to_str()}
    save_file({"one": torch.zeros(1)}, tmp_path / "model.safetensors", metadata)
    assert read_tokenizer(tmp_path / "model.safetensors").get_vocab() == tokenizer.get_vocab()


def test_a_truncated_file_of_a_former_run_has_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(BenchError, match="holds no tokenizer"):
        read_tokenizer(path)


def test_texts_that_all_have_the_same_features_are_an_error() -> None:
    same = [torch.ones(1, 4), torch.ones(1, 4), torch.ones(1, 4)]
    with pytest.raises(BenchError, match="clip:x gives different texts the same features"):
        check_texts_differ(same, "clip:x")
    check_texts_differ([*same[:2], torch.eye(4)[:1]], "clip:x")
    check_texts_differ([torch.ones(1, 3, 4), torch.ones(1, 5, 4)], "clip:x")  # of every token
