"""The backbone against golden values of the original CLIP-ViP, and against its attention rule written the slow way."""

import json
import math
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from safetensors.torch import load_file

from bench.data.batch import TextBatch, VideoBatch
from bench.emotions import FROM_REPORT
from bench.errors import UsageError
from bench.model.checkpoints import initialize
from bench.model.clip_vip import ClipVip, clip_config, proxy_guided_attention
from bench.model.losses import contrastive_loss
from bench.model.variant import Variant


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, torch.Tensor]:
    return load_file(shared / "golden" / "clipvip_tiny_io.safetensors")


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("golden") / "config.json"
    path.write_text(json.dumps(golden_config().to_dict(), default=str))
    return str(path)


def load(shared: Path, shape: str, variant: str, file: str) -> Variant:
    made, _ = initialize(
        variant,
        {},
        init=f"clip-vip:{shared / 'golden' / file}",
        size=shape,
        frames=GOLDEN_FRAMES,
        vocabulary=300,
        results=Path("none"),
    )
    return made.eval()


@pytest.fixture(scope="module")
def plain(shared: Path, shape: str) -> Variant:
    return load(shared, shape, "plain", "clipvip_tiny.pt")


@pytest.fixture(scope="module")
def additive(shared: Path, shape: str) -> Variant:
    return load(shared, shape, "additive_text", "emotion_embed_model_tiny.pt")


@pytest.fixture(scope="module")
def text(golden: dict[str, torch.Tensor]) -> TextBatch:
    return TextBatch(golden["input_ids"], golden["attention_mask"], golden["emotions"][:, FROM_REPORT].float())


def close(ours: torch.Tensor, golden: torch.Tensor) -> None:
    assert ours.shape == golden.shape
    assert (ours - golden).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 4, 6])
def test_video_features_equal_the_original_s(plain: Variant, golden: dict[str, torch.Tensor], frames: int) -> None:
    close(plain.encode_video(VideoBatch(golden[f"video_T{frames}"])), golden[f"video_features_T{frames}"])


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 4, 6])
def test_the_emotion_checkpoint_s_videos_equal_the_original_s(
    additive: Variant, golden: dict[str, torch.Tensor], frames: int
) -> None:
    close(additive.encode_video(VideoBatch(golden[f"video_T{frames}"])), golden[f"video_features_T{frames}"])


@torch.no_grad()
def test_video_tokens_equal_the_original_s_at_every_place(plain: Variant, golden: dict[str, torch.Tensor]) -> None:
    backbone = plain.backbone
    close(backbone.run_video(backbone.embed_video(golden["video_T4"])), golden["video_last_hidden_T4"])


@torch.no_grad()
def test_plain_text_features_equal_the_original_s(
    plain: Variant, golden: dict[str, torch.Tensor], text: TextBatch
) -> None:
    close(plain.encode_text(text), golden["text_features_plain"])
    tokens = plain.backbone.embed_text(text.input_ids)
    close(plain.backbone.run_text(tokens, text.attention_mask), golden["text_last_hidden_plain"])


@torch.no_grad()
def test_additive_text_features_equal_the_original_s(
    additive: Variant, golden: dict[str, torch.Tensor], text: TextBatch
) -> None:
    close(additive.encode_text(text), golden["text_features_additive"])
    tokens = additive.fuse_text(additive.backbone.embed_text(text.input_ids), text)
    close(additive.backbone.run_text(tokens, text.attention_mask), golden["text_last_hidden_additive"])


@torch.no_grad()
def test_emotions_in_the_wrong_order_miss_the_golden_values(additive: Variant, golden: dict[str, torch.Tensor]) -> None:
    unmapped = TextBatch(golden["input_ids"], golden["attention_mask"], golden["emotions"].float())
    assert (additive.encode_text(unmapped) - golden["text_features_additive"]).abs().max() > 1e-3


def test_the_loss_equals_the_original_s(additive: Variant, golden: dict[str, torch.Tensor]) -> None:
    scale = torch.tensor(4.6).exp()
    text, video = golden["text_features_additive"], golden["video_features_T4"]
    assert abs(contrastive_loss(text, video, scale, additive.similarity).item() - 16.978363) < 1e-4


@pytest.mark.parametrize("kept", [1.0, 0.6, 0.0])
def test_attention_is_what_a_full_mask_gives(kept: float) -> None:
    """The rule as one (S, S) mask over all tokens, with the softmax written out; some patches are not there."""
    B, H, D, M, T, L = 2, 3, 5, 4, 3, 6
    S = M + T * L
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(B, H, S, D, generator=generator) for _ in range(3))
    frame = torch.cat([torch.full((M,), -1), torch.arange(T).repeat_interleave(L)])
    sees = (frame[:, None] == -1) | (frame[None, :] == -1) | (frame[:, None] == frame[None, :])
    keep = torch.rand(B, T, L, generator=generator) < kept
    there = torch.cat([torch.ones(B, M, dtype=torch.bool), keep.flatten(1)], dim=1)  # (B, S)
    sees = (sees & there[:, None])[:, None]  # (B, 1, S, S)
    scores = (query @ key.transpose(-1, -2) / math.sqrt(D)).masked_fill(~sees, -torch.inf)
    expected = (scores.softmax(dim=-1) @ value).transpose(1, 2)
    for given in [keep, None] if kept == 1 else [keep]:
        ours, _ = proxy_guided_attention(torch.nn.Identity(), query, key, value, None, D**-0.5, (M, T, L), given)
        assert torch.allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_attention_in_bf16_is_that_in_fp32_but_for_rounding_on_a_cpu(kept: float) -> None:
    """bf16 has 8 bits: 0.4 % of a number that is at most 4 here."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 22, 8, generator=generator).bfloat16() for _ in range(3))
    keep = torch.rand(2, 3, 6, generator=generator) < kept
    attend = partial(
        proxy_guided_attention, torch.nn.Identity(), mask=None, scaling=8**-0.5, layout=(4, 3, 6), keep=keep
    )
    expected, _ = attend(query.float(), key.float(), value.float())
    ours, _ = attend(query, key, value)
    assert ours.dtype == torch.bfloat16
    assert (ours - expected).abs().max() < 0.02
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attend(query, key, value)[0], ours)


@pytest.mark.parametrize(("size", "patches"), [("b32", 49), ("b16", 196)])
def test_the_published_sizes_have_clip_s_shapes(size: str, patches: int) -> None:
    with torch.device("meta"):
        backbone = ClipVip(clip_config(size), frames=12)
    embeddings = backbone.clipmodel.vision_model.embeddings
    assert embeddings.position_embedding.weight.shape == (patches + 1, 768)
    assert embeddings.temporal_embedding.shape == (1, 12, 768)
    assert backbone.text_width == 512
    assert backbone.config.text_config.num_attention_heads == 8


def test_an_unknown_size_is_named() -> None:
    with pytest.raises(UsageError, match=r"'b64' is no model\. There are tiny, b32, b16"):
        clip_config("b64")


def test_a_broken_config_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json is no CLIPConfig"):
        clip_config(str(tmp_path / "config.json"))
