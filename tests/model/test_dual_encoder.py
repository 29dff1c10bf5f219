"""A dual encoder of Hugging Face as a backbone: its features are transformers' own, whatever stands beside a text."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dual_encoders import FAMILIES, FRAMES, MEAN, PADDING, SIZE, STD, make_model
from torch.nn.functional import normalize
from transformers import AutoModel

from bench.data.batch import VideoBatch
from bench.data.tokenizer import encode
from bench.errors import BenchError, UsageError
from bench.model.checkpoints import initialize, read_tensors, save_weights
from bench.model.dual_encoder import DualEncoder
from bench.model.hugging_face import folder_digest, read_inputs, read_model, read_tokenizer_of, settings_of_model
from bench.model.variant_registry import build, check_fits

TEXTS = ["a happy man", "two dogs run along a beach", "sad"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {family: make_model(family, folder / family) for family in FAMILIES}


@pytest.fixture
def siglip(models: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(models["siglip"], tmp_path / "siglip")


def texts(encoder: DualEncoder, folder: Path, captions: list[str]) -> torch.Tensor:
    ids, mask = encode(read_tokenizer_of(str(folder)), captions, encoder.text_places)
    with torch.no_grad():
        return encoder.encode_text(torch.from_numpy(ids), torch.from_numpy(mask))


def frames(n: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=(n, FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_features_are_those_of_transformers(family: str, models: dict[str, Path]) -> None:
    """Each text alone, prepared by hand as the model's authors do: SigLIP's filled up to 16 places, without a mask."""
    folder = models[family]
    original = AutoModel.from_pretrained(folder).eval()
    tokenizer = read_tokenizer_of(str(folder))
    end = tokenizer.token_to_id(PADDING)
    for text, row in zip(TEXTS, texts(read_model(str(folder)), folder, TEXTS), strict=True):
        ids = tokenizer.encode(text).ids
        ids += [end] * (16 - len(ids)) if family == "siglip" else []
        with torch.no_grad():
            found = original.get_text_features(input_ids=torch.tensor([ids])).pooler_output[0]
        torch.testing.assert_close(row, normalize(found, dim=0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_clip_features_are_those_of_transformers(family: str, models: dict[str, Path]) -> None:
    """Pixels are normalized as the model's processor says; images are averaged, a video tower sees all frames."""
    original = AutoModel.from_pretrained(models[family]).eval()
    pixels = (torch.from_numpy(frames()) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    pixels = pixels.permute(0, 1, 4, 2, 3).float()  # (2, T, 3, S, S)
    with torch.no_grad():
        if family == "xclip":
            expected = original.get_video_features(pixel_values=pixels).pooler_output
        else:
            one_by_one = [
                torch.stack([original.get_image_features(pixel_values=f[None]).pooler_output[0] for f in clip])
                for clip in pixels
            ]
            expected = torch.stack([normalize(clip, dim=1).mean(dim=0) for clip in one_by_one])
        batch = VideoBatch(torch.from_numpy(frames())).to(torch.device("cpu"))
        found = read_model(str(models[family])).encode_video(batch.pixels)
    torch.testing.assert_close(found, normalize(expected, dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_has_the_same_features_beside_any_other(family: str, models: dict[str, Path]) -> None:
    encoder = read_model(str(models[family]))
    alone = texts(encoder, models[family], ["sad"])
    torch.testing.assert_close(texts(encoder, models[family], TEXTS)[2:], alone, atol=1e-6, rtol=0)


def test_only_where_padding_matters_are_texts_filled_up(models: dict[str, Path]) -> None:
    assert {family: read_model(str(folder)).inputs.filled for family, folder in models.items()} == {
        "clip": False,
        "siglip": True,
        "xclip": False,
    }


def test_what_no_feature_depends_on_is_not_trained(models: dict[str, Path]) -> None:
    frozen = {
        family: {
            name.split(".")[1] for name, p in read_model(str(models[family])).named_parameters() if not p.requires_grad
        }
        for family in FAMILIES
    }
    assert frozen["clip"] == set()
    assert frozen["siglip"] == {"logit_bias"}
    assert {"prompts_generator", "prompts_visual_layernorm"} <= frozen["xclip"]


def test_a_model_says_itself_what_a_run_needs(models: dict[str, Path]) -> None:
    source = str(models["xclip"])
    assert settings_of_model(source) == {
        "init": "hf",
        "model": {"tokenizer": source, "tokens": 16},
        "video": {"size": SIZE, "frames": FRAMES},
    }
    assert "frames" not in settings_of_model(str(models["siglip"]))["video"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_is_built_again_from_the_file_of_its_weights_alone(
    family: str, models: dict[str, Path], tmp_path: Path
) -> None:
    source = tmp_path / "moved"
    shutil.copytree(models[family], source)
    words = {"size": f"hf:{source}", "frames": FRAMES, "vocabulary": 0, "results": tmp_path / "results"}
    variant, loaded = initialize("plain", {}, init="hf", **words)  # type: ignore[arg-type]
    assert loaded.source.startswith("hf:") and len(loaded.source) == 11
    with torch.no_grad():
        next(variant.parameters()).add_(0.1)  # as after a training
    weights = tmp_path / "results" / "a" / "b" / "plain" / "some-run" / "model.safetensors"
    save_weights(variant, read_tokenizer_of(str(source)), weights)
    shutil.rmtree(source)
    again, loaded = initialize("plain", {}, init="run:some-run", **words)  # type: ignore[arg-type]
    assert loaded.source == "run:some-run" and loaded.new == ()
    video = VideoBatch(torch.from_numpy(frames())).to(torch.device("cpu"))
    with torch.no_grad():
        assert torch.equal(again.eval().encode_video(video), variant.eval().encode_video(video))
    assert set(read_tensors(weights)) == set(variant.state_dict())


def test_variants_that_change_tokens_do_not_fit_and_the_others_are_named() -> None:
    for name in ("additive_text", "face_tokens", "face_text_fusion"):
        with pytest.raises(
            UsageError, match=r"only words and features\. Variants that fit it: .*emotion_prompt.*plain"
        ):
            check_fits(name, "hf:anything")
    for name in ("plain", "emotion_prompt", "emotion_alignment", "late_fusion"):
        check_fits(name, "hf:anything")
    check_fits("additive_text", "b32")


def test_a_variant_that_takes_tokens_by_itself_is_one_line(models: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"uses `backbone.text_width` needs CLIP-ViP, and this is a SiglipModel"):
        build("film_text", read_model(str(models["siglip"])), {})


def test_the_digest_of_a_folder_is_of_its_content(siglip: Path, tmp_path: Path) -> None:
    before = folder_digest(str(siglip))
    (siglip / "README.md").write_text("a note", encoding="utf-8")
    assert folder_digest(str(siglip.rename(tmp_path / "elsewhere"))) == before
    told = tmp_path / "elsewhere" / "preprocessor_config.json"
    told.write_text(told.read_text(encoding="utf-8").replace("0.4", "0.45"), encoding="utf-8")
    assert folder_digest(str(tmp_path / "elsewhere")) != before


# --- what is odd is one line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
def test_a_file_that_is_missing_is_one_line(name: str, siglip: Path) -> None:
    (siglip / name).unlink()
    with pytest.raises(
        BenchError, match=r"no model at hf:.* It takes a folder, or a name at huggingface\.co, with"
    ) as e:
        read_model(str(siglip))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["", "[]", "3", "[" * 100_000, '{"size": 3}'])
def test_a_file_that_is_odd_is_one_line(name: str, content: str, siglip: Path) -> None:
    (siglip / name).write_text(content, encoding="utf-8")
    with pytest.raises(BenchError) as error:
        read_model(str(siglip))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"size": {"height": 64, "width": 64}}, "its processor gives 64 pixels, its vision tower takes 32"),
        ({"size": {"height": 32, "width": 48}}, "no squares of one size"),
        ({"rescale_factor": 1.0}, "otherwise than by 1/255"),
        ({"image_std": [0, 0, 0]}, "no three numbers"),
    ],
)
def test_a_processor_that_cannot_be_followed_is_one_line(change: dict, line: str, siglip: Path) -> None:
    path = siglip / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(BenchError, match=line):
        read_inputs(str(siglip))


def test_layers_without_end_are_refused(siglip: Path) -> None:
    path = siglip / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["vision_config"]["num_hidden_layers"] = 10**9
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BenchError, match="num_hidden_layers is 1000000000"):
        read_model(str(siglip))


def test_a_model_that_is_no_dual_encoder_is_one_line(siglip: Path) -> None:
    (siglip / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(UsageError, match="is a bert, no dual encoder"):
        read_model(str(siglip))


def test_weights_in_a_pickle_are_not_read(siglip: Path) -> None:
    torch.save(read_tensors(siglip / "model.safetensors"), siglip / "pytorch_model.bin")
    (siglip / "model.safetensors").unlink()
    with pytest.raises(BenchError, match=r"model\.safetensors"):
        read_model(str(siglip))


def test_code_beside_a_model_is_not_run(siglip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoTokenizer": "evil.Evil"}
    marker = tmp_path / "ran"
    (siglip / "evil.py").write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n", encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    known = json.loads((siglip / "config.json").read_text(encoding="utf-8"))
    (siglip / "config.json").write_text(json.dumps(known | {"auto_map": maps}), encoding="utf-8")
    read_model(str(siglip))  # as SigLIP, which transformers knows
    (siglip / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": maps}), encoding="utf-8")
    with pytest.raises(BenchError, match="no model at"):
        read_model(str(siglip))
    assert not marker.exists()


def test_a_folder_decides_no_attention_that_would_be_fetched(siglip: Path) -> None:
    path = siglip / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"attn_implementation": "somebody/kernel"}), encoding="utf-8")
    assert read_model(str(siglip)).config._attn_implementation == "sdpa"
