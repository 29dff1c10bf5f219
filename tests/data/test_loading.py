"""From a folder to batches: which clips count, and what a sample is a function of."""

import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.movies import cut, encrypt, numbered, write, write_cover
from helpers.processes import in_this_process, look_or_abort

from bench.config import RunConfig, TrainConfig, VideoConfig
from bench.data import loading, video_files
from bench.data.annotation import load_annotation, save_annotation
from bench.data.cards import load_card
from bench.data.loading import TEST, Samples, hold_out, look_at, open_data
from bench.data.video import write_video
from bench.errors import BenchError, UsageError
from bench.utils.processes import DIED, in_processes

CONFIG = RunConfig(
    dataset="msrvtt", video=VideoConfig(frames=4, size=32, workers=0), train=TrainConfig(batch=4, accumulation=1)
)
SKIP = replace(CONFIG, missing="skip")
CARD = load_card("msrvtt")


@pytest.fixture(autouse=True)
def looked_at_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips are looked at without processes, for these take a while to start."""
    monkeypatch.setattr(loading, "in_processes", in_this_process)


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    """A copy of `small` that a test may damage."""
    return shutil.copytree(small, tmp_path / "folder")


@pytest.fixture
def samples(small: Path) -> Callable[..., Samples]:
    """The training split's samples under a changed config."""

    def make(**settings: object) -> Samples:
        config = replace(CONFIG, **settings)  # type: ignore[arg-type]
        data = open_data(config, CARD, small)
        return Samples(data.train, data.videos, config)

    return make


def remove(folder: Path, *numbers: int) -> None:
    for number in numbers:
        (folder / "videos" / f"video{number}.mp4").unlink()


def trouble(config: RunConfig, folder: Path) -> str:
    with pytest.raises(BenchError) as error:
        open_data(config, CARD, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


# --- missing and broken clips ---------------------------------------------------------------------------------------


def test_a_whole_folder_opens_with_nothing_left_out(small: Path) -> None:
    data = open_data(CONFIG, CARD, small)
    assert (len(data.train.clips), len(data.test.clips), data.validation) == (12, 6, None)
    assert data.skipped == {}
    assert set(data.videos.frames.values()) == {10}
    assert data.videos.seconds["video3"] == pytest.approx(10 / 6)


def test_missing_videos_stop_with_their_count_five_names_and_two_ways_on(folder: Path) -> None:
    remove(folder, *range(3, 9), 15)
    line = trouble(CONFIG, folder)
    assert line.startswith("7 of 18 videos of msrvtt/9k and 1k-A are missing or broken")
    assert "(video3, video4, video5, video6, video7, …)" in line
    assert "Fix the folder, or go on without them: --missing skip" in line


def test_a_truncated_video_counts_as_missing_with_its_reason(folder: Path) -> None:
    cut(folder / "videos" / "video5.mp4", 0.6)
    line = trouble(CONFIG, folder)
    assert line.startswith("1 of 18 videos")
    assert "(video5 (" in line


def test_skip_leaves_clips_out_and_counts_them_by_split(folder: Path) -> None:
    remove(folder, 2, 13)
    cut(folder / "videos" / "video7.mp4", 0.6)
    data = open_data(SKIP, CARD, folder)
    assert data.skipped == {"9k": 2, "1k-A": 1}
    assert [clip.video for clip in data.train.clips] == [f"video{n}" for n in range(12) if n not in (2, 7)]


def test_skip_moves_subsets_and_twins_with_their_clips(folder: Path) -> None:
    """In `small` the queries 0, 1 and 2 (video12 to video14) are emotional, 0 and 1 are twins."""
    remove(folder, 12)
    test = open_data(SKIP, CARD, folder).test
    assert [test.clips[index].video for index in test.subsets["emotion"]] == ["video13", "video14"]
    assert test.twins == {}


@pytest.mark.parametrize("gone", [range(12, 18), range(9)], ids=["no test clip", "less than a batch"])
def test_too_few_clips_are_named_with_the_mend(folder: Path, gone: range) -> None:
    remove(folder, *gone)
    assert "are too few for a batch of 4. Add videos under" in trouble(SKIP, folder)


def test_a_missing_annotation_says_how_to_write_it(folder: Path) -> None:
    (folder / "annotations" / "9k.json").unlink()
    assert "9k.json is missing. Write it: bench data prepare" in trouble(CONFIG, folder)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"split": "8k"}, r"msrvtt has no train split '8k'\. It has: 7k, 9k, 6k-emotion, full-train"),
        ({"test": "1k-B"}, r"no test split '1k-B'\. Did you mean 1k-A"),
        ({"test": "9k"}, "no test split '9k'"),
    ],
)
def test_an_unknown_split_is_named_with_those_there_are(small: Path, settings: dict[str, str], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        open_data(replace(CONFIG, **settings), CARD, small)  # type: ignore[arg-type]


def test_two_videos_of_one_name_are_an_error_and_no_choice(folder: Path) -> None:
    shutil.copy(folder / "videos" / "video1.mp4", folder / "video1.mp4")
    assert "two videos are named video1" in trouble(SKIP, folder)


# --- what was learned of a file -------------------------------------------------------------------------------------


def test_what_was_learned_of_a_file_is_renewed_when_it_changes(folder: Path) -> None:
    path = folder / "videos" / "video1.mp4"
    assert look_at(folder, ["video1"])[0].frames == {"video1": 10}
    write_video(path, np.zeros((7, 32, 32, 3), np.uint8), 6)
    assert look_at(folder, ["video1"])[0].frames == {"video1": 7}
    cut(path, 0.5)
    videos, broken = look_at(folder, ["video1"])
    assert videos.frames == {}
    assert broken.keys() == {"video1"}


def test_a_clip_over_which_the_decoder_aborts_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "in_processes", in_processes)
    monkeypatch.setattr(loading, "look", look_or_abort)
    found, broken = look_at(folder, [f"video{n}" for n in range(5)])
    assert found.frames.keys() == {"video0", "video1", "video2", "video4"}
    assert broken == {"video3": f"{folder / 'videos' / 'video3.mp4'}: {DIED}"}


def test_a_broken_file_that_was_mended_is_read_again(folder: Path, small: Path) -> None:
    path = folder / "videos" / "video1.mp4"
    cut(path, 0.5)
    assert look_at(folder, ["video1"])[1]
    shutil.copy(small / "videos" / "video1.mp4", path)
    os.utime(path)
    assert look_at(folder, ["video1"])[1] == {}


def test_an_unchanged_file_is_looked_at_once(folder: Path) -> None:
    """Damage that leaves size and date as they were is not seen again: the file was not opened."""
    path = folder / "videos" / "video1.mp4"
    look_at(folder, ["video1"])
    facts = path.stat()
    path.write_bytes(bytes(facts.st_size))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert look_at(folder, ["video1"])[1] == {}


@pytest.mark.parametrize("content", ["{", "", "[]", '{"clips": {}}', '{"sha256": "", "clips": {"a": [1, 2]}}'])
def test_a_broken_memory_is_made_anew_with_a_word(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    (tmp_path / "videos.json").write_text(content)
    assert look_at(small, ["video1"])[0].frames == {"video1": 10}
    assert len(json.loads((tmp_path / "videos.json").read_text())["clips"]) == 1
    assert "videos.json is damaged" in capsys.readouterr().err


def test_a_flipped_bit_of_the_memory_changes_no_count_of_frames(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    videos = [f"video{number}" for number in range(4)]
    true = look_at(small, videos)[0]
    intact = (tmp_path / "videos.json").read_bytes()
    draw = random.Random(0)
    for _ in range(30):
        damaged = bytearray(intact)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        (tmp_path / "videos.json").write_bytes(damaged)
        found = look_at(small, videos)[0]
        assert (found.frames, found.seconds) == (true.frames, true.seconds)


def test_where_nothing_can_be_remembered_all_is_looked_at_again(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert look_at(small, ["video1"])[0].frames == {"video1": 10}
    [line] = capsys.readouterr().err.splitlines()
    assert "videos.json cannot be written (Not a directory): every run will check" in line


def test_videos_behind_a_link_to_a_folder_are_found(small: Path, tmp_path: Path) -> None:
    for part in ("videos", "annotations"):
        (tmp_path / part).symlink_to(small / part)
    (tmp_path / "again").symlink_to(tmp_path)  # a link in a circle is no second copy
    assert len(open_data(CONFIG, CARD, tmp_path).videos.frames) == 18


def test_bad_files_of_every_kind_are_named_one_by_one_and_the_others_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = folder / "videos"
    encrypt(videos / "video1.mp4")
    write_cover(videos / "video2.mp4")
    (videos / "video3.mp4").write_text("ffconcat version 1.0\nfile video4.mp4\n")
    write(videos / "video5.mp4", numbered(10))  # 128 × 96
    monkeypatch.setattr(video_files, "MAX_PIXELS", 64 * 64)
    found, broken = look_at(folder, [f"video{n}" for n in range(7)])
    assert broken.keys() == {"video1", "video2", "video3", "video5"}
    assert found.frames.keys() == {"video0", "video4", "video6"}
    assert all("\n" not in line and f"{name}.mp4: " in line for name, line in broken.items())


def test_decord_gives_the_samples_that_pyav_gives(samples: Callable[..., Samples]) -> None:
    pytest.importorskip("decord")
    one, two = samples(), samples(video=replace(CONFIG.video, reader="decord"))
    for key in ((0, 3), (1, 7), (TEST, 3)):
        assert np.array_equal(one[key][2], two[key][2])


def test_clips_that_decord_leaves_to_pyav_are_counted_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("decord")
    for number in (2, 3):
        write(folder / "videos" / f"video{number}.mp4", numbered(20, 64, 64), container={"movflags": "frag_keyframe"})
    write(folder / "videos" / "video4.mp4", numbered(20, 64, 64), aspect=Fraction(3, 2))
    decord = replace(CONFIG, video=replace(CONFIG.video, reader="decord"))
    for _ in range(2):
        open_data(decord, CARD, folder)
    assert capsys.readouterr().err == (
        "decord reads 15 of 18 clips, PyAV the others because of: non-square pixels or mirroring (1), time stamps (2)\n"
    )


def test_decord_that_is_not_installed_is_one_line(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    decord = replace(CONFIG, video=replace(CONFIG.video, reader="decord"))
    with pytest.raises(UsageError, match=r"--video\.reader decord: decord is not installed\. pip install .*\[decord\]"):
        open_data(decord, CARD, small)


# --- validation -----------------------------------------------------------------------------------------------------


def test_held_out_videos_are_no_training_videos(small: Path) -> None:
    data = open_data(replace(CONFIG, train=replace(CONFIG.train, holdout=5)), CARD, small)
    assert data.validation is not None
    held, rest = ({clip.video for clip in part.clips} for part in (data.validation, data.train))
    assert (len(held), len(rest)) == (5, 7)
    assert not held & rest
    assert data.validation.split == "9k-held-out"
    assert data.train.split == "9k"


def test_the_same_videos_are_held_out_whatever_the_seed(small: Path) -> None:
    """Runs of several seeds train on the same videos, so that their numbers may be compared."""
    recipe = replace(CONFIG.train, holdout=4)
    held = [open_data(replace(CONFIG, train=recipe, seed=seed), CARD, small).validation for seed in (0, 1)]
    assert held[0] == held[1]


def test_a_dataset_with_a_validation_split_holds_nothing_out(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    train = load_annotation(small, "9k", "msrvtt")
    save_annotation(replace(train, split="val"), tmp_path)
    card = replace(CARD, validation="val")
    with pytest.raises(UsageError, match=r"has a validation split of its own, 'val': leave out --train\.holdout"):
        open_data(replace(CONFIG, train=replace(CONFIG.train, holdout=4)), card, tmp_path)


def test_without_the_validation_split_training_goes_on_and_says_so(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = replace(CARD, validation="full-val")
    assert open_data(CONFIG, card, small).validation is None
    assert "lacks full-val, the validation split: training goes on without validation" in capsys.readouterr().err
    with pytest.raises(BenchError, match=r"full-val\.json is missing"):
        open_data(replace(CONFIG, train=replace(CONFIG.train, select="val")), card, small)


def test_a_split_cannot_be_held_out_whole(small: Path) -> None:
    with pytest.raises(UsageError, match=r"--train\.holdout 12 leaves none of 12 clips"):
        hold_out(load_annotation(small, "9k", "msrvtt"), 12)


def test_selection_on_validation_needs_validation_videos(small: Path) -> None:
    with pytest.raises(UsageError, match=r"--train.select val needs validation videos and msrvtt has none"):
        open_data(replace(CONFIG, train=replace(CONFIG.train, select="val")), CARD, small)


# --- samples --------------------------------------------------------------------------------------------------------


def test_a_sample_is_a_function_of_seed_epoch_and_place(samples: Callable[..., Samples]) -> None:
    one, other = samples(), samples()
    for place in range(12):  # what was read before changes nothing
        other[0, place]
    for key in ((0, 3), (4, 3), (TEST, 3)):
        assert one[key][:2] == other[key][:2]
        assert np.array_equal(one[key][2], other[key][2])


def test_captions_are_drawn_anew_each_epoch_place_and_seed(samples: Callable[..., Samples]) -> None:
    """Which of its three captions each of 12 clips gets; that two of these draws agree throughout has odds of 3^-12."""

    def drawn(epoch: int, **settings: object) -> tuple[int, ...]:
        made = samples(**settings)
        return tuple(made.clips[place].captions.index(made[epoch, place][1]) for place in range(12))

    draws = [drawn(0), drawn(1), drawn(0, seed=7)]
    assert len(set(draws)) == 3
    assert all(len(set(draw)) > 1 for draw in draws)


def test_every_caption_comes_sooner_or_later(samples: Callable[..., Samples]) -> None:
    made = samples(video=replace(CONFIG.video, cache=True))
    assert {made[epoch, 5][1] for epoch in range(30)} == set(made.clips[5].captions)


def test_a_test_sample_has_the_first_caption_and_the_same_frames(samples: Callable[..., Samples]) -> None:
    made = samples()
    _, caption, frames, _ = made[TEST, 2]
    assert caption == made.clips[2].captions[0]
    assert frames.shape == (4, 32, 32, 3)
    assert frames.dtype == np.uint8


def test_joined_captions_are_all_in_one_text(samples: Callable[..., Samples]) -> None:
    made = samples(captions="joined")
    assert made[0, 1][1] == made[5, 1][1] == ". ".join(made.clips[1].captions)


def test_frames_in_memory_equal_those_from_disk(samples: Callable[..., Samples]) -> None:
    disk, memory = samples(), samples(video=replace(CONFIG.video, cache=True))
    for key in ((0, 0), (1, 0), (TEST, 11)):
        assert np.array_equal(disk[key][2], memory[key][2])
