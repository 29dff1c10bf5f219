"""Only local files are opened, whatever their names look like, and nothing that asks for too much."""

import os
import socket
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.movies import encrypt, number, numbered, write, write_cover

from bench.data import video_files
from bench.data.video import VideoError, check, list_videos, probe, read_frames

READERS = ["pyav", pytest.param("decord", marks=pytest.mark.skipif(os.name == "nt", reason="decord's own rules"))]
NAMES = ["12:30:00.mp4", "http:clip.mp4", "pipe:0.mp4", "concat:a.mp4|b.mp4", "a%03d.mp4", "-i.mp4", "~.mp4", "ü ü.mp4"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def connections() -> Iterator[tuple[int, list[object]]]:
    """A server on this machine: its port, and who has connected to it."""
    seen: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:  # closed
                    return
                seen.append(address)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_never_an_address(here: Path, name: str, reader: str):
    if reader == "decord":
        pytest.importorskip("decord")
    write(here / "made.mp4", numbered(5, 48, 64)).rename(name)
    assert [number(frame) for frame in read_frames(Path(name), [3, 1], reader=reader)] == [3, 1]


@pytest.mark.parametrize("reader", READERS)
def test_a_name_need_not_be_utf8(here: Path, reader: str):
    if reader == "decord":
        pytest.importorskip("decord")
    try:
        write(here / "made.mp4", numbered(5, 48, 64)).rename(os.fsdecode(b"na\xefve.mp4"))
    except OSError:
        pytest.skip("this file system takes no such names")
    [path] = list_videos(Path())
    assert number(read_frames(path, [3], reader=reader)[0]) == 3


def test_a_folder_that_looks_like_an_address_is_a_folder(here: Path, connections: tuple[int, list[object]]):
    port, seen = connections
    folder = Path("http:") / f"127.0.0.1:{port}"
    folder.mkdir(parents=True)
    write(here / "made.mp4", numbered(5, 48, 64)).rename(folder / "x.mp4")
    (folder / "broken.mp4").write_bytes(b"none")
    for path in list_videos(Path()):
        for reader in ("pyav", "decord"):
            try:
                read_frames(path, [0], reader=reader)
            except VideoError:
                assert path.name == "broken.mp4"
    assert seen == []


PLAY_LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\nfile other.mp4\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
}


@pytest.mark.parametrize("kind", PLAY_LISTS)
def test_a_play_list_is_no_video_and_asks_nobody(here: Path, connections: tuple[int, list[object]], kind: str):
    port, seen = connections
    write(here / "other.mp4", numbered(5, 48, 64))
    (here / "list.mp4").write_text(PLAY_LISTS[kind].format(port=port))
    with pytest.raises(VideoError, match="damaged, cut off or not a video"):
        probe(here / "list.mp4")
    assert seen == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match="it is no file"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize("reader", READERS)
def test_an_encrypted_video_is_one_line(tmp_path: Path, reader: str):
    path = encrypt(write(tmp_path / "a.mp4", numbered(5)))
    with pytest.raises(VideoError, match=r"a\.mp4: its pictures are encrypted or of a codec"):
        read_frames(path, [0], reader=reader)


def test_sound_with_a_cover_is_no_video(tmp_path: Path):
    with pytest.raises(VideoError, match="no moving picture in it, only audio, a cover"):
        probe(write_cover(tmp_path / "a.mp4"))


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_pictures_above_the_bound_are_refused_before_one_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    path = write(tmp_path / name, numbered(5))
    monkeypatch.setattr(video_files, "MAX_PIXELS", 128 * 96 - 1)
    monkeypatch.setattr("bench.data.scanning.decoded", None)
    with pytest.raises(VideoError, match="its pictures are 128 × 96 pixels; at most"):
        check(path)


def test_pixels_that_stretch_a_picture_beyond_the_bound_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "a.mp4", numbered(5), aspect=Fraction(20, 1))
    monkeypatch.setattr(video_files, "MAX_PIXELS", 128 * 96 * 10)
    with pytest.raises(VideoError, match="its pictures are 2560 × 96 pixels"):
        read_frames(path, [0])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_two_frames_days_apart_are_two_frames(tmp_path: Path, name: str, reader: str):
    """decord ends the process on the second of these files."""
    if reader == "decord":
        pytest.importorskip("decord")
    path = write(tmp_path / name, numbered(2), stamps=[0, 40 * 86400 * 1000], base=Fraction(1, 1000))
    assert [number(frame) for frame in read_frames(path, [0, 1], reader=reader)] == [0, 1]
    assert probe(path).seconds < 1
