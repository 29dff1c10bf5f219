"""What speed is measured against computes what the original does: golden values, and ours on a clip of 12 frames."""

from pathlib import Path

import pytest
import torch
from benchmarks.reference import Reference
from helpers.golden import GOLDEN_FRAMES, golden_config
from safetensors.torch import load_file
from torch import Tensor

from bench.model.clip_vip import ClipVip, clip_config


def as_it_is(tokens: Tensor) -> Tensor:
    return tokens


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "golden" / "clipvip_tiny_io.safetensors")


@pytest.fixture(scope="module")
def reference(shared: Path) -> Reference:
    made = Reference(golden_config(), frames=GOLDEN_FRAMES)
    state = torch.load(shared / "golden" / "clipvip_tiny.pt", weights_only=True)
    made.load_state_dict({name: value for name, value in state.items() if not name.endswith("position_ids")})
    return made.eval()


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 4, 6])
def test_its_video_features_are_the_original_s(reference: Reference, golden: dict[str, Tensor], frames: int) -> None:
    found = reference.encode_video(golden[f"video_T{frames}"], lambda tokens: tokens)
    assert (found - golden[f"video_features_T{frames}"]).abs().max() < 1e-5


@torch.no_grad()
def test_its_text_features_are_the_original_s(reference: Reference, golden: dict[str, Tensor]) -> None:
    found = reference.encode_text(golden["input_ids"], golden["attention_mask"], as_it_is)
    assert (found - golden["text_features_plain"]).abs().max() < 1e-5


@torch.no_grad()
def test_ours_computes_the_same_from_shorter_texts() -> None:
    torch.manual_seed(0)
    theirs, ours = (kind(clip_config("tiny"), frames=8).eval() for kind in (Reference, ClipVip))
    ours.load_state_dict(theirs.state_dict())
    ids, pixels = torch.randint(900, (3, 7)), torch.randn(2, 8, 3, 64, 64)
    ids[:, -1] = 999
    texts = [model.encode_text(ids, torch.ones_like(ids), as_it_is) for model in (ours, theirs)]
    clips = [model.encode_video(pixels, lambda tokens: tokens) for model in (ours, theirs)]
    for mine, original in (texts, clips):
        assert (mine - original).abs().max() < 1e-5
