"""What encodes: a run as its own evaluation did, plain CLIP against transformers' own way, published checkpoints."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden import golden_config
from helpers.processes import OrderedThreads
from helpers.search import tiny_clip, trained
from safetensors.torch import load_file
from transformers import AutoTokenizer, CLIPConfig, CLIPModel

from bench.data.annotation import load_annotation
from bench.errors import BenchError, UsageError
from bench.model import checkpoints
from bench.search import models
from bench.search.face_tracks import FaceDetector
from bench.search.models import Encoder, load
from bench.search.reading import WindowFrames, read

VARIANTS = ("plain", "additive_text", "emotion_prompt", "face_tokens", "late_fusion")


@pytest.fixture(scope="module")
def results(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of seconds: without emotion, with words, with faces, and one with a score of its own."""
    folder = tmp_path_factory.mktemp("results")
    for variant in VARIANTS:
        trained(small, folder, variant)
    return folder


def run(results: Path, variant: str) -> str:
    [path] = results.glob(f"*/*/{variant}/*.json")
    return path.stem


def windows(encoder: Encoder, small: Path, names: list[str]) -> np.ndarray:
    """The features of some of the clips, read as an index reads them; faces from the folder's own table."""
    how = encoder.described
    detector = FaceDetector("sidecar", {"model": small / "faces.parquet"}, how.faces) if how.faces else None
    files = {name: small / "videos" / f"{name}.mp4" for name in names}
    with OrderedThreads(1) as pool:
        pieces = list(read(files, pool, frames=how.frames, size=how.size, window=10.0, detector=detector))
    assert [piece.path for piece in pieces] == names
    return encoder.windows([piece.windows[0] for piece in pieces])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_gives_the_features_and_scores_of_its_own_evaluation(variant: str, results: Path, small: Path) -> None:
    name = run(results, variant)
    encoder = load(f"run:{name}", results)
    [path] = results.glob(f"*/*/*/{name}/features.safetensors")
    stored = load_file(path)
    clips = load_annotation(small, "1k-A", "msrvtt").clips
    video = windows(encoder, small, [clip.video for clip in clips])
    text = np.stack([encoder.text(clip.captions[0]) for clip in clips])
    np.testing.assert_allclose(video, stored["video"], atol=1e-5)
    np.testing.assert_allclose(text, stored["text"], atol=1e-5)
    assert encoder.described.width == video.shape[1]
    assert encoder.dot == (variant != "late_fusion")
    if encoder.dot:
        np.testing.assert_allclose(encoder.score(text[0], video), video @ text[0], atol=1e-6)
    else:
        content, emotion = video[:, :-9] @ text[0, :-9], video[:, -9:] @ text[0, -9:]
        np.testing.assert_allclose(encoder.score(text[0], video), 0.8 * content + 0.2 * emotion, atol=1e-6)


def test_a_run_says_what_it_was_trained_on(results: Path) -> None:
    name = run(results, "additive_text")
    about = load(f"run:{name}", results).described.about
    assert about == f"run {name} (additive_text), trained on msrvtt/9k, 4 frames a window"


def test_a_run_that_was_not_trained_says_whose_weights_it_has(results: Path, small: Path) -> None:
    init = f"run:{run(results, 'plain')}"
    other = results.parent / "other"
    shutil.copytree(results, other)
    name = trained(small, other, "late_fusion", **{"init": init, "train.steps": 0, "train.epochs": 0})
    assert f"with the weights of {init}, not trained further" in load(f"run:{name}", other).described.about


def test_the_digest_changes_with_the_weights_and_not_from_one_load_to_the_next(results: Path) -> None:
    one = load(f"run:{run(results, 'plain')}", results).described.digest
    assert load(f"run:{run(results, 'plain')}", results).described.digest == one
    assert load(f"run:{run(results, 'additive_text')}", results).described.digest != one


def test_the_latest_run_is_the_one_made_last(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    made = {path: json.loads(path.read_text())["created"] for path in folder.glob("*/*/*/*.json")}
    assert made[next(path for path in made if path.stem == models.latest_run(folder))] == max(made.values())
    [last] = (path for path in made if path.stem == models.latest_run(folder))
    shutil.rmtree(last.with_suffix(""))  # without weights it cannot search
    assert models.latest_run(folder) != last.stem


def test_without_any_run_the_message_names_the_two_ways(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--model clip:DIR needs no training.*bench run"):
        models.latest_run(tmp_path)


def test_a_control_cannot_search_and_names_its_true_run(results: Path, small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    name = trained(small, folder, "additive_text", emotions="shuffled")
    with pytest.raises(UsageError, match=f"scored with shuffled emotions.* --run {run(results, 'additive_text')}"):
        load(f"run:{name}", folder)


def test_an_unknown_run_is_met_with_near_names(results: Path) -> None:
    name = run(results, "plain")
    with pytest.raises(UsageError, match=f"no record of a run .* Did you mean {name}"):
        load(f"run:{name}x", results)


@pytest.mark.parametrize("name", ["", "plain", "clip:", "vit:x"])
def test_a_name_of_no_kind_is_met_with_the_kinds(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none of clip-vip:FILE, clip:DIR_OR_NAME"):
        load(name, tmp_path)


# --- plain CLIP -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(256, size=(count, models.FRAMES, 32, 32, 3), dtype=np.uint8)


def test_a_window_s_features_are_the_mean_of_its_frames(clip: Path) -> None:
    """As CLIP's own functions have it, one frame at a time."""
    model = CLIPModel.from_pretrained(clip).eval()
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    expected = []
    with torch.no_grad():
        for window in frames(2):
            features = []
            for frame in window:
                pixels = ((torch.from_numpy(frame) / 255 - mean) / std).permute(2, 0, 1)[None]
                feature = model.get_image_features(pixel_values=pixels).pooler_output[0]
                features.append(feature / feature.norm())
            total = torch.stack(features).mean(dim=0)
            expected.append((total / total.norm()).numpy())
    found = load(f"clip:{clip}", Path()).windows([WindowFrames(window, None) for window in frames(2)])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_query_s_features_are_clip_s_own(clip: Path) -> None:
    model, tokenizer = CLIPModel.from_pretrained(clip).eval(), AutoTokenizer.from_pretrained(clip)
    with torch.no_grad():
        feature = model.get_text_features(**tokenizer(["happy people"], return_tensors="pt")).pooler_output[0]
    expected = (feature / feature.norm()).numpy()
    np.testing.assert_allclose(load(f"clip:{clip}", Path()).text("happy people"), expected, atol=1e-5)


def test_a_query_that_is_too_long_loses_its_end(clip: Path) -> None:
    feature = load(f"clip:{clip}", Path()).text("happy " * 100)
    np.testing.assert_allclose(np.linalg.norm(feature), 1, atol=1e-5)


def test_a_clip_says_that_it_was_not_trained_here(clip: Path) -> None:
    described = load(f"clip:{clip}", Path()).described
    assert described.about == f"CLIP at {clip}, 12 frames a window averaged; not trained here"
    assert (described.name, described.width, described.size) == (f"clip:{clip}", 24, 32)


def test_no_clip_at_a_place_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no folder at"):
        load(f"clip:{tmp_path / 'none'}", Path())


def test_a_local_name_is_the_same_from_everywhere(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    assert models.resolved(f"clip:{clip.name}") == f"clip:{clip}"
    assert models.resolved("clip:openai/clip-vit-base-patch32") == "clip:openai/clip-vit-base-patch32"


def test_a_clip_in_bfloat16_is_a_model(clip: Path, tmp_path: Path) -> None:
    shutil.copytree(clip, tmp_path / "half")
    CLIPModel.from_pretrained(clip).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    half, whole = (load(f"clip:{folder}", Path()) for folder in (tmp_path / "half", clip))
    np.testing.assert_allclose(half.text("happy people"), whole.text("happy people"), atol=0.03)
    seen = [WindowFrames(window, None) for window in frames(1)]
    np.testing.assert_allclose(half.windows(seen), whole.windows(seen), atol=0.03)


def test_a_clip_without_a_tokenizer_is_no_model(clip: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(clip / name, tmp_path)
    with pytest.raises(BenchError, match="there is no vocabulary"):
        load(f"clip:{tmp_path}", Path())


def test_a_clip_with_another_clip_s_tokenizer_is_no_model(clip: Path, tmp_path: Path) -> None:
    """Its vocabulary is too small for the text tower: every id has a row, but another word's."""
    shutil.copytree(clip, tmp_path / "other")
    shape = CLIPConfig.from_pretrained(clip)
    shape.text_config.vocab_size = 49408
    CLIPModel(shape).save_pretrained(tmp_path / "other")
    with pytest.raises(BenchError, match="has 514 tokens, the text tower 49408"):
        load(f"clip:{tmp_path / 'other'}", Path())


def test_a_model_that_cannot_tell_texts_apart_is_no_model(clip: Path, tmp_path: Path) -> None:
    shutil.copytree(clip, tmp_path / "same")
    model = CLIPModel.from_pretrained(clip)
    model.text_model.final_layer_norm.weight.data.zero_()
    model.text_model.final_layer_norm.bias.data.fill_(1.0)
    model.save_pretrained(tmp_path / "same")
    with pytest.raises(BenchError, match="gives different texts the same features"):
        load(f"clip:{tmp_path / 'same'}", Path())


# --- published checkpoints ------------------------------------------------------------------------------------------


def test_a_published_checkpoint_gives_the_original_s_features(
    shared: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden values of the original code, from frames that the normalization turns into its inputs."""
    size = tmp_path / "size.json"
    size.write_text(json.dumps(golden_config().to_dict(), default=str))
    monkeypatch.setattr(checkpoints, "published_size", lambda state, where: str(size))
    monkeypatch.setattr(models, "clip_tokenizer", lambda source: _letters(clip))
    encoder = load(f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}", Path())
    golden = load_file(shared / "golden" / "clipvip_tiny_io.safetensors")
    batch = models.VideoBatch(golden["video_T4"])
    assert isinstance(encoder, models.OfVariant)
    monkeypatch.setattr(models, "VideoBatch", lambda *parts: batch)
    nothing = [WindowFrames(np.zeros((4, 32, 32, 3), np.uint8), None)] * len(golden["video_T4"])
    np.testing.assert_allclose(encoder.windows(nothing), golden["video_features_T4"], atol=1e-5)


def _letters(clip: Path) -> models.Tokenizer:
    """A tokenizer with as many tokens as the golden text tower: 300, with [UNK] and both ends."""
    from bench.data.tokenizer import caption_tokenizer

    return caption_tokenizer([" ".join(f"word{number}" for number in range(295)), "happy people"])


def test_the_patches_tell_b32_from_b16() -> None:
    for size, side in (("b32", 32), ("b16", 16)):
        assert checkpoints.published_size({checkpoints.PATCH: torch.zeros(768, 3, side, side)}, "x.pt") == size
    with pytest.raises(BenchError, match=r"x\.pt is no CLIP-ViP B/32 or B/16"):
        checkpoints.published_size({}, "x.pt")


def test_a_checkpoint_that_is_not_there_says_where_to_fetch_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    monkeypatch.setattr(models, "clip_tokenizer", lambda source: _letters(clip))
    with pytest.raises(BenchError, match=r"no checkpoint at .* Fetch pretrain_clipvip_base_32"):
        load(f"clip-vip:{tmp_path / 'none.pt'}", Path())
