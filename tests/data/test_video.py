"""Frames by index: the right ones, the same from every reader, and one clear line for every broken file."""

import multiprocessing
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.movies import cut, number, numbered, spoil, write, write_sound

from bench.data import decoding
from bench.data.scanning import scan
from bench.data.video import VideoError, check, probe, read_frames, sample_indices, write_video

READERS = ["decord", "pyav"]
CLIPS = ["arm_wrestling.mp4", "face_talking.mp4", "part_0.mp4", "structuralize.mp4", "test.avi", "test.mp4"]
FILES = {  # name: how it is made
    "plain.mp4": {},
    "b-frames.mp4": {"options": {"bf": "3"}},
    "b-frames.mkv": {"options": {"bf": "3"}},
    "b-frames.avi": {"options": {"bf": "2"}},
    "xvid.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "quicktime.mov": {"options": {"bf": "2"}},
    "one-group.mp4": {"every": 250},
    "all-key-frames.mp4": {"every": 1},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12"}},
    "no-index.mkv": {"container": {"live": "1"}},
    "fragments.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "starts-late.mkv": {"stamps": list(range(90, 140))},
    "starts-late.mp4": {"stamps": list(range(90, 140))},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "8"}},
}


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    if request.param == "decord":
        pytest.importorskip("decord")
    return request.param


@pytest.mark.parametrize("name", FILES)
def test_every_index_gives_the_frame_of_that_number(tmp_path: Path, reader: str, name: str):
    path = write(tmp_path / name, numbered(50), **FILES[name])
    asked = [49, 0, 13, 13, 12, 11, 36, 48, 1]
    assert [number(frame) for frame in read_frames(path, asked, reader=reader)] == asked


@pytest.mark.parametrize("name", FILES)
def test_probe_counts_the_frames_of_every_container(tmp_path: Path, name: str):
    assert probe(write(tmp_path / name, numbered(50), **FILES[name])).frames == 50


@pytest.mark.parametrize("name", CLIPS)
def test_both_readers_give_the_same_frames_of_real_clips(shared: Path, name: str):
    pytest.importorskip("decord")
    path = shared / "videos" / name
    indices = sample_indices(probe(path).frames, 12, np.random.default_rng(7))
    difference = read_frames(path, indices, reader="decord").astype(int) - read_frames(path, indices, reader="pyav")
    assert abs(difference).mean() < 1


@pytest.mark.parametrize("name", CLIPS)
def test_jumping_to_a_frame_gives_what_decoding_from_the_start_gives(shared: Path, name: str):
    path = shared / "videos" / name
    count = probe(path).frames
    everything = read_frames(path, range(count), reader="pyav")
    chosen = np.random.default_rng(3).integers(count, size=5)
    assert (read_frames(path, chosen, reader="pyav") == everything[chosen]).all()


@pytest.mark.parametrize("name", ["opengop.mp4", "dash_real.mp4", "x265_k30.mp4", "h264ts_g10.mp4"])
def test_good_videos_of_odd_kinds_are_read_right(shared: Path, reader: str, name: str):
    """The first version gave other pictures than were asked for, or called these damaged."""
    path = shared / "failing" / name
    assert check(path) == probe(path)
    with av.open(str(path)) as file:
        everything = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    rng = np.random.default_rng(5)
    for asked in [*rng.integers(len(everything), size=(20, 1)), sample_indices(len(everything), 12, rng)]:
        assert (read_frames(path, asked, reader=reader) == [everything[index] for index in asked]).all(), asked


def test_a_jump_into_an_open_group_succeeds_without_beginning_again(shared: Path, monkeypatch: pytest.MonkeyPatch):
    path = shared / "failing" / "x265_k30.mp4"
    timeline, restart, opened = scan(path), decoding._Play._restart, []
    monkeypatch.setattr(decoding._Play, "_restart", lambda play: (opened.append(1), restart(play)))
    assert len(list(decoding.decoded(path, timeline, range(0, 178, 25)))) == 8
    assert len(opened) == 1


@pytest.mark.parametrize("tags", [{"colorspace": "bt709"}, {"colorspace": "smpte170m"}, {"color_range": "pc"}])
def test_both_readers_see_the_same_colours_whatever_the_tags(tmp_path: Path, tags: dict[str, str]):
    pytest.importorskip("decord")
    path = write(tmp_path / "tags.mp4", numbered(8), options=tags)
    difference = read_frames(path, [0, 7], reader="decord").astype(int) - read_frames(path, [0, 7], reader="pyav")
    assert abs(difference).mean() < 1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_in_the_header_is_applied(tmp_path: Path, reader: str, degrees: int):
    frames = numbered(8)
    path = write(tmp_path / "rotated.mp4", frames, rotation=degrees)
    upright = np.rot90(frames[5], degrees // 90)  # against the clock, as the display matrix counts
    read = read_frames(path, [5], reader=reader)[0]
    assert read.shape == upright.shape
    assert abs(read.astype(int) - upright).mean() < 10


def test_probe_gives_the_size_after_rotation(tmp_path: Path):
    info = probe(write(tmp_path / "rotated.mp4", numbered(8, height=96), rotation=90))
    assert (info.width, info.height) == (96, 128)


def test_varying_frame_rate_counts_frames_and_not_seconds(tmp_path: Path, reader: str):
    stamps = np.cumsum(np.random.default_rng(1).integers(1, 9, 50)).tolist()
    path = write(tmp_path / "vfr.mp4", numbered(50), stamps=stamps, base=Fraction(1, 120), options={"bf": "2"})
    asked = [0, 7, 30, 49]
    assert [number(frame) for frame in read_frames(path, asked, reader=reader)] == asked


def test_varying_frame_rate_gives_the_mean_rate(tmp_path: Path):
    path = write(tmp_path / "vfr.mp4", numbered(5), stamps=[0, 10, 20, 60, 80], base=Fraction(1, 120))
    assert probe(path).fps == pytest.approx(4 / (80 / 120))


@pytest.mark.parametrize("hidden", [5, 10, 30])
def test_frames_that_an_edit_list_hides_are_no_frames(tmp_path: Path, reader: str, hidden: int):
    frames = numbered(50)
    options = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    stamps = list(range(-hidden, 50 - hidden))
    path = write(tmp_path / "edit.mp4", frames, stamps=stamps, container=options, options={"bf": "2"})
    shown = read_frames(path, range(probe(path).frames), reader=reader)
    assert [number(frame) for frame in shown] == list(range(hidden, 50))


def test_one_frame_is_a_video(tmp_path: Path, reader: str):
    path = write(tmp_path / "one.mp4", numbered(1))
    assert read_frames(path, [0, 0], reader=reader).shape == (2, 96, 128, 3)


def test_probe_of_one_frame_gives_a_length(tmp_path: Path):
    info = probe(write(tmp_path / "one.mp4", numbered(1), fps=25))
    assert (info.frames, info.fps, info.seconds) == (1, 25.0, 1 / 25)


@pytest.mark.parametrize("index", [-1, 50, 10**9])
def test_an_index_out_of_range_is_an_error(tmp_path: Path, reader: str, index: int):
    path = write(tmp_path / "a.mp4", numbered(50))
    with pytest.raises(VideoError, match=f"there is no frame {index}, the video has 50"):
        read_frames(path, [0, index], reader=reader)


def broken_files(folder: Path) -> dict[str, Path]:
    """One file for each way to be broken that shows before any frame is decoded."""
    claim = write(folder / "claim.avi", numbered(50), codec="mpeg4")
    content = bytearray(claim.read_bytes())
    for tag, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):  # both headers say how many frames there are
        struct.pack_into("<I", content, content.index(tag) + offset, 100)
    claim.write_bytes(content)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("This is no video.\n" * 100)
    (folder / "folder.mp4").mkdir()
    return {
        "empty": folder / "empty.mp4",
        "text": folder / "text.mp4",
        "folder": folder / "folder.mp4",
        "missing": folder / "missing.mp4",
        "sound": write_sound(folder / "sound.mp4"),
        "claim": claim,
        "index lost": cut(write(folder / "cut.mp4", numbered(50)), 0.6),
        "index kept": cut(write(folder / "fast.mp4", numbered(50), container={"movflags": "faststart"}), 0.6),
        "fragments": cut(write(folder / "frag.mp4", numbered(50), **FILES["fragments.mp4"]), 0.6),
        "mkv": cut(write(folder / "cut.mkv", numbered(50)), 0.6),
        "avi": cut(write(folder / "cut.avi", numbered(50), codec="mpeg4"), 0.6),
    }


WRONG = {
    "empty": "the file is empty",
    "text": "damaged, cut off or not a video",
    "folder": "cannot be read",
    "missing": "no such file",
    "sound": "there is no moving picture in it, only audio",
    "claim": "its header promises",
    "index lost": "cut off",
    "index kept": "cut off",
    "fragments": "cut off",
    "mkv": "cut off",
    "avi": "cut off in the middle of a frame",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_broken_file_is_one_line_with_path_and_fault(tmp_path: Path, reader: str, kind: str):
    path = broken_files(tmp_path)[kind]
    with pytest.raises(VideoError, match=WRONG[kind]) as caught:
        read_frames(path, [0], reader=reader)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", WRONG)
def test_probe_refuses_what_read_frames_refuses(tmp_path: Path, kind: str):
    path = broken_files(tmp_path)[kind]
    with pytest.raises(VideoError, match=WRONG[kind]):
        probe(path)


def test_damage_in_the_middle_is_an_error_where_a_frame_needs_it(tmp_path: Path, reader: str):
    frames = np.random.default_rng(0).integers(0, 256, (30, 96, 128, 3), dtype=np.uint8)
    path = spoil(write(tmp_path / "spoilt.mp4", frames, every=250), 0.4, 0.6)
    with pytest.raises(VideoError, match="damaged"):
        read_frames(path, range(30), reader=reader)


def test_pyav_refuses_a_frame_that_is_built_on_a_damaged_one(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 60, (60, 96, 128, 3), dtype=np.uint8)
    one_group = {"sc_threshold": "0"}  # noise would start a new group at every frame
    path = spoil(write(tmp_path / "spoilt.mp4", frames, every=250, options=one_group), 0.4, 0.402)
    with pytest.raises(VideoError, match="damaged"):
        read_frames(path, [59], reader="pyav")


def test_pyav_reads_what_does_not_need_the_damaged_frame(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 60, (60, 96, 128, 3), dtype=np.uint8)
    path = write(tmp_path / "spoilt.mp4", frames, every=10)
    whole = read_frames(path, [0, 55], reader="pyav")
    assert (read_frames(spoil(path, 0.4, 0.402), [0, 55], reader="pyav") == whole).all()


def test_check_finds_the_damage_that_a_decoder_would_conceal(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 60, (60, 96, 128, 3), dtype=np.uint8)
    path = spoil(write(tmp_path / "spoilt.mp4", frames, every=20), 0.4, 0.402)
    with pytest.raises(VideoError, match="damaged"):
        check(path)


def test_check_of_a_good_file_gives_what_probe_gives(shared: Path):
    path = shared / "videos" / "part_0.mp4"
    assert check(path) == probe(path)


def test_nothing_is_printed_about_broken_files(tmp_path: Path):
    paths = [str(path) for path in broken_files(tmp_path).values()]
    frames = np.random.default_rng(0).integers(0, 256, (30, 96, 128, 3), dtype=np.uint8)
    paths.append(str(spoil(write(tmp_path / "spoilt.mp4", frames, every=250), 0.4, 0.6)))
    script = """
import sys
from pathlib import Path
from bench.data.video import VideoError, read_frames
for path in sys.argv[1:]:
    for reader in ("decord", "pyav"):
        try:
            read_frames(Path(path), range(20), reader=reader)
        except VideoError:
            continue
        sys.exit(path)
"""
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, cwd=root, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def read_a_number(task: tuple[Path, int, str]) -> int:
    path, index, reader = task
    return number(read_frames(path, [index], reader=reader)[0])


def test_a_forked_worker_reads_after_its_parent_did(tmp_path: Path, reader: str):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork on this system")
    path = write(tmp_path / "a.mp4", numbered(50))
    assert read_a_number((path, 20, reader)) == 20
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(read_a_number, [(path, index, reader) for index in range(0, 50, 7)]) == list(range(0, 50, 7))


def test_threads_read_side_by_side(tmp_path: Path, reader: str):
    path = write(tmp_path / "a.mp4", numbered(50))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read_a_number, [(path, index, reader) for index in range(50)])) == list(range(50))


def test_a_written_video_gives_its_frames_back(tmp_path: Path, reader: str):
    frames = numbered(12)
    write_video(tmp_path / "a.mp4", frames, 6)
    read = read_frames(tmp_path / "a.mp4", range(12), reader=reader)
    assert abs(read.astype(int) - frames).mean() < 2


def test_a_written_video_has_the_rate_that_was_asked_for(tmp_path: Path):
    write_video(tmp_path / "a.mp4", numbered(12), 6)
    info = probe(tmp_path / "a.mp4")
    assert (info.frames, info.fps, info.seconds) == (12, 6.0, 2.0)


def test_writing_twice_gives_the_same_bytes(tmp_path: Path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered(12), 6)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_odd_sizes_gain_one_row_and_column(tmp_path: Path):
    write_video(tmp_path / "odd.mp4", numbered(3)[:, :95, :127], 6)
    info = probe(tmp_path / "odd.mp4")
    assert (info.width, info.height) == (128, 96)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path):
    def frames():
        yield numbered(1)[0]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "a.mp4", frames(), 6)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frames", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8))])
def test_frames_of_the_wrong_kind_are_not_written(tmp_path: Path, frames: np.ndarray):
    with pytest.raises(VideoError, match="must be"):
        write_video(tmp_path / "a.mp4", frames, 6)


def test_test_sampling_is_linspace_truncated():
    # by hand: 299 / 11 = 27.18…, and its multiples without what follows the point
    assert sample_indices(300, 12).tolist() == [0, 27, 54, 81, 108, 135, 163, 190, 217, 244, 271, 299]


def test_training_draws_the_first_index_from_the_whole_first_range():
    rng = np.random.default_rng(0)
    assert {int(sample_indices(44, 12, rng)[0]) for _ in range(300)} == {0, 1, 2, 3, 4}  # 44 // 11 = 4


def test_training_draws_the_last_index_from_the_whole_last_range():
    rng = np.random.default_rng(0)
    assert {int(sample_indices(44, 12, rng)[-1]) for _ in range(300)} == {39, 40, 41, 42, 43}


def test_training_indices_lie_evenly_between_first_and_last():
    steps = np.diff(sample_indices(1000, 12, np.random.default_rng(0)))
    assert steps.max() - steps.min() <= 1


def test_the_same_generator_gives_the_same_indices():
    one, two = (sample_indices(300, 12, np.random.default_rng(5)).tolist() for _ in range(2))
    assert one == two


def test_few_frames_are_repeated_in_order():
    assert sample_indices(3, 7).tolist() == [0, 0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3, 12])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 11, 12, 13])
def test_sampled_indices_rise_within_the_video_property(n: int, count: int):
    for seed in range(50):
        indices = sample_indices(n, count, np.random.default_rng(seed))
        assert indices.shape == (count,)
        assert indices.min() >= 0
        assert indices.max() < n
        assert (np.diff(indices) >= 0).all()


def test_one_sampled_frame_is_the_first_at_test():
    assert sample_indices(9, 1).tolist() == [0]


@pytest.mark.parametrize(("n", "count"), [(0, 12), (12, 0), (-1, 2)])
def test_nothing_to_sample_from_is_an_error(n: int, count: int):
    with pytest.raises(ValueError, match="cannot take"):
        sample_indices(n, count)
