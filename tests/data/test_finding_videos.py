"""Which files of a folder are its videos."""

from pathlib import Path

import pytest

from bench.data.video import (
    COMPRESSED,
    COPIES,
    ENDINGS,
    OLD_COPIES,
    OTHER_MEDIA,
    VideoError,
    find_videos,
    list_other_media,
    list_videos,
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_videos_are_found_at_any_depth_by_stem(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / "x" / "y" / "b.AVI", tmp_path / "notes.txt")
    assert find_videos(tmp_path) == {"a": tmp_path / "a.mp4", "b": tmp_path / "x" / "y" / "b.AVI"}


def test_hidden_files_are_no_videos(tmp_path: Path):
    touch(tmp_path / ".a.mp4", tmp_path / ".trash" / "b.mp4")
    assert find_videos(tmp_path) == {}


def test_small_copies_are_not_found_beside_their_originals(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / COMPRESSED / "a.mp4", tmp_path / OLD_COPIES / "a.mp4")
    assert find_videos(tmp_path) == {"a": tmp_path / "a.mp4"}


@pytest.mark.parametrize("copies", COPIES)
def test_small_copies_are_found_in_their_folder(tmp_path: Path, copies: str):
    touch(tmp_path / copies / "a.mp4")
    assert find_videos(tmp_path / copies) == {"a": tmp_path / copies / "a.mp4"}


def test_two_videos_of_one_name_are_an_error_that_names_both(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / "x" / "a.avi")
    with pytest.raises(VideoError, match=r"a\.mp4 and .*a\.avi"):
        find_videos(tmp_path)


def test_listing_keeps_two_videos_of_one_name(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / "x" / "a.avi")
    assert list_videos(tmp_path) == [tmp_path / "a.mp4", tmp_path / "x" / "a.avi"]


def test_what_cameras_and_the_web_write_are_videos(tmp_path: Path):
    endings = "3gp 3gpp avi flv gif m2t m2ts m4v mk3d mkv mov mp4 mpe mpeg mpg mts ogv ts webm wmv"
    names = [f"a.{ending}" for ending in endings.split()]
    touch(*(tmp_path / name for name in names))
    assert {path.name for path in list_videos(tmp_path)} == set(names)


def test_what_is_not_read_is_named_and_no_video(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / "b.webp", tmp_path / "x" / "c.SWF", tmp_path / "notes.txt")
    assert list_other_media(tmp_path) == [tmp_path / "b.webp", tmp_path / "x" / "c.SWF"]
    assert not ENDINGS & OTHER_MEDIA


def test_the_documents_name_every_ending():
    text = (Path(__file__).parents[2] / "docs" / "videos.md").read_text(encoding="utf-8")
    named = text.split("Files are read if they end in ")[1].split(";")[0].replace(" and ", ", ").replace("\n", " ")
    assert {f".{ending.strip()}" for ending in named.split(",")} == ENDINGS
