"""What every registered variant must keep. A new file under `variants/` is tested here by being there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from helpers.small_models import END, captions, clips, make, trained
from torch import Tensor

from bench.data.batch import TextBatch, VideoBatch
from bench.data.tokenizer import caption_tokenizer
from bench.emotions import EMOTIONS
from bench.errors import UsageError
from bench.model import registry
from bench.model.checkpoints import read_tensors, save_weights
from bench.model.clip_vip import ClipVip
from bench.model.losses import contrastive_loss
from bench.model.variant import Variant

NAMES = sorted(registry.entries())
START_AS_PLAIN = {"plain", "gated_additive", "emotion_position", "attention_modulation", "film_text"}
START_AS_PLAIN |= {"cross_attention", "face_additive", "emotion_alignment"}


@pytest.fixture(scope="module")
def text() -> TextBatch:
    """Four captions of different lengths; one without emotion, one with several."""
    batch = captions([3, 8, 5, 1])
    emotions = torch.zeros(4, len(EMOTIONS))
    emotions[0, 0], emotions[1, 2], emotions[1, 4], emotions[3, 7] = 1, 2, 1, 1
    return replace(batch, emotions=emotions)


@pytest.fixture(scope="module")
def video() -> VideoBatch:
    """Four clips with a face in some of their frames; the third has none."""
    batch = clips(4)
    assert batch.seen is not None
    return replace(batch, seen=batch.seen & torch.tensor([True, True, False, True])[:, None])


def pick(batch: TextBatch | VideoBatch, rows: list[int]) -> TextBatch | VideoBatch:
    fields = {name: value[rows] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **fields)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_features_have_the_projection_s_width_and_unit_norm(name: str, text: TextBatch, video: VideoBatch) -> None:
    variant, width = make(name), golden_config().projection_dim
    scores_of_its_own = type(variant).similarity is not Variant.similarity  # then features may have further parts
    for features in (variant.encode_text(text), variant.encode_video(video)):
        assert features.shape == (4, width) or (scores_of_its_own and features.shape[1] > width)
        assert torch.allclose(features[:, :width].norm(dim=-1), torch.ones(4), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_similarity_has_a_row_a_caption_and_a_column_a_clip(name: str, text: TextBatch, video: VideoBatch) -> None:
    variant = make(name)
    texts, videos = variant.encode_text(text), variant.encode_video(video)
    assert variant.similarity(texts[:3], videos).shape == (3, 4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str, text: TextBatch, video: VideoBatch) -> None:
    variant = trained(name).train()  # behind a gate that is shut everything is zero
    texts, videos, scale, extras = variant(text, video)
    loss = contrastive_loss(texts, videos, scale, variant.similarity) + sum(extras.values())
    loss.backward()
    without = [key for key, value in variant.named_parameters() if value.grad is None or not value.grad.any()]
    assert not without


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_padding_does_not_change_a_caption_s_features(name: str, text: TextBatch) -> None:
    variant = make(name)
    longer = replace(
        text,
        input_ids=torch.nn.functional.pad(text.input_ids, (0, 5), value=END),
        attention_mask=torch.nn.functional.pad(text.attention_mask, (0, 5)),
    )
    assert torch.allclose(variant.encode_text(text), variant.encode_text(longer), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_features_do_not_depend_on_the_order_or_size_of_the_batch(
    name: str, text: TextBatch, video: VideoBatch
) -> None:
    variant, rows = make(name), [2, 0, 3]
    assert torch.allclose(variant.encode_text(text)[rows], variant.encode_text(pick(text, rows)), atol=1e-5)
    assert torch.allclose(variant.encode_video(video)[rows], variant.encode_video(pick(video, rows)), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_weights_give_the_same_features(
    name: str, text: TextBatch, video: VideoBatch, tmp_path: Path
) -> None:
    variant = make(name)
    save_weights(variant, caption_tokenizer(["a man"]), tmp_path / "model.safetensors")
    torch.manual_seed(7)
    other = registry.build(name, ClipVip(golden_config(), frames=GOLDEN_FRAMES), {}).eval()
    other.load_state_dict(read_tensors(tmp_path / "model.safetensors"))
    assert torch.equal(variant.encode_text(text), other.encode_text(text))
    assert torch.equal(variant.encode_video(video), other.encode_video(video))


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_hyperparameter_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' has no hyperparameter 'no_such_thing'"):
        make(name, no_such_thing=1)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_a_variant_that_claims_to_start_as_plain_does(name: str, text: TextBatch, video: VideoBatch) -> None:
    variant, plain = make(name), make("plain")
    same = torch.equal(variant.encode_text(text), plain.encode_text(text)) and torch.equal(
        variant.encode_video(video), plain.encode_video(video)
    )
    assert same or not variant.starts_as_plain
    assert variant.starts_as_plain == (name in START_AS_PLAIN)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_a_variant_does_without_what_it_does_not_ask_for(name: str, text: TextBatch, video: VideoBatch) -> None:
    variant = make(name)
    if not variant.text_needs:
        variant.encode_text(replace(text, emotions=None))
    if not variant.video_needs:
        variant.encode_video(replace(video, faces=None, seen=None))


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_says_size_and_source(name: str) -> None:
    said = registry.get(name).__doc__ or ""
    assert "arXiv" in said or "MIE1517" in said or "Source: " in said
    assert "parameters" in said or name == "plain"


@pytest.mark.parametrize("name", NAMES)
def test_the_listing_says_what_the_class_says(name: str) -> None:
    """`bench list` reads the source without importing it; it must agree with the class."""
    entry, variant = registry.entries()[name], registry.get(name)
    assert (entry.text_needs, entry.video_needs) == (variant.text_needs, variant.video_needs)
    assert {key: str(value) for key, value in registry.parse_hyperparameters(name, {}).items()} == entry.hyperparameters
    assert entry.summary
