"""The embedded dataset: what is said, what is drawn, and that both come out the same everywhere."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.data.annotation import Annotation, load_annotation
from bench.data.cards import load_card
from bench.data.faces import read_faces, read_table, write_faces
from bench.data.importers import moodclips
from bench.data.importers.moodclips import grammar
from bench.data.importers.moodclips.acting import FRAMES
from bench.data.importers.moodclips.render import render_shot
from bench.data.importers.moodclips.shots import MENTIONS, MOODS, Plan, Shot, plan
from bench.data.video import find_videos, probe, read_frames
from bench.emotions import EMOTIONS
from bench.emotions.scores import score_captions
from bench.errors import BenchError, UsageError
from bench.utils import paths

DEFAULT = ("moodclips", 0, 1200, 120, 800)
SMALL = {"train": 8, "val": 4, "test": 16}
ONE: dict[str, int] = {"train": 1, "val": 0, "test": 0, "workers": 1}


@pytest.fixture(scope="module")
def train(full: Plan) -> Annotation:
    return full.annotations[0]


@pytest.fixture(scope="module")
def test(full: Plan) -> Annotation:
    return full.annotations[2]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset, rendered in this process."""
    return moodclips.ensure(tmp_path_factory.mktemp("moodclips") / "small", **SMALL, workers=1)


def scores(captions: list[str], emotion: str) -> np.ndarray:
    return score_captions(captions)[:, EMOTIONS.index(emotion)]


def content(shot: Shot) -> tuple[str, ...]:
    return tuple(shot.content[part] for part in ("who", "where", "what", "prop"))


# What is said


def test_splits_have_the_sizes_of_the_card(full: Plan):
    sizes = {part.split: (len(part.clips), sum(len(clip.captions) for clip in part.clips)) for part in full.annotations}
    card = load_card("moodclips")
    assert sizes == {name: (facts["videos"], facts["captions"]) for name, facts in card.splits.items()}


def test_card_names_every_subset(test: Annotation):
    assert set(load_card("moodclips").subsets) == set(test.subsets)


@pytest.mark.parametrize("table", [grammar.SEEN, grammar.UNSEEN], ids=["seen", "unseen"])
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_emotion_word_carries_its_emotion_by_the_nrc_lexicon(table: dict, emotion: str):
    words = [word for some in table[emotion].values() for word in some]
    assert [word for word, score in zip(words, scores(words, emotion), strict=True) if score == 0] == []


def test_no_word_of_the_content_carries_an_emotion():
    tables = (grammar.WHO, grammar.WHERE, grammar.WHAT, grammar.PROP)
    phrases = [phrase for table in tables for some in table.values() for phrase in some]
    assert [phrase for phrase, row in zip(phrases, score_captions(phrases), strict=True) if row.any()] == []


def test_captions_that_mention_no_emotion_score_zero_on_all_eight(train: Annotation, shots: dict[str, Shot]):
    captions = [text for clip in train.clips if shots[clip.video].mood == "neutral" for text in clip.captions]
    assert not score_captions(captions).any()


def test_about_half_of_the_training_captions_mention_an_emotion(train: Annotation):
    assert 0.45 < score_captions([text for clip in train.clips for text in clip.captions]).any(axis=1).mean() < 0.55


def test_eleven_of_twenty_captions_mention_the_emotion_of_an_emotional_clip(train: Annotation, shots: dict[str, Shot]):
    clips = [clip for clip in train.clips if shots[clip.video].mood != "neutral"]
    found = score_captions([text for clip in clips for text in clip.captions]).reshape(len(clips), 20, len(EMOTIONS))
    own = [EMOTIONS.index(shots[clip.video].mood) for clip in clips]
    assert set((found[np.arange(len(clips)), :, own] > 0).sum(axis=1)) == {MENTIONS}


def test_every_emotional_test_caption_mentions_its_emotion(test: Annotation):
    for emotion in EMOTIONS:
        captions = [test.clips[index].captions[0] for index in test.subsets[emotion]]
        assert (scores(captions, emotion) == 1).all()


def test_neutral_test_captions_mention_no_emotion(test: Annotation):
    assert not score_captions([test.clips[index].captions[0] for index in test.subsets["neutral"]]).any()


def test_training_emotions_are_balanced(train: Annotation, shots: dict[str, Shot]):
    counts = Counter(shots[clip.video].mood for clip in train.clips)
    assert set(counts) == set(MOODS)
    assert max(counts.values()) - min(counts.values()) <= 4


def test_test_emotions_are_balanced(test: Annotation):
    assert {len(test.subsets[emotion]) for emotion in EMOTIONS} == {90}


def test_a_third_of_the_emotional_test_captions_use_unseen_words(test: Annotation):
    assert len(test.subsets["unseen-words"]) * 3 == len(test.subsets["emotion"])


def test_unseen_words_occur_in_no_training_or_validation_caption(full: Plan):
    said = {
        word.strip(",") for part in full.annotations[:2] for c in part.clips for s in c.captions for word in s.split()
    }
    unseen = {word.removeprefix("a ") for some in grammar.UNSEEN.values() for kind in some.values() for word in kind}
    assert said & unseen == set()


def test_unseen_word_captions_have_a_word_that_training_never_had(train: Annotation, test: Annotation):
    said = {word.strip(",") for clip in train.clips for text in clip.captions for word in text.split()}
    queries = [test.clips[index].captions[0] for index in test.subsets["unseen-words"]]
    assert all({word.strip(",") for word in text.split()} - said for text in queries)


def test_seen_word_captions_have_no_word_that_is_new(train: Annotation, test: Annotation):
    said = {word.strip(",") for clip in train.clips for text in clip.captions for word in text.split()}
    queries = [test.clips[index].captions[0] for index in test.subsets["seen-words"]]
    assert {word.strip(",") for text in queries for word in text.split()} - said == set()


def test_every_emotional_test_clip_has_a_twin_and_it_works_both_ways(test: Annotation):
    assert set(test.twins) == set(test.subsets["emotion"]) == set(test.subsets["twins"])
    assert all(test.twins[other] == index for index, other in test.twins.items())


def test_twins_differ_in_emotion_alone(test: Annotation, shots: dict[str, Shot]):
    for index, other in test.twins.items():
        one, two = shots[test.clips[index].video], shots[test.clips[other].video]
        assert (one.content, one.look) == (two.content, two.look)
        assert one.mood != two.mood


def test_two_test_contents_that_are_no_twins_differ_in_two_parts_at_least(test: Annotation, shots: dict[str, Shot]):
    contents = sorted({content(shots[clip.video]) for clip in test.clips})
    assert min(sum(a != b for a, b in zip(x, y, strict=True)) for x in contents for y in contents if x != y) >= 2


def test_no_content_is_in_two_splits(full: Plan):
    where = {part: {content(shot) for shot in full.shots if shot.name.startswith(part)} for part in SMALL}
    assert not where["train"] & where["test"] | where["train"] & where["val"] | where["val"] & where["test"]


def test_file_names_tell_nothing_but_split_and_number(full: Plan):
    assert [shot.name for shot in full.shots if shot.name.startswith("val")] == [f"val{n:04d}" for n in range(120)]


def test_only_the_test_split_has_subsets(full: Plan):
    assert not any(part.subsets for part in full.annotations[:2])


def test_every_training_clip_has_a_twin_in_another_mood_with_the_same_content(
    train: Annotation, shots: dict[str, Shot]
):
    assert set(train.twins) == set(range(len(train.clips)))
    for index, other in train.twins.items():
        one, two = shots[train.clips[index].video], shots[train.clips[other].video]
        assert train.twins[other] == index and one.content == two.content and one.mood != two.mood


def test_another_seed_gives_other_captions(full: Plan):
    assert plan(1, 8, 4, 16).annotations[0].clips != plan(0, 8, 4, 16).annotations[0].clips


def test_more_test_clips_than_contents_is_a_usage_error():
    with pytest.raises(UsageError, match=r"1000 test clips need 550 contents and there are 512"):
        plan(0, 8, 4, 1000)


def test_captions_of_the_default_dataset_have_the_known_checksum(full: Plan):
    assert moodclips.captions_checksum(full) == moodclips.CHECKSUMS[DEFAULT][0]


# What is drawn


@pytest.mark.parametrize("mood", EMOTIONS)
def test_an_emotion_moves_the_picture(mood: str, full: Plan):
    shot = full.shots[0]
    calm, moved = (render_shot(Shot("x", shot.content, m, shot.look))[0].astype(int) for m in ("neutral", mood))
    assert (calm != moved).any(axis=(1, 2, 3)).sum() >= FRAMES - 3  # a surprised person is calm at first


def test_the_twins_scene_is_the_same_outside_the_person(test: Annotation, shots: dict[str, Shot]):
    index = next(
        i for i in test.subsets["joy"] if i in test.twins and test.twins[i] not in test.subsets["anticipation"]
    )
    one, two = (render_shot(shots[test.clips[i].video])[0] for i in (index, test.twins[index]))
    assert np.array_equal(one[:, :, 100:], two[:, :, 100:])


def test_the_face_is_between_22_and_28_pixels_wide(full: Plan):
    _, boxes = render_shot(full.shots[0])
    assert all(22 <= width <= 28 for _, _, width, _ in boxes)


def test_small_dataset_has_every_clip_of_its_annotations(small: Path):
    named = {clip.video for split in SMALL for clip in load_annotation(small, split, "moodclips").clips}
    assert named == set(find_videos(small / "videos"))


def test_clips_are_twelve_frames_of_128_pixels_at_six_a_second(small: Path):
    info = probe(small / "videos" / "test0000.mp4")
    assert (info.frames, info.width, info.height, round(info.fps, 3)) == (12, 128, 128, 6.0)


def test_encoded_frames_are_close_to_the_drawn_ones(small: Path):
    shot = next(shot for shot in plan(0, **SMALL).shots if shot.name == "test0003")
    read = read_frames(small / "videos" / "test0003.mp4", range(12)).astype(int)
    assert np.abs(read - render_shot(shot)[0]).mean() < 5


def test_frames_do_not_depend_on_the_number_of_workers(small: Path, tmp_path: Path):
    again = moodclips.ensure(tmp_path / "again", **SMALL, workers=2)
    assert (again / moodclips.MARKER).read_bytes() == (small / moodclips.MARKER).read_bytes()


def test_small_dataset_has_the_known_checksums(small: Path):
    marker = json.loads((small / moodclips.MARKER).read_text())
    assert (marker["captions"], marker["frames"]) == moodclips.CHECKSUMS["moodclips", 0, 8, 4, 16]


@pytest.mark.slow
def test_frames_of_the_default_dataset_have_the_known_checksum(tmp_path: Path):
    folder = moodclips.ensure(tmp_path / "full")
    assert json.loads((folder / moodclips.MARKER).read_text())["frames"] == moodclips.CHECKSUMS[DEFAULT][1]


def test_default_place_is_below_the_cache_folder():
    assert moodclips.ensure(train=2, val=0, test=0).parent == paths.home() / "moodclips"


# What goes wrong


def test_a_second_call_renders_nothing(small: Path):
    before = (small / "videos" / "test0000.mp4").stat().st_mtime_ns
    moodclips.ensure(small, **SMALL)
    assert (small / "videos" / "test0000.mp4").stat().st_mtime_ns == before


def test_interrupted_generation_leaves_nothing_and_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(videos: Path, shot: Shot):
        if shot.name == "train0001":
            raise KeyboardInterrupt
        return film(videos, shot)

    film = moodclips.film
    with monkeypatch.context() as patch:
        patch.setattr(moodclips, "film", interrupted)
        with pytest.raises(KeyboardInterrupt):
            moodclips.ensure(tmp_path / "clips", train=2, val=0, test=0, workers=1)
    assert list(tmp_path.iterdir()) == []
    assert (moodclips.ensure(tmp_path / "clips", train=2, val=0, test=0, workers=1) / moodclips.MARKER).is_file()


def test_an_old_unfinished_folder_is_swept_away(tmp_path: Path):
    old = tmp_path / ".clips-unfinished-abc"
    old.mkdir()
    os.utime(old, (0, 0))
    moodclips.ensure(tmp_path / "clips", train=1, val=0, test=0, workers=1)
    assert not old.exists()


def test_other_frames_than_the_known_ones_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    captions = moodclips.captions_checksum(plan(0, 1, 0, 0))
    monkeypatch.setitem(moodclips.CHECKSUMS, ("moodclips", 0, 1, 0, 0), (captions, "0" * 64))
    with pytest.raises(BenchError, match=r"frames of moodclips 2 have the checksum .* not 000000000000…"):
        moodclips.ensure(tmp_path / "clips", train=1, val=0, test=0)
    assert not (tmp_path / "clips").exists()


def test_a_missing_clip_is_one_line_with_the_mend(tmp_path: Path):
    folder = moodclips.ensure(tmp_path / "clips", train=1, val=0, test=0)
    (folder / "videos" / "train0000.mp4").unlink()
    with pytest.raises(BenchError, match=r"train0000.mp4 is missing or was altered. Delete .* rendered again"):
        moodclips.ensure(folder, train=1, val=0, test=0)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one clip in a cache folder of its own."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    return moodclips.ensure(**ONE)


def altered(path: Path) -> bytes:
    """Flips a bit of a file, which keeps its size; gives its former content."""
    intact = path.read_bytes()
    path.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    return intact


@pytest.mark.parametrize("name", ["videos/train0000.mp4", "faces.parquet", "moodclips.json", "annotations/train.json"])
def test_an_altered_file_in_the_cache_is_rendered_again_with_a_word(
    cached: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    intact = altered(cached / name)
    assert moodclips.ensure(**ONE) == cached
    assert (cached / name).read_bytes() == intact
    assert "That is done now." in capsys.readouterr().err
    assert [path.name for path in cached.parent.iterdir()] == [cached.name]


def test_a_clip_of_equal_size_in_a_folder_that_was_named_is_one_line(tmp_path: Path):
    folder = moodclips.ensure(tmp_path / "clips", **ONE)
    altered(folder / "videos" / "train0000.mp4")
    with pytest.raises(BenchError, match=r"train0000.mp4 is missing or was altered. Delete .* rendered again"):
        moodclips.ensure(folder, **ONE)


def test_faces_of_a_detector_may_take_the_place_of_the_simulated_ones(cached: Path):
    table, _, _ = read_table(cached / "faces.parquet", "")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    write_faces(columns, cached / "faces.parquet", "a detector", {})
    own = (cached / "faces.parquet").read_bytes()
    assert moodclips.ensure(**ONE) == cached
    altered(cached / "videos" / "train0000.mp4")
    with pytest.raises(BenchError, match="was altered"):  # they may have taken hours: nothing is rendered over them
        moodclips.ensure(**ONE)
    assert (cached / "faces.parquet").read_bytes() == own


def test_where_the_cache_cannot_be_written_clips_are_rendered_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file"))
    folder = moodclips.ensure(**ONE)
    assert (folder / "videos" / "train0000.mp4").is_file()
    assert moodclips.ensure(**ONE) == folder
    assert "moodclips is rendered for this command only" in capsys.readouterr().err


def test_a_missing_annotation_says_the_same_and_names_no_other_dataset(tmp_path: Path):
    folder = moodclips.ensure(tmp_path / "clips", train=1, val=0, test=0)
    (folder / "annotations" / "val.json").unlink()
    with pytest.raises(BenchError, match=r"val.json is missing. Delete .* rendered again") as error:
        moodclips.ensure(folder, train=1, val=0, test=0)
    assert "msrvtt" not in str(error.value)


def test_a_folder_of_another_size_is_an_error(small: Path):
    with pytest.raises(
        BenchError,
        match=r"holds version 2 with .* = \('moodclips', 0, 8, 4, 16\), not version 2 with \(.*, 0, 9, 4, 16\)",
    ):
        moodclips.ensure(small, train=9, val=4, test=16)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(BenchError, match="is not empty and holds no moodclips"):
        moodclips.ensure(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"


# The simulated side data


def test_written_side_data_is_called_simulated(small: Path):
    assert read_faces(small / "faces.parquet").source.startswith("simulated")


def test_a_folder_with_face_scores_of_an_older_format_is_one_line_with_the_mend(tmp_path: Path):
    folder = moodclips.ensure(tmp_path / "clips", train=1, val=0, test=0)
    pd.DataFrame({"video": ["train0000"], "frame": [0]}).to_parquet(folder / "faces.parquet")
    with pytest.raises(BenchError, match=r"faces.parquet has the format 'unknown'.* Delete .* it is rendered again"):
        moodclips.ensure(folder, train=1, val=0, test=0)
