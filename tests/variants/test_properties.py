"""What must not change a variant's features, whatever its weights: padding, company, faces that are not there."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import pad

from bench.data.batch import TextBatch, VideoBatch
from bench.model import variant_registry
from bench.model.small_models import END, captions, clips, trained

NAMES = sorted(variant_registry.entries())
CLASSES = {name: variant_registry.get(name) for name in NAMES}
AS_PLAIN = [name for name in NAMES if CLASSES[name].plain_without_emotion]
COUNTS_ALIKE = [name for name in NAMES if not CLASSES[name].counts_matter]
HEARS, SEES = ([name for name in NAMES if what in CLASSES[name].learns_from] for what in ("emotions", "faces"))
variant_of = cache(trained)

few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**31)
lengths = st.lists(st.integers(1, 8), min_size=2, max_size=5)


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, atol=2e-5)


def text_rows(batch: TextBatch, rows: list[int]) -> TextBatch:
    assert batch.emotions is not None
    return TextBatch(batch.input_ids[rows], batch.attention_mask[rows], batch.emotions[rows])


def video_rows(batch: VideoBatch, rows: list[int]) -> VideoBatch:
    assert batch.faces is not None and batch.seen is not None
    return VideoBatch(batch.pixels[rows], batch.faces[rows], batch.seen[rows])


@pytest.mark.parametrize("name", NAMES)
@given(lengths=lengths, seed=seeds, more=st.integers(1, 6))
@few
@torch.no_grad()
def test_any_amount_of_padding_leaves_a_caption_as_it_is(name: str, lengths: list[int], seed: int, more: int) -> None:
    text = captions(lengths, seed)
    padded = replace(
        text, input_ids=pad(text.input_ids, (0, more), value=END), attention_mask=pad(text.attention_mask, (0, more))
    )
    assert close(variant_of(name).encode_text(text), variant_of(name).encode_text(padded))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), lengths=lengths, seed=seeds)
@few
@torch.no_grad()
def test_a_caption_s_features_do_not_depend_on_its_company(
    name: str, data: st.DataObject, lengths: list[int], seed: int
) -> None:
    text = captions(lengths, seed)
    rows = data.draw(st.permutations(range(len(lengths))))[: data.draw(st.integers(1, len(lengths)))]
    whole = variant_of(name).encode_text(text)
    assert close(whole[rows], variant_of(name).encode_text(text_rows(text, rows)))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), n=st.integers(2, 4), seed=seeds)
@few
@torch.no_grad()
def test_a_clip_s_features_do_not_depend_on_its_company(name: str, data: st.DataObject, n: int, seed: int) -> None:
    video = clips(n, seed)
    rows = data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))]
    whole = variant_of(name).encode_video(video)
    assert close(whole[rows], variant_of(name).encode_video(video_rows(video, rows)))


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, nonsense=st.floats(-1e3, 1e3))
@few
@torch.no_grad()
def test_scores_of_a_face_that_is_not_there_mean_nothing(name: str, seed: int, nonsense: float) -> None:
    video = clips(3, seed)
    assert video.faces is not None and video.seen is not None
    other = replace(video, faces=torch.where(video.seen[..., None], video.faces, nonsense))
    assert close(variant_of(name).encode_video(video), variant_of(name).encode_video(other))


@pytest.mark.parametrize("name", AS_PLAIN)
@given(seed=seeds)
@few
@torch.no_grad()
def test_a_clip_without_any_face_is_as_plain_has_it(name: str, seed: int) -> None:
    video = clips(3, seed)
    assert video.seen is not None
    faceless = replace(video, seen=torch.zeros_like(video.seen))
    assert close(variant_of(name).encode_video(faceless), variant_of("plain").encode_video(faceless)), (
        f"{name}: a clip without any face is not as plain has it: if that is meant, say plain_without_emotion = False"
    )


@pytest.mark.parametrize("name", AS_PLAIN)
@given(lengths=lengths, seed=seeds)
@few
@torch.no_grad()
def test_a_caption_without_emotion_is_as_plain_has_it(name: str, lengths: list[int], seed: int) -> None:
    text = captions(lengths, seed)
    assert text.emotions is not None
    neutral = replace(text, emotions=torch.zeros_like(text.emotions))
    assert close(variant_of(name).encode_text(neutral), variant_of("plain").encode_text(neutral)), (
        f"{name}: a caption without emotion is not as plain has it: if that is meant, say plain_without_emotion = False"
    )


@pytest.mark.parametrize("name", COUNTS_ALIKE)
@given(lengths=lengths, seed=seeds, times=st.integers(2, 5))
@few
@torch.no_grad()
def test_an_emotion_named_twice_is_still_one_emotion(name: str, lengths: list[int], seed: int, times: int) -> None:
    text = captions(lengths, seed)
    assert text.emotions is not None
    louder = replace(text, emotions=text.emotions * times)
    assert close(variant_of(name).encode_text(text), variant_of(name).encode_text(louder)), (
        f"{name}: it matters how often an emotion is named: if that is meant, say counts_matter = True"
    )


@pytest.mark.parametrize("name", HEARS)
@torch.no_grad()
def test_a_trained_variant_hears_the_caption_s_emotion(name: str) -> None:
    text = captions([3, 4])
    joy, anger = (replace(text, emotions=torch.eye(8)[[row, row]]) for row in (0, 6))
    assert not close(variant_of(name).encode_text(joy), variant_of(name).encode_text(anger)), (
        f"{name}: learns_from claims emotions, but joy and anger give the same text features"
    )


@pytest.mark.parametrize("name", SEES)
@torch.no_grad()
def test_a_trained_variant_sees_the_face(name: str) -> None:
    video = clips(2)
    assert video.faces is not None and video.seen is not None
    seen = torch.ones_like(video.seen)
    joy, anger = (
        replace(video, seen=seen, faces=torch.eye(8)[row].expand_as(video.faces).contiguous()) for row in (0, 6)
    )
    assert not close(variant_of(name).encode_video(joy), variant_of(name).encode_video(anger)), (
        f"{name}: learns_from claims faces, but joy and anger give the same video features"
    )
