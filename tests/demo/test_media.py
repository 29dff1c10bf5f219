"""What a browser may fetch: the clips of the index, whole and in parts; nothing that lies elsewhere, however asked."""

import io
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.demo import client_of, session
from helpers.search import clip

from bench.demo.media import Media, Unavailable
from bench.demo.session import Session

TestClient = pytest.importorskip("starlette.testclient", reason="the extra demo is not installed").TestClient


def id_of(first: Session, path: str) -> str:
    return str(first.searcher.store.entries[path].first)


@pytest.fixture
def red(first: Session) -> str:
    return f"/clips/{id_of(first, 'red.mp4')}"


# --- clips ----------------------------------------------------------------------------------------------------------


def test_a_clip_comes_whole_with_its_type(client: TestClient, clips: Path, red: str) -> None:
    answer = client.get(red)
    assert answer.status_code == 200
    assert answer.content == (clips / "red.mp4").read_bytes()
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=5-9", "bytes=5-", "bytes=-7"])
def test_a_part_of_a_clip_is_that_part(client: TestClient, clips: Path, red: str, asked: str) -> None:
    whole = (clips / "red.mp4").read_bytes()
    parts = {"bytes=5-9": whole[5:10], "bytes=5-": whole[5:], "bytes=-7": whole[-7:]}
    answer = client.get(red, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == parts[asked]
    start = whole.index(parts[asked]) if asked != "bytes=-7" else len(whole) - 7
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(parts[asked]) - 1}/{len(whole)}"


def test_a_part_behind_the_end_is_refused(client: TestClient, red: str) -> None:
    assert client.get(red, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_a_still_shows_the_clip_at_that_second(client: TestClient, first: Session) -> None:
    still = f"/stills/{id_of(first, 'sub/long.mp4')}.jpg"
    for second, brightest in ((1, 0), (30, 2)):  # 20 s red, 20 s blue
        answer = client.get(still, params={"at": second})
        assert answer.headers["content-type"] == "image/jpeg"
        with av.open(io.BytesIO(answer.content)) as file:
            picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
        assert int(np.argmax(picture.mean(axis=(0, 1)))) == brightest


@pytest.mark.parametrize("at", ["1e9", "-5", "0"])
def test_a_still_beyond_the_ends_shows_the_nearest_frame(client: TestClient, first: Session, at: str) -> None:
    assert client.get(f"/stills/{id_of(first, 'red.mp4')}.jpg?at={at}").status_code == 200


@pytest.mark.parametrize("at", ["nan", "inf", "soon"])
def test_a_still_of_no_second_is_refused(client: TestClient, first: Session, at: str) -> None:
    answer = client.get(f"/stills/{id_of(first, 'red.mp4')}.jpg?at={at}")
    assert (answer.status_code, answer.text) == (400, "at takes seconds.\n")


# --- nothing else ---------------------------------------------------------------------------------------------------

ELSEWHERE = [
    "../secret.mp4",
    "..%2fsecret.mp4",
    "%2e%2e/secret.mp4",
    "%2e%2e%2fsecret.mp4",
    "..%252fsecret.mp4",
    "..%c0%afsecret.mp4",
    "..%5csecret.mp4",
    "....//secret.mp4",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "red.mp4",
    "sub/long.mp4",
    "0/../../secret.mp4",
    "0%00",
    "00",
    "+0",
    "-1",
    "0.0",
    "٠",  # a zero, in Arabic
    "999999",
    "9" * 5000,
    "",
]


@pytest.mark.parametrize("words", ELSEWHERE)
@pytest.mark.parametrize("place", ["/clips/", "/stills/", "/static/"])
def test_nothing_is_read_by_a_path(client: TestClient, clips: Path, place: str, words: str) -> None:
    (clips.parent / "secret.mp4").write_bytes(b"SECRET" * 100)
    ending = ".jpg" if place == "/stills/" else ""
    answer = client.get(place + words + ending)
    assert answer.status_code in (404, 405)
    assert b"SECRET" not in answer.content and b"root:" not in answer.content


def test_a_link_that_leads_out_of_the_folder_is_found_but_not_shown(clips: Path) -> None:
    clip(clips.parent / "elsewhere" / "green.mp4", "green")
    (clips / "link.mp4").symlink_to(clips.parent / "elsewhere" / "green.mp4")
    (clips / "away").symlink_to(clips.parent / "elsewhere", target_is_directory=True)
    first = session(clips)
    for path in ("link.mp4", "away/green.mp4"):
        answer = client_of([first]).get(f"/clips/{id_of(first, path)}")
        assert answer.status_code == 404
        assert answer.text == f"{path} is a link that leads out of the folder, so it is not shown.\n"
    assert "link that leads out of the folder" in client_of([first]).get("/?q=green").text


def test_a_link_inside_the_folder_is_shown(clips: Path) -> None:
    (clips / "link.mp4").symlink_to(clips / "green.mp4")
    first = session(clips)
    assert client_of([first]).get(f"/clips/{id_of(first, 'link.mp4')}").status_code == 200


def test_a_clip_that_a_link_replaces_later_is_not_shown(client: TestClient, clips: Path, red: str) -> None:
    secret = clips.parent / "secret.mp4"
    secret.write_bytes((clips / "red.mp4").read_bytes())
    facts = (clips / "red.mp4").stat()
    os.utime(secret, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (clips / "red.mp4").unlink()
    (clips / "red.mp4").symlink_to(secret)
    assert client.get(red).status_code == 404


def secret_like(path: Path) -> Path:
    """A file outside of the folder that has another file's size and date."""
    facts, secret = path.stat(), path.parent.parent / "secret.mp4"
    secret.write_bytes((b"SECRET" * facts.st_size)[: facts.st_size])
    os.utime(secret, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return secret


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=3-"}])
def test_a_clip_that_is_swapped_while_it_is_served_is_served_as_it_was(
    client: TestClient, clips: Path, red: str, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    whole, secret, opening = (clips / "red.mp4").read_bytes(), secret_like(clips / "red.mp4"), Media.open

    def swapped(media: Media, id: str) -> object:
        clip = opening(media, id)
        (clips / "red.mp4").unlink()
        (clips / "red.mp4").symlink_to(secret)
        return clip

    monkeypatch.setattr(Media, "open", swapped)
    assert client.get(red, headers=asked).content == whole[3 if asked else 0 :]


def test_a_folder_that_becomes_a_link_is_not_entered(client: TestClient, clips: Path, first: Session) -> None:
    (clips / "sub").rename(clips.parent / "moved")
    (clips / "sub").symlink_to(clips.parent / "moved")
    answer = client.get(f"/clips/{id_of(first, 'sub/long.mp4')}")
    assert answer.text == "sub/long.mp4 is a link since it was indexed, so it is not shown.\n"


@pytest.mark.slow
def test_no_fetch_gives_a_file_that_is_swapped_in(client: TestClient, clips: Path, red: str) -> None:
    """A second thread puts a link to the secret in the clip's place and back, as fast as it can."""
    path, secret, stop = clips / "red.mp4", secret_like(clips / "red.mp4"), threading.Event()
    (clips.parent / "link").symlink_to(secret)
    os.link(path, clips.parent / "kept")

    def swap() -> None:
        while not stop.is_set():
            for source in ("link", "kept"):
                os.link(clips.parent / source, clips.parent / "next", follow_symlinks=False)
                (clips.parent / "next").replace(path)
                (clips.parent / "next").unlink(missing_ok=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        answers = [client.get(red) for _ in range(300)]
    finally:
        stop.set()
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert not any(b"SECRET" in answer.content for answer in answers)


def test_no_open_file_is_left(client: TestClient, clips: Path, red: str) -> None:
    client.get(red)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for _ in range(5):
        assert client.get(red).status_code == 200
        assert client.head(red).status_code == 200
        assert client.get(red, headers={"Range": "bytes=99999999-"}).status_code == 416
        assert client.get("/?q=red").status_code == 200
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


# --- clips that are not what they were ------------------------------------------------------------------------------


def test_a_deleted_clip_is_said_to_be_gone(client: TestClient, clips: Path, red: str) -> None:
    assert client.get(red.replace("clips", "stills") + ".jpg").status_code == 200
    (clips / "red.mp4").unlink()
    said = "red.mp4 is not there any more. Start bench demo again to forget it."
    assert client.get(red).text == said + "\n"
    assert client.get(red.replace("clips", "stills") + ".jpg").status_code == 404
    assert said in client.get("/?q=red").text


def test_a_changed_clip_is_said_to_be_changed(client: TestClient, clips: Path, red: str) -> None:
    clip(clips / "red.mp4", "blue", seconds=3)
    answer = client.get(red)
    assert answer.status_code == 404
    assert "red.mp4 was changed since it was indexed" in answer.text


def test_a_clip_without_rights_is_said_to_be_so(first: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it; the tests may run as a user who may read everything."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    media = Media(first.folder, first.searcher.store)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unavailable, match=r"red\.mp4 cannot be read: Permission denied\. Change its permissions\."):
        media.check(id_of(first, "red.mp4"))


def test_a_clip_that_cannot_be_decoded_is_said_to_be_so(client: TestClient, red: str, clips: Path) -> None:
    """Damaged on the disk: size and day of the file are as they were."""
    file = clips / "red.mp4"
    facts = file.stat()
    file.write_bytes(bytes(facts.st_size))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    answer = client.get(red.replace("clips", "stills") + ".jpg")
    assert (answer.status_code, answer.text) == (404, "red.mp4 cannot be decoded there: it is damaged.\n")
