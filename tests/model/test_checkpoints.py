"""Where weights start: what each kind of --init loads, what is new, and what does not fit."""

import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CLIPModel

from bench.data.tokenizer import caption_tokenizer
from bench.emotions import FROM_REPORT
from bench.errors import BenchError, UsageError
from bench.model.checkpoints import Loaded, initialize, read_tokenizer, save_weights
from bench.model.variant import Variant
from bench.utils.tensor_files import metadata_of

PROXIES = "clipmodel.vision_model.embeddings.added_cls"
TEMPORAL = "clipmodel.vision_model.embeddings.temporal_embedding"
EMOTIONS = "clipmodel.text_model.embeddings.emotion_embedding.weight"
VIDEO_PROJECTION = "clipmodel.visual_projection.weight"


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("shape") / "config.json"
    path.write_text(json.dumps(golden_config().to_dict(), default=str))
    return str(path)


@pytest.fixture
def start(shape: str, tmp_path: Path) -> Callable[..., tuple[Variant, Loaded]]:
    """initialize() with the golden shape: start("random"), start("clip-vip:FILE", "additive_text")."""

    def make(init: str, variant: str = "plain", **settings: Any) -> tuple[Variant, Loaded]:
        words: dict[str, Any] = {
            "size": shape,
            "frames": GOLDEN_FRAMES,
            "vocabulary": 300,
            "results": tmp_path,
        } | settings
        return initialize(variant, {}, init=init, **words)

    return make


Start = Callable[..., tuple[Variant, Loaded]]


@pytest.fixture
def state(start: Start) -> dict[str, Tensor]:
    """A whole checkpoint in the published key format, drawn at random."""
    torch.manual_seed(1)
    variant, _ = start("random")
    return {key: value.clone() for key, value in variant.backbone.state_dict().items()}


def kept(state: dict[str, Tensor], path: Path) -> str:
    """Writes a checkpoint and returns the --init that reads it."""
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    return f"clip-vip:{path}"


# --- random ---------------------------------------------------------------------------------------------------------


def test_random_weights_are_all_new(start: Start) -> None:
    variant, loaded = start("random")
    assert loaded.loaded == loaded.unused == ()
    assert set(loaded.new) == {name for name, _ in variant.named_parameters()}
    assert str(loaded) == "Starting from random weights."


def test_random_weights_follow_torch_s_seed(start: Start) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return torch.nn.utils.parameters_to_vector(start("random")[0].parameters())

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize("init", ["", "foo", "random:x", "clip-vip:", "clip-vip", "clip:", "run:", "CLIP:x"])
def test_an_init_that_is_none_lists_the_kinds(start: Start, init: str) -> None:
    with pytest.raises(UsageError, match="is none of random, tiny, clip-vip:FILE, clip:DIR_OR_NAME, run:ID"):
        start(init)


# --- clip-vip:FILE --------------------------------------------------------------------------------------------------


def test_the_golden_checkpoint_loads_whole(start: Start, shared: Path) -> None:
    variant, loaded = start(f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}")
    assert loaded.new == ()
    assert set(loaded.loaded) == {name for name, _ in variant.named_parameters()}
    raw = torch.load(shared / "golden" / "clipvip_tiny.pt", weights_only=True)
    assert torch.equal(variant.backbone.state_dict()[PROXIES], raw[PROXIES])


def test_an_additive_variant_takes_the_report_s_rows_in_our_order(start: Start, shared: Path) -> None:
    variant, loaded = start(f"clip-vip:{shared / 'golden' / 'emotion_embed_model_tiny.pt'}", "additive_text")
    raw = torch.load(shared / "golden" / "emotion_embed_model_tiny.pt", weights_only=True)
    assert "emotion.weight" in loaded.loaded
    report = ("joy", "trust", "surprise", "anticipation", "fear", "sadness", "disgust", "anger")  # FACTS, erratum 9
    ours = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation")
    assert [report[row] for row in FROM_REPORT] == list(ours)
    assert torch.equal(variant.state_dict()["emotion.weight"], raw[EMOTIONS][[report.index(name) for name in ours]])


def test_a_plain_variant_refuses_the_emotion_checkpoint_by_its_key(start: Start, shared: Path) -> None:
    with pytest.raises(BenchError, match=r"1 tensors are unexpected: .*" + EMOTIONS.replace(".", r"\.")):
        start(f"clip-vip:{shared / 'golden' / 'emotion_embed_model_tiny.pt'}")


def test_an_additive_variant_on_a_plain_checkpoint_has_new_rows_alone(start: Start, shared: Path) -> None:
    _, loaded = start(f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}", "additive_text")
    assert loaded.new == ("emotion.weight",)


@pytest.mark.parametrize("size", ["b32", "tiny"])
def test_a_checkpoint_of_another_size_names_the_tensors_and_both_shapes(start: Start, shared: Path, size: str) -> None:
    with pytest.raises(BenchError, match=r"tensors are .*: backbone\.clipmodel\.") as error:
        start(f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}", size=size)
    assert "Check --variant and --model.size" in str(error.value)
    assert len(str(error.value)) < 900


def test_both_file_formats_give_the_same_weights(start: Start, state: dict[str, Tensor], tmp_path: Path) -> None:
    one, _ = start(kept(state, tmp_path / "a.pt"))
    other, _ = start(kept(state, tmp_path / "a.safetensors"))
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_position_ids_are_unused_and_no_error(start: Start, state: dict[str, Tensor], tmp_path: Path) -> None:
    key = "clipmodel.text_model.embeddings.position_ids"
    _, loaded = start(kept({**state, key: torch.arange(16)[None]}, tmp_path / "a.pt"))
    assert loaded.unused == (f"backbone.{key}",)
    assert str(loaded).endswith(f"new 0, unused 1 (backbone.{key})")


def test_a_missing_tensor_is_named(start: Start, state: dict[str, Tensor], tmp_path: Path) -> None:
    del state[VIDEO_PROJECTION]
    with pytest.raises(BenchError, match=rf"1 tensors are missing: backbone\.{VIDEO_PROJECTION}"):
        start(kept(state, tmp_path / "a.pt"))


def test_an_unheard_of_tensor_is_named(start: Start, state: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"1 tensors are unexpected: backbone\.clipmodel\.odd"):
        start(kept({**state, "clipmodel.odd": torch.zeros(1)}, tmp_path / "a.pt"))


def test_a_tensor_of_another_shape_is_named_with_both_shapes(
    start: Start, state: dict[str, Tensor], tmp_path: Path
) -> None:
    state[VIDEO_PROJECTION] = torch.zeros(24, 50)
    with pytest.raises(BenchError, match=rf"of another shape: backbone\.{VIDEO_PROJECTION} \(24, 50\) for \(24, 48\)"):
        start(kept(state, tmp_path / "a.pt"))


def test_many_tensors_that_do_not_fit_are_counted_and_six_are_named(
    start: Start, state: dict[str, Tensor], tmp_path: Path
) -> None:
    few = {key: value for key, value in state.items() if key in (PROXIES, TEMPORAL)}
    with pytest.raises(BenchError, match=rf"{len(state) - 2} tensors are missing") as error:
        start(kept(few, tmp_path / "a.pt"))
    assert str(error.value).count("backbone.") == 6
    assert f"and {len(state) - 8} more" in str(error.value)


@pytest.mark.parametrize("frames", [2, 4, 9])
def test_the_temporal_embedding_has_the_checkpoint_s_length(
    start: Start, state: dict[str, Tensor], tmp_path: Path, frames: int
) -> None:
    state[TEMPORAL] = torch.randn(1, frames, 48)
    variant, _ = start(kept(state, tmp_path / "a.pt"), frames=6)
    assert torch.equal(variant.backbone.state_dict()[TEMPORAL], state[TEMPORAL])


def test_a_temporal_embedding_without_frames_is_named(start: Start, state: dict[str, Tensor], tmp_path: Path) -> None:
    state[TEMPORAL] = torch.zeros(48)
    with pytest.raises(BenchError, match=rf"of another shape: backbone\.{TEMPORAL} \(48,\)"):
        start(kept(state, tmp_path / "a.pt"))


def test_the_line_says_source_counts_and_names(start: Start, shared: Path) -> None:
    """The source is the file's sha256, so the record's protocol tells two checkpoints of one name apart."""
    path = shared / "golden" / "clipvip_tiny.pt"
    _, loaded = start(f"clip-vip:{path}", "additive_text")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    start_of_line = f"clip-vip:{digest}: {len(loaded.loaded)} tensors loaded, new 1 (emotion.weight), unused "
    assert str(loaded).startswith(start_of_line)


def test_a_long_list_of_names_is_cut() -> None:
    names = tuple("abcdef")
    assert str(Loaded("clip:x", names, names, ())) == "clip:x: 6 tensors loaded, new 6 (a, b, c, d, …), unused 0"


def test_a_missing_file_says_what_to_fetch(start: Start, tmp_path: Path) -> None:
    with pytest.raises(
        BenchError,
        match=r"no checkpoint at .*none\.pt\. Fetch pretrain_clipvip_base_32\.pt .* by the link in CLIP-ViP/README\.md",
    ):
        start(f"clip-vip:{tmp_path / 'none.pt'}")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint at all", bytes(range(256)) * 9], ids=["empty", "text", "bytes"]
)
def test_a_file_that_is_no_checkpoint_is_one_clear_line(
    start: Start, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BenchError, match="is no readable checkpoint") as error:
        start(f"clip-vip:{tmp_path / name}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_half_a_checkpoint_is_refused(start: Start, state: dict[str, Tensor], tmp_path: Path, name: str) -> None:
    init = kept(state, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BenchError, match="is no readable checkpoint"):
        start(init)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}, {1: torch.zeros(1)}, torch.zeros(3)])
def test_a_file_of_something_else_than_tensors_by_name_is_refused(start: Start, tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(BenchError, match="holds no state dict of tensors"):
        start(f"clip-vip:{tmp_path / 'a.pt'}")


class Malicious:
    """A pickle that makes a file when it is read the careless way."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_not_executed(start: Start, tmp_path: Path, writer: str) -> None:
    mark, path = tmp_path / "executed", tmp_path / "a.pt"
    if writer == "torch":
        torch.save({PROXIES: Malicious(mark)}, path)
    else:
        path.write_bytes(pickle.dumps({PROXIES: Malicious(mark)}, protocol=2))
    with pytest.raises(BenchError, match="is no readable checkpoint"):
        start(f"clip-vip:{path}")
    assert not mark.exists()


# --- clip:DIR -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face CLIP of the golden shape, as save_pretrained writes it."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("clip") / "some-clip"
    CLIPModel(golden_config()).save_pretrained(folder)
    return folder


def test_a_hugging_face_clip_gives_all_but_proxies_and_time(start: Start, clip: Path) -> None:
    variant, loaded = start(f"clip:{clip}")
    assert loaded.new == (f"backbone.{PROXIES}", f"backbone.{TEMPORAL}")
    saved = load_file(clip / "model.safetensors")
    own = variant.backbone.clipmodel.state_dict()
    assert all(torch.equal(own[key], value) for key, value in saved.items() if not key.endswith("position_ids"))
    assert re.fullmatch("clip:[0-9a-f]{8}", loaded.source)


def test_added_proxies_start_from_the_class_embedding_and_time_from_zero(start: Start, clip: Path) -> None:
    embeddings = start(f"clip:{clip}")[0].backbone.clipmodel.vision_model.embeddings
    assert torch.equal(embeddings.added_cls, embeddings.class_embedding.expand(3, -1))
    assert not embeddings.temporal_embedding.any()


def test_a_folder_s_own_config_is_a_size(start: Start, clip: Path) -> None:
    _, loaded = start(f"clip:{clip}", size=str(clip / "config.json"))
    assert len(loaded.new) == 2


def test_a_clip_of_another_size_is_refused_by_its_tensors(start: Start, clip: Path) -> None:
    with pytest.raises(BenchError, match=r"--init clip:.* does not fit this variant and size: \d+ tensors are"):
        start(f"clip:{clip}", size="tiny")


def test_a_folder_without_a_clip_is_one_clear_line(start: Start, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no CLIP at '.*': .*Give a folder") as error:
        start(f"clip:{tmp_path}")
    assert "\n" not in str(error.value)


def test_a_clip_with_half_its_weights_file_is_one_clear_line(start: Start, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((clip / "config.json").read_text())
    content = (clip / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(BenchError, match="no CLIP at"):
        start(f"clip:{tmp_path}")


def test_a_clip_that_lacks_a_tensor_is_no_start(start: Start, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((clip / "config.json").read_text())
    saved = load_file(clip / "model.safetensors")
    del saved["visual_projection.weight"]
    save_file(saved, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BenchError, match=r"lacks 1 tensors: visual_projection\.weight"):
        start(f"clip:{tmp_path}")


# --- run:ID ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(start: Start, tmp_path: Path) -> tuple[Variant, str]:
    """A former run's variant and id, its weights where a run leaves them."""
    torch.manual_seed(2)
    variant, _ = start("random", "additive_text")
    name = "additive_text-s42-1a2b3c4d"
    tokenizer = caption_tokenizer(["a happy man", "a sad dog"])
    save_weights(variant, tokenizer, tmp_path / "some" / "train" / "additive_text" / name / "model.safetensors")
    return variant, name


def test_a_former_run_comes_back_whole(start: Start, run: tuple[Variant, str], tmp_path: Path) -> None:
    before, name = run
    variant, loaded = start(f"run:{name}", "additive_text")
    assert loaded.new == loaded.unused == ()
    [written] = tmp_path.rglob("model.safetensors")
    assert loaded.source == f"run:{name}:{hashlib.sha256(written.read_bytes()).hexdigest()[:8]}"
    assert all(torch.equal(value, before.state_dict()[key]) for key, value in variant.state_dict().items())


def test_a_plain_run_does_not_take_an_additive_one(start: Start, run: tuple[Variant, str]) -> None:
    with pytest.raises(BenchError, match=r"1 tensors are unexpected: emotion\.weight"):
        start(f"run:{run[1]}")


def test_an_unknown_run_suggests_the_nearest(start: Start, run: tuple[Variant, str]) -> None:
    with pytest.raises(UsageError, match=f"no weights of a run 'additive_text-s42-1a2b'.* Did you mean {run[1]}"):
        start("run:additive_text-s42-1a2b", "additive_text")


def test_a_run_whose_weights_are_gone_says_what_to_remove(start: Start, tmp_path: Path) -> None:
    record = tmp_path / "msrvtt" / "9k" / "plain" / "plain-s42-1a2b3c4d.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    with pytest.raises(
        BenchError, match=r"the weights of plain-s42-1a2b3c4d are gone. Remove .*plain-s42-1a2b3c4d\.json"
    ):
        start("run:plain-s42-1a2b3c4d")


@pytest.mark.parametrize("name", ["*", "**", "add*", "."])
def test_a_run_is_named_and_not_matched(start: Start, run: tuple[Variant, str], name: str) -> None:
    with pytest.raises(UsageError, match="no weights of a run"):
        start(f"run:{name}", "additive_text")


def test_weights_carry_their_tokenizer_and_shape(run: tuple[Variant, str], tmp_path: Path) -> None:
    from safetensors import safe_open

    [path] = tmp_path.glob("*/*/*/*/model.safetensors")
    tokenizer = read_tokenizer(path)
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.encode("A happy dog").tokens == ["[START]", "a", "happy", "dog", "[END]"]
    with safe_open(path, framework="pt") as file:
        assert json.loads(metadata_of(file.metadata())["clip_config"])["vision_config"]["hidden_size"] == 48


def test_the_same_run_gives_the_same_bytes(run: tuple[Variant, str], tmp_path: Path) -> None:
    tokenizer = caption_tokenizer(["a happy man", "a sad dog"])
    written = set()
    for number in range(8):  # the order of two texts in the metadata would be drawn anew each time
        save_weights(run[0], tokenizer, tmp_path / f"{number}.safetensors")
        written.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(written) == 1
