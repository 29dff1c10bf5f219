"""Downloads against a real HTTP server on this machine that fails in the ways that servers do."""

import hashlib
import os
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.data.download import download, unpack
from bench.errors import BenchError, UsageError

CONTENT = bytes(range(256)) * 12_000  # 3 072 000 bytes: more than one chunk
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NO_WAIT = (0, 0, 0)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@dataclass
class Server:
    """What the server holds and how it behaves; `breaks` lists after how many bytes each of the next answers ends."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    honours_if_range: bool = True
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    length: int | None = None
    without_length: bool = False
    requests: list[str | None] = field(default_factory=list)  # the Range header of each
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append(wanted)
            if state.statuses and (status := state.statuses.pop(0)) != 200:
                self.send_error(status)
                return
            changed = state.honours_if_range and self.headers.get("If-Range", state.etag) != state.etag
            start = int(wanted[6:-1]) if wanted and state.ranges and not changed else 0
            if start >= len(state.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            if state.etag:
                self.send_header("ETag", state.etag)
            if not state.without_length:
                self.send_header("Content-Length", str(state.length or len(body)))
            self.end_headers()
            self.wfile.write(body[: state.breaks.pop(0)] if state.breaks else body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # a client that hangs up is what some tests are about
            pass

    httpd = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}/file.bin"
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_leaves_no_partial(server: Server, tmp_path: Path) -> None:
    assert download(server.url, tmp_path / "a.bin", sha256=SHA256, size=len(CONTENT)).read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["a.bin"]


def test_a_download_that_breaks_off_half_way_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.breaks = [len(CONTENT) // 2]
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == CONTENT
    assert server.requests == [None, f"bytes={len(CONTENT) // 2}-"]


def test_the_next_call_goes_on_after_tries_are_used_up(server: Server, tmp_path: Path) -> None:
    server.breaks = [1_000_000, 500_000]
    with pytest.raises(BenchError, match=r"tries: 2.*1500000 bytes are kept.*repeat the command"):
        download(server.url, tmp_path / "a.bin", pauses=(0,))
    assert download(server.url, tmp_path / "a.bin", pauses=()).read_bytes() == CONTENT
    assert server.requests[-1] == "bytes=1500000-"


def test_tries_are_bounded(server: Server, tmp_path: Path) -> None:
    server.breaks = [10] * 100
    with pytest.raises(BenchError):
        download(server.url, tmp_path / "a.bin", pauses=NO_WAIT)
    assert len(server.requests) == 4


def test_nothing_has_the_final_name_before_it_is_whole(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000]
    with pytest.raises(BenchError):
        download(server.url, tmp_path / "a.bin", pauses=())
    assert not (tmp_path / "a.bin").exists()


def test_a_server_without_ranges_sends_the_file_anew(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.breaks = [2_000_000]
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == CONTENT


@pytest.mark.parametrize("honours", [True, False], ids=["If-Range honoured", "If-Range ignored"])
def test_a_file_that_changed_meanwhile_is_not_stitched_together(server: Server, tmp_path: Path, honours: bool) -> None:
    server.breaks = [2_000_000]
    with pytest.raises(BenchError):
        download(server.url, tmp_path / "a.bin", pauses=())
    server.content, server.etag, server.honours_if_range = CONTENT[::-1], '"two"', honours
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == CONTENT[::-1]


def test_a_changed_file_that_is_shorter_than_the_partial_starts_again(server: Server, tmp_path: Path) -> None:
    server.breaks = [2_000_000]
    with pytest.raises(BenchError):
        download(server.url, tmp_path / "a.bin", pauses=())
    server.content, server.etag, server.honours_if_range = b"short", '"two"', False
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == b"short"


def test_without_a_mark_of_the_version_and_a_checksum_nothing_is_resumed(server: Server, tmp_path: Path) -> None:
    server.etag = None
    server.breaks = [2_000_000]
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == CONTENT
    assert server.requests == [None, None]


def test_with_a_checksum_a_download_resumes_without_a_mark(server: Server, tmp_path: Path) -> None:
    server.etag = None
    server.breaks = [2_000_000]
    assert download(server.url, tmp_path / "a.bin", sha256=SHA256, pauses=NO_WAIT).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=2000000-"]


def test_the_partial_of_another_address_is_not_used(server: Server, tmp_path: Path) -> None:
    server.breaks = [2_000_000]
    with pytest.raises(BenchError):
        download(server.url, tmp_path / "a.bin", pauses=())
    assert download(f"{server.url}?other", tmp_path / "a.bin", pauses=()).read_bytes() == CONTENT
    assert server.requests[-1] is None


def test_a_partial_that_is_complete_already_gets_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert download(server.url, tmp_path / "a.bin", sha256=SHA256, pauses=()).read_bytes() == CONTENT
    assert server.requests == [f"bytes={len(CONTENT)}-"]


def test_a_wrong_checksum_is_an_error_and_removes_the_partial(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=f"has sha256 {SHA256}, not {'0' * 64}"):
        download(server.url, tmp_path / "a.bin", sha256="0" * 64)
    assert leftovers(tmp_path) == []


def test_a_wrong_size_is_an_error_before_the_content_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="has 3072000 bytes, not 5: the source has changed"):
        download(server.url, tmp_path / "a.bin", size=5)
    assert leftovers(tmp_path) == []


def test_a_file_that_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    download(server.url, tmp_path / "a.bin")
    assert server.requests == []


def test_a_file_that_is_there_with_another_checksum_is_an_error_and_stays(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(BenchError, match="Move it away"):
        download(server.url, tmp_path / "a.bin", sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"


def test_404_is_one_line_and_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [404]
    with pytest.raises(BenchError, match=r"answers HTTP 404 Not Found. Is the address right\?"):
        download(server.url, tmp_path / "a.bin", pauses=NO_WAIT)
    assert len(server.requests) == 1


def test_a_busy_server_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 200]
    assert download(server.url, tmp_path / "a.bin", pauses=NO_WAIT).read_bytes() == CONTENT


def test_an_unknown_host_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no-such-host.invalid is unknown"):
        download("http://no-such-host.invalid/a.zip", tmp_path / "a.zip", pauses=NO_WAIT)


def test_a_closed_port_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"tries: 1, last: .*refused"):
        download("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", pauses=())


def test_an_address_of_another_kind_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no http or https address"):
        download("file:///etc/passwd", tmp_path / "a.zip")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")  # noqa: PTH110
def test_a_full_disk_is_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").symlink_to("/dev/full")
    with pytest.raises(BenchError, match=r"The disk of .* is full"):
        download(server.url, tmp_path / "a.bin")


def test_a_file_larger_than_the_disk_is_not_begun(server: Server, tmp_path: Path) -> None:
    server.length = 10**18
    with pytest.raises(BenchError, match="too little room"):
        download(server.url, tmp_path / "a.bin")
    assert not (tmp_path / "a.bin.part").exists()


Zip = Callable[..., Path]


@pytest.fixture
def make_zip(tmp_path: Path) -> Zip:
    def make(members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
            for name, goal in (links or {}).items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(entry, goal)
        return path

    return make


def test_a_top_folder_that_holds_everything_is_left_away(make_zip: Zip, tmp_path: Path) -> None:
    unpack(make_zip({"MSRVTT/videos/all/video0.mp4": b"0", "MSRVTT/annotation/MSR_VTT.json": b"{}"}), tmp_path / "root")
    assert (tmp_path / "root" / "videos" / "all" / "video0.mp4").read_bytes() == b"0"


def test_two_top_folders_are_both_kept(make_zip: Zip, tmp_path: Path) -> None:
    unpack(make_zip({"a/one": b"1", "b/two": b"2"}), tmp_path / "root")
    assert (tmp_path / "root" / "b" / "two").read_bytes() == b"2"


def test_a_file_that_is_there_in_its_size_is_kept_and_a_cut_one_written_anew(make_zip: Zip, tmp_path: Path) -> None:
    archive = make_zip({"a/one": b"whole", "b/two": b"other"})
    unpack(archive, tmp_path / "root")
    (tmp_path / "root" / "a" / "one").write_bytes(b"who")
    outcome = unpack(archive, tmp_path / "root")
    assert (outcome.written, outcome.kept) == (1, 1)
    assert (tmp_path / "root" / "a" / "one").read_bytes() == b"whole"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:/evil"])
def test_a_name_that_leads_out_of_the_folder_stops_everything(make_zip: Zip, tmp_path: Path, name: str) -> None:
    with pytest.raises(BenchError, match="leads out of"):
        unpack(make_zip({"good": b"1", name: b"2"}), tmp_path / "root")
    assert not (tmp_path / "root").exists() and not (tmp_path / "evil").exists()


def test_symlinks_are_counted_and_not_made(make_zip: Zip, tmp_path: Path) -> None:
    outcome = unpack(make_zip({"a/one": b"1"}, links={"a/link": "/etc/passwd"}), tmp_path / "root")
    assert outcome.links == 1
    assert [path.name for path in (tmp_path / "root").rglob("*") if path.is_file()] == ["one"]


def test_a_damaged_member_is_an_error_and_leaves_no_part_of_it(make_zip: Zip, tmp_path: Path) -> None:
    archive = make_zip({"a/one": b"precious content", "b/two": b"2"})
    archive.write_bytes(archive.read_bytes().replace(b"precious", b"precocio", 1))
    with pytest.raises(BenchError, match="is damaged"):
        unpack(archive, tmp_path / "root")
    assert [path.name for path in (tmp_path / "root").rglob("*") if path.is_file()] == []


def test_a_zip_that_is_cut_off_is_an_error(make_zip: Zip, tmp_path: Path) -> None:
    archive = make_zip({"one": b"1" * 1000})
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(BenchError, match="is damaged"):
        unpack(archive, tmp_path / "root")


def test_a_server_that_names_no_length_is_read_no_further_than_the_card_says(server: Server, tmp_path: Path) -> None:
    server.without_length = True
    with pytest.raises(BenchError, match=r"file\.bin sends more than 1000 bytes: the source has changed\."):
        download(server.url, tmp_path / "a.bin", size=1000, pauses=())
    assert leftovers(tmp_path) == []


def test_a_server_that_names_no_length_has_an_end_all_the_same(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.without_length = True
    assert download(server.url, tmp_path / "whole.bin", pauses=()).read_bytes() == CONTENT
    monkeypatch.setattr("bench.data.download.MOST", 2_000_000)
    with pytest.raises(BenchError, match="sends more than 2000000 bytes"):
        download(server.url, tmp_path / "a.bin", pauses=())
    assert leftovers(tmp_path) == ["whole.bin"]
