"""Small copies: which frames, how large, what is skipped, what is left out, and that a stopped run leaves no ruin."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.movies import cut, number, numbered, write
from helpers.odd_movies import FRAMES, TURNED
from helpers.odd_movies import turned as make_turned

from bench.commands.answers import compressed
from bench.data.compress import SIDE, Summary, compress
from bench.data.pixels import resize_crop
from bench.data.video import COMPRESSED, OLD_COPIES, find_videos, look, probe, read_frames, write_video
from bench.data.video_memory import mark, read_memory, remember
from bench.errors import BenchError, UsageError

ROOT = Path(__file__).parents[2]


def copied(tmp_path: Path, frames: np.ndarray, **how: object) -> Path:
    """The small copy of a video that is made of `frames`."""
    write(tmp_path / "a.mp4", frames, **how)
    compress(tmp_path, workers=1)
    return tmp_path / COMPRESSED / "a.mp4"


def numbers(path: Path) -> list[int]:
    return [number(frame) for frame in read_frames(path, range(probe(path).frames))]


def test_a_copy_holds_the_frame_of_every_sixth_of_a_second(tmp_path: Path):
    assert numbers(copied(tmp_path, numbered(45), fps=30)) == [0, 5, 10, 15, 20, 25, 30, 35, 40]


def test_a_copy_has_six_frames_a_second(tmp_path: Path):
    info = probe(copied(tmp_path, numbered(60), fps=30))
    assert (info.fps, info.seconds) == (6.0, 2.0)


def test_the_nearest_frame_is_taken_where_none_is_on_the_beat(tmp_path: Path):
    # by hand: beats of 1/6 s are 25/6 = 4.17 frames apart: 0, 4.17, 8.33, 12.5 (a tie, the earlier wins), 16.67, 20.83
    assert numbers(copied(tmp_path, numbered(25), fps=25)) == [0, 4, 8, 12, 17, 21]


def test_frames_are_taken_by_time_and_not_by_number(tmp_path: Path):
    stamps = [0, 1, 2, 3, 20, 40, 60, 80, 100]  # in 1/120 s; beats at 0, 20, 40, 60, 80, 100
    copy = copied(tmp_path, numbered(9), stamps=stamps, base=Fraction(1, 120))
    assert numbers(copy)[1:] == [4, 5, 6, 7, 8]


def test_slow_videos_gain_no_frames(tmp_path: Path):
    copy = copied(tmp_path, numbered(8), fps=4)
    assert (numbers(copy), probe(copy).fps) == (list(range(8)), 4.0)


def test_a_video_of_one_frame_keeps_it(tmp_path: Path):
    assert numbers(copied(tmp_path, numbered(1))) == [0]


def test_the_shorter_side_becomes_224(tmp_path: Path):
    large = np.repeat(np.repeat(numbered(5), 4, axis=1), 4, axis=2)  # 512 × 384
    info = probe(copied(tmp_path, large))
    assert (info.width, info.height) == (298, 224)  # ⌊512 · 224 / 384⌋, as in training


def test_small_videos_keep_their_size(tmp_path: Path):
    info = probe(copied(tmp_path, numbered(5)))
    assert (info.width, info.height) == (128, 96)


def test_rotation_is_applied_and_not_kept(tmp_path: Path):
    copy = copied(tmp_path, numbered(5), rotation=90)
    with av.open(str(copy)) as file:
        frame = next(file.decode(video=0))
    assert (frame.width, frame.height, frame.rotation) == (96, 128, 0)


def test_a_mirror_is_applied_and_not_kept(tmp_path: Path):
    make_turned(tmp_path, "mirror")
    compress(tmp_path, workers=1)
    copy = read_frames(tmp_path / COMPRESSED / "mirror.mp4", [0])[0]
    assert abs(copy.astype(int) - TURNED["mirror"][1](FRAMES[0])).mean() < 20


def test_pixels_of_a_copy_are_square(tmp_path: Path, shared: Path):
    (tmp_path / "a.mp4").symlink_to(shared / "failing" / "sar.mp4")  # 455 × 240 as it is shown
    compress(tmp_path, workers=1)
    with av.open(str(tmp_path / COMPRESSED / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, stream.sample_aspect_ratio or 1) == (424, 224, 1)


def test_a_frame_stamped_three_hours_late_makes_no_long_copy(tmp_path: Path, shared: Path):
    (tmp_path / "a.mp4").symlink_to(shared / "failing" / "out_3.mp4")  # 40 frames, 10 a second, the last one late
    compress(tmp_path, workers=1)
    info = probe(tmp_path / COMPRESSED / "a.mp4")
    assert (info.frames, info.fps, info.seconds) == (24, 6.0, 4.0)


def test_what_may_be_taken_for_a_video_is_named(tmp_path: Path):
    write(tmp_path / "a.mp4", numbered(3))
    (tmp_path / "b.webp").touch()
    (tmp_path / "notes.txt").touch()
    summary = compress(tmp_path, workers=1)
    assert summary.left_out == (tmp_path / "b.webp",)
    assert f"1 of kinds of video that are not read left out: {tmp_path / 'b.webp'}" in compressed(summary).splitlines()


def test_a_copy_is_jpegs_without_sound(tmp_path: Path, shared: Path):
    (tmp_path / "talk.avi").write_bytes((shared / "videos" / "test.avi").read_bytes())
    compress(tmp_path, workers=1)
    with av.open(str(tmp_path / COMPRESSED / "talk.mp4")) as file:
        assert [(stream.type, stream.codec_context.name) for stream in file.streams] == [("video", "mjpeg")]


def test_a_model_sees_nearly_what_it_sees_of_the_original(tmp_path: Path, shared: Path):
    """The older copies (H.264, crf 18) differed by 2.9 of 255 in the mean."""
    original = tmp_path / "clip.mp4"
    original.write_bytes((shared / "videos" / "test.mp4").read_bytes())  # 30 a second, 455 × 256
    compress(tmp_path, workers=1)
    places = np.arange(0, 60, 10)
    copy = resize_crop(read_frames(tmp_path / COMPRESSED / "clip.mp4", places), SIDE)
    whole = resize_crop(read_frames(original, 5 * places), SIDE)
    assert abs(copy.astype(int) - whole).mean() < 2


def test_copies_of_an_older_version_stay_and_are_named(tmp_path: Path):
    write(tmp_path / "a.mp4", numbered(10))
    old = tmp_path / OLD_COPIES / "a.mp4"
    write_video(old, numbered(2), 6)
    before = old.read_bytes()
    summary = compress(tmp_path, workers=1)
    assert (summary.done, summary.old, old.read_bytes()) == (1, tmp_path / OLD_COPIES, before)
    line = f"{tmp_path / OLD_COPIES} has copies of an older version, which are no longer read. Remove them."
    assert line in compressed(summary).splitlines()


def test_what_is_known_of_a_copy_is_remembered(tmp_path: Path):
    copy = copied(tmp_path, numbered(45), fps=30)
    assert read_memory()[mark(copy)] == look(copy) == (9, 1.5)


def test_what_is_known_of_other_videos_is_kept(tmp_path: Path):
    remember({"another": (3, 0.5)})
    copied(tmp_path, numbered(10))
    assert read_memory()["another"] == (3, 0.5)


def test_broken_videos_are_counted_and_named_and_left_out(tmp_path: Path):
    write(tmp_path / "good.mp4", numbered(10))
    cut(write(tmp_path / "bad.mp4", numbered(10)), 0.5)
    summary = compress(tmp_path, workers=1)
    fault = {"bad": f"{tmp_path / 'bad.mp4'}: damaged, cut off or not a video"}
    assert summary == Summary(tmp_path / COMPRESSED, done=1, skipped=0, broken=fault)
    assert list(find_videos(tmp_path / COMPRESSED)) == ["good"]


def test_damage_that_shows_late_leaves_no_half_copy(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), dtype=np.uint8)
    path = write(tmp_path / "a.mp4", frames)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) * 3 // 4] = bytes(len(content) * 3 // 4 - len(content) // 2)
    path.write_bytes(content)
    assert list(compress(tmp_path, workers=1).broken) == ["a"]
    assert list((tmp_path / COMPRESSED).iterdir()) == []


def test_a_second_run_has_nothing_to_do(tmp_path: Path):
    write(tmp_path / "a.mp4", numbered(10))
    compress(tmp_path, workers=1)
    assert compress(tmp_path, workers=1) == Summary(tmp_path / COMPRESSED, done=0, skipped=1, broken={})


def test_a_source_that_is_newer_than_its_copy_is_done_again(tmp_path: Path):
    path = write(tmp_path / "a.mp4", numbered(10))
    compress(tmp_path, workers=1)
    later = time.time() + 10
    os.utime(path, (later, later))
    assert compress(tmp_path, workers=1).done == 1


def test_processes_make_the_same_copies_as_one(tmp_path: Path):
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "deep/c.mkv", "deep/d.mp4"):
        write(root / name, numbered(20))
    compress(root, tmp_path / "one", workers=1)
    compress(root, tmp_path / "two", workers=2)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_no_folder_is_an_error(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no folder"):
        compress(tmp_path / "nowhere")


@pytest.mark.parametrize("workers", [0, -2])
def test_no_process_is_not_enough(tmp_path: Path, workers: int):
    with pytest.raises(UsageError, match="--workers takes a number of at least 1"):
        compress(tmp_path, workers=workers)


def test_a_folder_without_videos_is_an_error(tmp_path: Path):
    with pytest.raises(BenchError, match="there is no video below"):
        compress(tmp_path)


def test_videos_that_share_a_name_are_named_and_the_others_are_copied(tmp_path: Path):
    for name in ("a.mp4", "a.mkv", "b.mp4", "c.avi", "c.mkv"):
        write(tmp_path / name, numbered(2))
    summary = compress(tmp_path, workers=1)
    assert list(find_videos(tmp_path / COMPRESSED)) == ["b"]
    assert (summary.done, list(summary.broken)) == (1, ["a", "c"])
    pair = f"{tmp_path / 'a.mkv'} and {tmp_path / 'a.mp4'}"
    assert summary.broken["a"] == f"two videos are named a: {pair}. Remove or rename all but one."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for a process group")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_leaves_whole_copies_and_goes_on_later(tmp_path: Path, workers: int):
    write(tmp_path / "0.mp4", np.repeat(np.repeat(numbered(90), 3, axis=1), 3, axis=2))
    for index in range(1, 48):
        (tmp_path / f"{index}.mp4").hardlink_to(tmp_path / "0.mp4")
    code = "import sys; from pathlib import Path; from bench.data.compress import compress\n"
    code += "if __name__ == '__main__': compress(Path(sys.argv[1]), workers=int(sys.argv[2]))"
    command = [sys.executable, "-c", code, str(tmp_path), str(workers)]
    run = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    copies = tmp_path / COMPRESSED
    while not list(copies.glob("[0-9]*.mp4")) and run.poll() is None:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(timeout=30) != 0
    left = list(copies.iterdir())
    assert 0 < len(left) < 48
    assert {probe(path).frames for path in left} == {18}  # hidden temporary files would be among them
    assert compress(tmp_path, workers=1).skipped == len(left)
