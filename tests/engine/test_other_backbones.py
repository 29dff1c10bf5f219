"""Runs on dual encoders of Hugging Face: scored as they are, trained, opened again, searched with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.asking import Capture, failure, output
from helpers.dual_encoders import FAMILIES, FRAMES, SIZE, make_model
from helpers.runs import bench as run
from torch.nn.functional import normalize

from bench.cli import main
from bench.data.video import find_videos, read_frames
from bench.engine.reopen import open_model
from bench.engine.run_config import complete, run_name
from bench.engine.settings import parse
from bench.model.checkpoints import clip_digest
from bench.model.hugging_face import read_model
from bench.records.check import check
from bench.records.feature_files import read_features
from bench.records.store import find, load_run

OWN = ("init", "model__size", "model__tokenizer", "model__tokens", "video__size")  # what the model says itself


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {family: make_model(family, folder / f"my-{family}") for family in FAMILIES}


@pytest.fixture
def ask(command: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The words of a run on a model: `command` without what the model says itself."""

    def make(model: Path, **settings: object) -> list[str]:
        words = command(**settings)
        for name in OWN:
            if name not in settings:
                place = words.index(f"--{name.replace('__', '.')}")
                del words[place : place + 2]
        return [*words, "--model", f"hf:{model}"]

    return make


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_is_scored_as_it_is(
    family: str, models: dict[str, Path], ask: Callable[..., list[str]], small: Path, tmp_path: Path
) -> None:
    record = run(ask(models[family], train__epochs=0))
    digest = clip_digest(read_model(str(models[family])).model)[:8]
    assert f"|model:hf:my-{family}|init:hf:{digest}|" in record.protocol
    assert f"|frames:{FRAMES}|res:{SIZE}|" in record.protocol
    assert record.curve == [] and record.config["model"]["size"] == f"hf:{models[family]}"
    path = find(record.run, tmp_path / "results")
    stored = read_features(path, record)
    assert stored is not None and len(stored.video) == 6
    np.testing.assert_allclose(np.linalg.norm(stored.video, axis=1), 1, atol=1e-5)


def test_a_model_is_trained_and_searched_with(
    models: dict[str, Path], ask: Callable[..., list[str]], small: Path, tmp_path: Path, capsys: Capture
) -> None:
    record = run(ask(models["siglip"], variant="emotion_alignment", train__lr=1e-3))
    losses = [point["loss"] for point in record.curve]
    assert len(losses) == 6 and losses[-1] < losses[0]
    path = find(record.run, tmp_path / "results")
    trained = open_model(path).variant.state_dict()
    start = read_model(str(models["siglip"])).state_dict()
    moved = {name for name, value in start.items() if not torch.equal(value, trained[f"backbone.{name}"])}
    assert "model.logit_scale" in moved and "model.logit_bias" not in moved
    capsys.readouterr()
    words = ["search", "a happy man", "--videos", str(small / "videos"), "--run", record.run, "--json"]
    found = json.loads(output([*words, "--results", str(tmp_path / "results")], capsys))
    assert len(found["moments"]) == 5
    shutil.rmtree(small / "videos" / ".bench", ignore_errors=True)


def test_the_weights_of_a_run_are_a_start(
    models: dict[str, Path], ask: Callable[..., list[str]], tmp_path: Path
) -> None:
    first = run(ask(models["xclip"], train__steps=1))
    words = ask(models["xclip"], init=f"run:{first.run}", train__epochs=0, results="again")
    shutil.copytree(tmp_path / "results", tmp_path / "again")
    before = set((tmp_path / "again").glob("*/*/*/*.json"))
    main(words)
    [path] = set((tmp_path / "again").glob("*/*/*/*.json")) - before
    assert f"|model:hf:my-xclip|init:run:{first.run}|" in path.read_text(encoding="utf-8")


def test_a_control_is_scored_with_the_true_runs_weights(
    models: dict[str, Path], ask: Callable[..., list[str]], tmp_path: Path
) -> None:
    main(ask(models["clip"], variant="emotion_prompt", train__epochs=0, emotions="shuffled"))
    records = [json.loads(path.read_text()) for path in (tmp_path / "results").glob("*/*/*/*.json")]
    assert sorted(record["controls"]["emotions"] for record in records) == ["shuffled", "true"]
    assert len({record["protocol"] for record in records}) == 1


def test_ids_hang_on_the_models_content_and_not_on_its_place(models: dict[str, Path], tmp_path: Path) -> None:
    def name(folder: Path) -> str:
        return run_name(complete(parse(["--model", f"hf:{folder}", "--train.epochs", "0"]))[0])

    copy = shutil.copytree(models["siglip"], tmp_path / "copy")
    assert name(copy) == name(models["siglip"])
    assert name(models["clip"]) != name(models["siglip"])
    told = copy / "preprocessor_config.json"
    told.write_text(told.read_text(encoding="utf-8").replace("0.4", "0.45"), encoding="utf-8")
    assert name(copy) != name(models["siglip"])


def test_the_short_name_is_the_long_one(models: dict[str, Path]) -> None:
    source = f"hf:{models['xclip']}"
    short, long = (parse([name, source, "--model.tokens", "9"]) for name in ("--model", "--model.size"))
    assert short == long
    assert (short.model.tokens, short.init, short.video.size, short.video.frames) == (9, "hf", SIZE, FRAMES)
    assert short.train.lr == 1e-6  # and not that of moodclips' card, which is for weights that start near nothing
    assert parse(["--model", "tiny"]) == parse([])


@pytest.mark.parametrize(
    ("family", "settings", "code", "line"),
    [
        ("siglip", {"variant": "additive_text"}, 2, "Variants that fit it: emotion_alignment, emotion_prompt, late_"),
        ("siglip", {"init": "random"}, 2, "has weights of its own: leave --init out"),
        ("siglip", {"video__size": 64}, 2, "--video.size 64: the vision tower takes 32 pixels"),
        ("siglip", {"model__tokens": 17}, 2, "--model.tokens 17: the text tower takes at most 16"),
        ("xclip", {"video__frames": 5}, 2, "--video.frames 5: the video tower takes 4 frames"),
        ("siglip", {"model__tokenizer": "./nowhere"}, 1, "no model at hf:./nowhere"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(
    family: str,
    settings: dict,
    code: int,
    line: str,
    models: dict[str, Path],
    ask: Callable[..., list[str]],
    capsys: Capture,
) -> None:
    found, said = failure(ask(models[family], **settings), capsys)
    assert line in said and found == code


def test_an_index_is_made_with_any_model(models: dict[str, Path], small: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("video3.mp4", "video4.mp4"):
        shutil.copy(small / "videos" / name, clips)
    said = output(["index", str(clips), "--model", f"hf:{models['siglip']}"], capsys)
    assert "SiglipModel at" in said and "12 frames a window averaged; not trained here" in " ".join(said.split())
    found = json.loads(output(["search", "a happy man", "--videos", str(clips), "--json"], capsys))
    video = find_videos(clips)["video3"]
    one = next(result for result in found["moments"] if result["file"] == "video3.mp4")
    assert one["score"] == pytest.approx(_by_hand(models["siglip"], "a happy man", video), abs=1e-4)


def _by_hand(folder: Path, query: str, video: Path) -> float:
    """A query's cosine with the mean of 12 frames, as transformers' own model has it."""
    from helpers.dual_encoders import MEAN, STD
    from transformers import AutoModel

    from bench.data.pixels import resize_crop
    from bench.data.video import sample_indices
    from bench.model.hugging_face import read_tokenizer_of

    model = AutoModel.from_pretrained(folder).eval()
    frames = resize_crop(read_frames(video, sample_indices(10, 12)), SIZE)
    pixels = (torch.from_numpy(frames) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    ids = read_tokenizer_of(str(folder)).encode(query).ids
    ids += [ids[-1]] * (16 - len(ids))
    with torch.no_grad():
        seen = normalize(model.get_image_features(pixel_values=pixels.permute(0, 3, 1, 2)).pooler_output, dim=1)
        said = normalize(model.get_text_features(input_ids=torch.tensor([ids])).pooler_output, dim=1)[0]
    return float(normalize(seen.mean(dim=0), dim=0) @ said)


def test_words_are_explained_for_clip_vip_alone(
    models: dict[str, Path], ask: Callable[..., list[str]], tmp_path: Path, capsys: Capture
) -> None:
    record = run(ask(models["clip"], train__epochs=0))
    capsys.readouterr()
    words = ["explain", record.run, "a happy man", "--results", str(tmp_path / "results")]
    code, said = failure(words, capsys)
    assert code == 2 and "only CLIP-ViP models can be explained word by word" in said


def test_late_fusion_adds_faces_to_any_model(
    models: dict[str, Path], ask: Callable[..., list[str]], tmp_path: Path
) -> None:
    record = run(ask(models["clip"], variant="late_fusion", train__epochs=0))
    assert record.faces["source"] == "drawn at random for a test"
    check(load_run(find(record.run, tmp_path / "results")))
