"""A split on disk: it comes back as it was written, or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.annotation import Annotation, Clip, keep, load_annotation, save_annotation
from bench.errors import BenchError

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CLIPS = st.lists(st.builds(Clip, TEXT, st.lists(TEXT, max_size=3).map(tuple)), max_size=6, unique_by=lambda c: c.video)


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    """Clips with any text, subsets of their captions, twins both ways."""
    clips = draw(CLIPS)
    queries = sum(len(clip.captions) for clip in clips)
    members = st.lists(st.integers(0, queries - 1), unique=True).map(tuple) if queries else st.just(())
    order = draw(st.permutations(range(len(clips))))
    pairs = list(zip(order[::2], order[1::2], strict=False))[: draw(st.integers(0, 3))]
    twins = {**dict(pairs), **{other: one for one, other in pairs}}
    subsets = draw(st.dictionaries(TEXT, members, max_size=3))
    return Annotation("some", "test", tuple(clips), subsets, twins, {"count": draw(st.integers())})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A small split's file."""
    clips = tuple(Clip(f"video{n}", (f"caption {n}",)) for n in range(4))
    return save_annotation(Annotation("some", "test", clips, {"emotion": (0, 3)}, {0: 3, 3: 0}), tmp_path)


def alter(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def load(path: Path) -> Annotation:
    return load_annotation(path.parents[1], "test", "some")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(annotation=annotations())
def test_what_was_saved_is_loaded(annotation: Annotation, tmp_path: Path) -> None:
    save_annotation(annotation, tmp_path)
    assert load_annotation(tmp_path, "test", "some") == annotation


def test_a_missing_file_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"test\.json is missing\. Write it: bench data prepare"):
        load_annotation(tmp_path, "test", "some")


@pytest.mark.parametrize("part", ["clips", "subsets", "twins"])
def test_an_altered_file_is_refused(written: Path, part: str) -> None:
    altered: dict[str, object] = {"clips": [{"video": "other", "captions": ["a"]}], "subsets": {}, "twins": {}}
    alter(written, **{part: altered[part]})
    with pytest.raises(BenchError, match="was altered since it was written"):
        load(written)


def test_another_format_is_named(written: Path) -> None:
    written.write_text('{"format": 9}')
    with pytest.raises(BenchError, match="has format 9, not 1"):
        load(written)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', '"text"', '{"format": 1, "sha256": "0"}'])
def test_a_broken_file_is_one_clear_line(written: Path, content: str) -> None:
    written.write_text(content)
    with pytest.raises(BenchError, match="cannot be read") as error:
        load(written)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_one_clear_line(written: Path) -> None:
    written.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BenchError, match="cannot be read"):
        load(written)


def test_the_digest_knows_clips_subsets_and_twins_but_no_facts() -> None:
    clips = (Clip("one", ("a",)), Clip("two", ("b",)))
    plain = Annotation("some", "test", clips)
    assert Annotation("some", "test", clips, facts={"layout": "official"}).digest == plain.digest
    others = [
        Annotation("some", "test", clips[::-1]),
        Annotation("some", "test", clips, {"emotion": (0,)}),
        Annotation("some", "test", clips, {}, {0: 1, 1: 0}),
    ]
    assert len({plain.digest, *(other.digest for other in others)}) == 4


@given(annotation=annotations(), data=st.data())
def test_subsets_and_twins_follow_their_clips(annotation: Annotation, data: st.DataObject) -> None:
    names = [clip.video for clip in annotation.clips]
    kept = set(data.draw(st.lists(st.sampled_from(names), unique=True))) if names else set()
    less = keep(annotation, kept)
    assert [clip.video for clip in less.clips] == [name for name in names if name in kept]
    before, after = ([(c.video, text) for c in split.clips for text in c.captions] for split in (annotation, less))
    for name, members in annotation.subsets.items():
        assert [after[i] for i in less.subsets[name]] == [before[i] for i in members if before[i][0] in kept]
    pairs = {names[one]: names[other] for one, other in annotation.twins.items()}
    expected_pairs = {one: other for one, other in pairs.items() if one in kept and other in kept}
    assert {less.clips[a].video: less.clips[b].video for a, b in less.twins.items()} == expected_pairs


def test_every_caption_is_a_query_of_its_clip() -> None:
    split = Annotation("some", "test", (Clip("one", ("a", "b")), Clip("two", ("a",))))
    assert split.queries == ["a", "b", "a"]
    assert split.video_of == [0, 0, 1]


def test_another_dataset_s_split_is_refused(written: Path) -> None:
    with pytest.raises(BenchError, match=r"test\.json is of the dataset 'some', not 'other'"):
        load_annotation(written.parents[1], "test", "other")


def test_the_mend_is_the_dataset_s_own(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"Write it: bench data prepare other --root"):
        load_annotation(tmp_path, "test", "other")
    with pytest.raises(BenchError, match=r"is missing\. Delete it\.$"):
        load_annotation(tmp_path, "test", "other", "Delete it.")
