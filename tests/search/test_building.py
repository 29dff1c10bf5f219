"""Keeping an index up to date: only what is new, changed or gone is touched, and nothing that goes wrong is fatal."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.processes import OrderedThreads, read_or_abort
from helpers.search import SeesColours, clip

from bench.data.video import COPIES
from bench.errors import BenchError, UsageError
from bench.search import answer_render, building, index_store, reading
from bench.search.building import UpdateSummary, pending, update, walk
from bench.search.index_store import IndexSettings, Store
from bench.utils.processes import DIED, OrderedProcesses


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips, one of them in a folder below."""
    folder = tmp_path / "clips"
    clip(folder / "red.mp4", "red")
    clip(folder / "green.mp4", "green")
    clip(folder / "more" / "blue.mkv", "blue")
    return folder


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the video files that are read."""
    names: list[str] = []
    scan = reading.scan
    monkeypatch.setattr(reading, "scan", lambda path: (names.append(path.name), scan(path))[1])
    return names


def updated(
    folder: Path, model: SeesColours | None = None, retry: bool = False, processes: type = OrderedThreads
) -> UpdateSummary:
    """Brings the index on disk up to date, as a new process would."""
    opened = index_store.read(folder) or Store(
        index_store.place(folder), IndexSettings(str(folder), "clip:colours", "1", "", "", 10.0, 3, {})
    )
    with processes(2) as pool:
        return update(opened, model or SeesColours(), folder, walk(folder), pool, None, retry)


def features(folder: Path) -> dict[str, list[list[int]]]:
    """The features of every file of the index on disk, as colours."""
    opened = index_store.read(folder)
    assert opened is not None
    found: dict[str, list[list[int]]] = {}
    for ids, rows in opened.features():
        for id, row in zip(ids.tolist(), rows, strict=True):
            found.setdefault(opened.window(id)[0], []).append((row > 0.9).astype(int).tolist())
    return found


RED, GREEN, BLUE = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def test_every_clip_at_any_depth_is_indexed(clips: Path) -> None:
    summary = updated(clips)
    assert (summary.new, summary.windows, summary.indexed) == (3, 3, 3)
    assert features(clips) == {"red.mp4": [RED], "green.mp4": [GREEN], "more/blue.mkv": [BLUE]}


def test_again_reads_nothing(clips: Path, opened_files: list[str]) -> None:
    updated(clips)
    del opened_files[:]
    model = SeesColours()
    summary = updated(clips, model)
    assert (summary.new, summary.kept, model.seen, opened_files) == (0, 3, 0, [])


def test_a_new_file_alone_is_read(clips: Path, opened_files: list[str]) -> None:
    updated(clips)
    del opened_files[:]
    clip(clips / "more" / "second.mp4", "red")
    summary = updated(clips)
    assert (opened_files, summary.new, summary.kept) == (["second.mp4"], 1, 3)
    assert features(clips)["more/second.mp4"] == [RED]


def test_a_changed_file_alone_is_read_again(clips: Path, opened_files: list[str]) -> None:
    updated(clips)
    del opened_files[:]
    clip(clips / "red.mp4", "blue")
    summary = updated(clips)
    assert (opened_files, summary.changed, summary.kept) == (["red.mp4"], 1, 2)
    assert features(clips) == {"green.mp4": [GREEN], "more/blue.mkv": [BLUE], "red.mp4": [BLUE]}


def test_a_newer_date_counts_as_a_change(clips: Path, opened_files: list[str]) -> None:
    updated(clips)
    del opened_files[:]
    os.utime(clips / "red.mp4", (0, 0))
    updated(clips)
    assert opened_files == ["red.mp4"]


def test_a_file_that_is_gone_is_forgotten_and_nothing_is_read(clips: Path, opened_files: list[str]) -> None:
    updated(clips)
    del opened_files[:]
    (clips / "green.mp4").unlink()
    summary = updated(clips)
    assert (opened_files, summary.gone, summary.kept) == ([], 1, 2)
    assert features(clips) == {"red.mp4": [RED], "more/blue.mkv": [BLUE]}


def test_a_broken_file_is_said_and_the_others_are_indexed(clips: Path) -> None:
    (clips / "broken.mp4").write_bytes(b"no video")
    summary = updated(clips)
    assert summary.broken.keys() == {"broken.mp4"}
    assert str(clips / "broken.mp4") in summary.broken["broken.mp4"]
    assert features(clips).keys() == {"red.mp4", "green.mp4", "more/blue.mkv"}


def test_a_broken_file_is_said_each_time_and_read_again_only_on_demand(clips: Path, opened_files: list[str]) -> None:
    (clips / "broken.mp4").write_bytes(b"no video")
    updated(clips)
    del opened_files[:]
    assert updated(clips).broken.keys() == {"broken.mp4"}
    assert opened_files == []
    assert updated(clips, retry=True).broken.keys() == {"broken.mp4"}
    assert opened_files == ["broken.mp4"]


def test_a_file_that_breaks_off_in_its_middle_leaves_no_window(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first pieces are encoded, or wait for the model, when the third one fails; a fourth is on its way."""
    clip(clips / "long.mp4", "red", seconds=200)
    real = reading._read

    def read(chunk: Any, **how: Any) -> reading.Piece:
        if chunk[1] == 2 * reading.CHUNK:
            return reading._broken("long.mp4", "long.mp4: damaged")
        return real(chunk, **how)

    monkeypatch.setattr(reading, "_read", read)
    assert updated(clips).broken == {"long.mp4": "long.mp4: damaged"}
    assert features(clips) == {"red.mp4": [RED], "green.mp4": [GREEN], "more/blue.mkv": [BLUE]}


@pytest.mark.slow
def test_a_file_over_which_the_decoder_aborts_is_said_and_the_others_are_indexed(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It aborts in the middle of a long file, when windows before it are encoded and others are on their way."""
    clip(clips / "evil.mp4", "red", seconds=200)
    monkeypatch.setattr(reading, "_read", read_or_abort)
    [(path, why)] = updated(clips, processes=OrderedProcesses).broken.items()
    assert (path, why) == ("evil.mp4", f"{clips / 'evil.mp4'}: {DIED}")
    assert features(clips) == {"red.mp4": [RED], "green.mp4": [GREEN], "more/blue.mkv": [BLUE]}


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_each_file_gets_its_own_features_however_windows_share_batches(
    clips: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", batch)
    clip(clips / "both.mp4", "red", "blue", seconds=10)  # windows from 0, 5 and 10 s
    (clips / "broken.mp4").write_bytes(b"")
    updated(clips)
    assert features(clips) == {
        "both.mp4": [RED, [0, 0, 0], BLUE],
        "red.mp4": [RED],
        "green.mp4": [GREEN],
        "more/blue.mkv": [BLUE],
    }


class Stops(SeesColours):
    """Ctrl-C while the third window is encoded."""

    def windows(self, seen: list) -> np.ndarray:
        if self.seen == 2:
            raise KeyboardInterrupt
        return super().windows(seen)


def test_an_interrupted_indexing_goes_on_where_it_stopped(
    clips: Path, opened_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 1)
    with pytest.raises(KeyboardInterrupt):
        updated(clips, Stops())
    done = features(clips).keys()
    assert len(done) == 2
    del opened_files[:]
    model = SeesColours()
    updated(clips, model)
    assert (len(opened_files), model.seen) == (1, 1)
    assert features(clips) == {"red.mp4": [RED], "green.mp4": [GREEN], "more/blue.mkv": [BLUE]}


def test_work_is_written_down_while_it_goes_on(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BATCH", 1)
    monkeypatch.setattr(building, "SAVE_EVERY", -1.0)
    there: list[int] = []

    class Looks(SeesColours):
        def windows(self, seen: list) -> np.ndarray:
            read = index_store.read(clips)
            there.append(len(read) if read else 0)
            return super().windows(seen)

    updated(clips, Looks())
    assert there == [0, 1, 2]


def test_a_look_that_changes_nothing_waits_for_nobody(clips: Path) -> None:
    updated(clips)
    opened = index_store.read(clips)
    assert opened is not None
    with opened.locked():
        assert updated(clips).kept == 3


def test_features_that_are_no_numbers_stop_the_work(clips: Path) -> None:
    class Broken(SeesColours):
        def windows(self, seen: list) -> np.ndarray:
            return super().windows(seen) * np.nan

    with pytest.raises(BenchError, match="clip:colours gives features that are no numbers"):
        updated(clips, Broken())


def test_nothing_is_left_of_a_first_index_of_a_broken_model(clips: Path) -> None:
    class Broken(SeesColours):
        def windows(self, seen: list) -> np.ndarray:
            return super().windows(seen) * np.nan

    with pytest.raises(BenchError):
        updated(clips, Broken())
    assert index_store.read(clips) is None


def test_features_that_an_index_cannot_hold_stop_the_work(clips: Path) -> None:
    class Large(SeesColours):
        def windows(self, seen: list) -> np.ndarray:
            return super().windows(seen) * 1e6

    with pytest.raises(BenchError, match="features that are larger than an index holds"):
        updated(clips, Large())


# --- the walk -------------------------------------------------------------------------------------------------------


def test_hidden_files_and_folders_are_left_out_and_named(clips: Path) -> None:
    clip(clips / "._red.mp4", "red")
    clip(clips / ".trash" / "old.mp4", "red")
    (clips / ".DS_Store").write_bytes(b"")
    found = walk(clips)
    assert found.files.keys() == {"red.mp4", "green.mp4", "more/blue.mkv"}
    assert sorted(found.hidden) == ["._red.mp4", ".trash/"]


def test_other_files_and_the_small_copies_are_no_clips(clips: Path) -> None:
    (clips / "notes.txt").write_text("no video")
    for copies in COPIES:
        clip(clips / copies / "red.mp4", "red")
    assert walk(clips).files.keys() == {"red.mp4", "green.mp4", "more/blue.mkv"}


@pytest.mark.parametrize("ending", ["mp4", "MOV", "mkv", "avi", "webm"])
def test_videos_are_known_by_their_ending(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"clip.{ending}").write_bytes(b"")
    assert walk(tmp_path).files.keys() == {f"clip.{ending}"}


def test_a_link_in_a_circle_ends(clips: Path) -> None:
    (clips / "more" / "up").symlink_to(clips)
    assert walk(clips).files.keys() == {"red.mp4", "green.mp4", "more/blue.mkv"}


def test_a_link_to_nothing_is_a_broken_file(clips: Path) -> None:
    (clips / "gone.mp4").symlink_to(clips / "nowhere.mp4")
    assert "no such file" in updated(clips).broken["gone.mp4"]


def unreadable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Takes away the right to list a folder of that name, which root always has."""
    scandir: Callable = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def test_an_unreadable_folder_is_said_and_its_clips_stay_in_the_index(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated(clips)
    unreadable(monkeypatch, "more")
    summary = updated(clips)
    assert (summary.unreadable, summary.gone) == ({"more": "Permission denied"}, 0)
    assert features(clips)["more/blue.mkv"] == [BLUE]


def test_a_folder_that_cannot_be_read_or_is_not_there_is_an_error(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        walk(clips / "nowhere")
    unreadable(monkeypatch, "clips")
    with pytest.raises(BenchError, match="clips cannot be read: Permission denied"):
        walk(clips)


def test_whether_there_is_something_to_do_is_known_beforehand(clips: Path) -> None:
    updated(clips)
    opened = index_store.read(clips)
    assert opened is not None and not pending(opened, walk(clips))
    (clips / "red.mp4").unlink()
    assert pending(opened, walk(clips))


def test_kinds_of_video_that_are_not_read_are_named(clips: Path) -> None:
    for name in ("list.m3u8", "raw.y4m", "still.webp", ".hidden.swf", "notes.txt"):
        (clips / name).write_bytes(b"")
    found = walk(clips)
    assert found.unread == ["list.m3u8", "raw.y4m", "still.webp"] and "raw.y4m" not in found.files
    lines = answer_render.changes(updated(clips))
    assert "3 of kinds of video that are not read left out: list.m3u8, raw.y4m, still.webp" in lines


ODD = [b"na\xefve.mp4", b"blue\rclip.mp4", b"two\nlines.mp4", b"\x1b[31mred.mp4"]


@pytest.mark.parametrize("name", ODD)
def test_names_that_are_no_text_are_indexed_like_others(clips: Path, name: bytes) -> None:
    os.rename(clips / "green.mp4", os.path.join(os.fsencode(clips), name))  # noqa: PTH104, PTH118
    summary = updated(clips)
    assert (summary.indexed, summary.broken) == (3, {})
    assert features(clips)[os.fsdecode(name)] == [GREEN]
    assert updated(clips).kept == 3


@pytest.mark.parametrize("name", ODD)
def test_a_broken_file_is_named_on_one_line_without_control_characters(clips: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(clips), name), "wb") as file:  # noqa: PTH118, PTH123
        file.write(b"no video")
    [line] = answer_render.changes(updated(clips))
    assert line.isprintable() and "damaged" in line
