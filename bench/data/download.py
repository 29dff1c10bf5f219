"""Large files over HTTP: resumed where they broke off, checked, and moved to their name only when whole.

download(url, Path("DIR/MSRVTT.zip"))     goes on with DIR/MSRVTT.zip.part if it is there
unpack(Path("DIR/MSRVTT.zip"), Path("DIR"))
"""

import errno
import http.client
import json
import shutil
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from bench.errors import BenchError, UsageError
from bench.utils.files import replacing
from bench.utils.files import sha256 as digest
from bench.utils.progress import progress
from bench.utils.zips import DAMAGED, check_expansion

MEGABYTE = 1_000_000
MOST = 100_000_000_000  # bytes of a file whose size no card says
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before each new try after a broken connection
TIMEOUT = 60.0  # seconds without a byte
PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers of a server that may do better in a while


class _BrokenError(Exception):
    """The connection broke off or the server was busy: worth another try."""


def download(
    url: str, target: Path, *, sha256: str | None = None, size: int | None = None, pauses: Sequence[float] = PAUSES
) -> Path:
    """Brings `url` to `target` and returns it; a `target` that is there already is checked and left as it is.

    sha256, size (bytes): checked where they are known. pauses: seconds before each new try, as many tries as pauses.
    What has arrived is kept in `<target>.part`, with the server's mark of that version in `<target>.part.json`; the
    next call goes on from there if the server still has that version and can send a part, and starts again otherwise.
    Any failure is a BenchError of one line; after a wrong checksum or size the partial file is removed.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no http or https address.")
    if target.exists():
        _check(target, url, sha256, size, "Move it away to get it again.")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    mark = target.with_name(f"{target.name}.part.json")
    for pause in (*pauses, None):
        try:
            _fetch(url, part, mark, sha256, size)
            break
        except _BrokenError as error:
            if pause is None:
                have = part.stat().st_size if part.exists() else 0
                raise BenchError(
                    f"{url} was not downloaded completely (tries: {len(pauses) + 1}, last: {error}). "
                    f"{have} bytes are kept in {part}; repeat the command to resume."
                ) from None
            time.sleep(pause)
        except OSError as error:  # of the disk; those of the net are told apart in _fetch
            raise BenchError(_disk_trouble(error, part)) from None
    try:
        _check(
            part, url, sha256, size, "The partial file was removed; try again, or see whether the source has changed."
        )
    except BenchError:
        part.unlink()
        mark.unlink(missing_ok=True)
        raise
    part.replace(target)
    mark.unlink(missing_ok=True)
    return target


def _check(path: Path, url: str, sha256: str | None, size: int | None, mend: str) -> None:
    if size is not None and path.stat().st_size != size:
        raise BenchError(f"{path} from {url} has {path.stat().st_size} bytes, not {size}. {mend}")
    if sha256 is not None and (found := digest(path)) != sha256.lower():
        raise BenchError(f"{path} from {url} has sha256 {found}, not {sha256.lower()}. {mend}")


def _disk_trouble(error: OSError, part: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {part.parent} is full. Make room, then repeat the command to resume."
    return f"{part} cannot be written ({error.strerror or error})."


def _fetch(url: str, part: Path, mark: Path, sha256: str | None, size: int | None) -> None:
    """One request: appends to `part` what is missing, or writes it anew where the server cannot or should not go on."""
    have = part.stat().st_size if part.is_file() else 0
    known = _read_mark(mark, url)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "emotion-video-bench"})
    # Without a mark of the version only the checksum could tell two versions stitched together.
    if have and (known or sha256):
        request.add_header("Range", f"bytes={have}-")
        if known:
            request.add_header("If-Range", known)
    else:
        have = 0
    with _open(request) as answer:
        if answer.status == 416:  # nothing after what is there: complete, or of another version
            if answer.headers.get("Content-Range", "") == f"bytes */{have}" and _version(answer) in (known, None):
                return
            _forget(part, mark)
            raise _BrokenError("the file has changed on the server")
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if goes_on and known and _version(answer) not in (known, None):
            _forget(part, mark)  # a server that does not honour If-Range
            raise _BrokenError("the file has changed on the server")
        if answer.status == 206 and not goes_on:
            _forget(part, mark)
            raise _BrokenError("the server sent another part than was asked for")
        have = have if goes_on else 0
        rest = answer.headers.get("Content-Length")
        total = have + int(rest) if rest and rest.isdecimal() and len(rest) < 1000 else None
        if size is not None and total is not None and total != size:
            _forget(part, mark)
            raise BenchError(f"{url} has {total} bytes, not {size}: the source has changed.")
        if total is not None and (missing := total - have - shutil.disk_usage(part.parent).free) > 0:
            raise BenchError(f"{part.parent} has too little room for {url}: {missing} bytes are missing.")
        if not goes_on:
            _write_mark(mark, url, _version(answer))
        with part.open("ab" if goes_on else "wb") as file:
            chunks = progress(
                _chunks(answer),
                total=-(-(total or 0) // MEGABYTE),
                what=part.stem,
                unit="megabyte",
                done=have // MEGABYTE,
            )
            for chunk in chunks:
                have += len(chunk)
                if have > (MOST if size is None else size):  # without a Content-Length it may go on for ever
                    break
                file.write(chunk)
    if have > (MOST if size is None else size):
        _forget(part, mark)
        raise BenchError(f"{url} sends more than {MOST if size is None else size} bytes: the source has changed.")
    if total is not None and have < total:
        raise _BrokenError(f"{have} of {total} bytes had come")


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    """The server's answer, also to a range that does not exist (416); its other refusals are errors."""
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error  # type: ignore[return-value]  # has status, headers and closes like a response
        error.close()
        if error.code in PASSING:
            raise _BrokenError(f"HTTP {error.code} {error.reason}") from None
        raise BenchError(
            f"{request.full_url} answers HTTP {error.code} {error.reason}. Is the address right?"
        ) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror):
            raise BenchError(f"{request.host} is unknown. Is the address right, and the machine on line?") from None
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise BenchError(f"{request.host} has no valid certificate ({error.reason.verify_message}).") from None
        raise _BrokenError(str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(str(error) or type(error).__name__) from None


def _chunks(answer: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(MEGABYTE)
        except http.client.IncompleteRead as error:
            chunk = error.partial
            if chunk:
                yield chunk
            raise _BrokenError("the connection was closed") from None
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError(str(error) or type(error).__name__) from None
        if not chunk:
            return
        yield chunk


def _version(answer: http.client.HTTPResponse) -> str | None:
    """The server's mark of a version that If-Range accepts: a strong ETag, or else the date of the last change."""
    etag = answer.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")


def _read_mark(mark: Path, url: str) -> str | None:
    try:
        content = json.loads(mark.read_text(encoding="utf-8"))
        return content["version"] if content["url"] == url and isinstance(content["version"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no mark, no resuming: the download starts again


def _write_mark(mark: Path, url: str, version: str | None) -> None:
    with replacing(mark) as temporary:
        temporary.write_text(json.dumps({"url": url, "version": version}), encoding="utf-8")


def _forget(part: Path, mark: Path) -> None:
    part.unlink(missing_ok=True)
    mark.unlink(missing_ok=True)


@dataclass(frozen=True)
class Unpacked:
    """Files written, files that were there already, and entries left out because they are symlinks."""

    written: int
    kept: int
    links: int


def unpack(archive: Path, root: Path) -> Unpacked:
    """Unpacks a zip file into `root`, each file whole or not at all; a file that is there in its size is kept.

    A single top folder that holds everything is left away, so MSRVTT/videos/all/video0.mp4 becomes
    root/videos/all/video0.mp4. A name that leads out of `root` is an error before the first file is written; symlinks
    are never made. A damaged zip file, or a full disk, is a BenchError; the next call goes on where this one stopped.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
            links = [entry for entry in entries if stat.S_ISLNK(entry.external_attr >> 16)]
            files = [entry for entry in entries if entry not in links]
            check_expansion(archive, files)
            targets = _targets(archive, root, files)
            todo = [
                (entry, path)
                for entry, path in zip(files, targets, strict=True)
                if not path.is_file() or path.stat().st_size != entry.file_size
            ]
            root.mkdir(parents=True, exist_ok=True)
            if (missing := sum(entry.file_size for entry, _ in todo) - shutil.disk_usage(root).free) > 0:
                raise BenchError(f"{root} has too little room for what is in {archive}: {missing} bytes are missing.")
            for entry, path in progress(
                todo, total=len(files), done=len(files) - len(todo), what="unpack", unit="file"
            ):
                with replacing(path) as temporary, source.open(entry) as content, temporary.open("wb") as file:
                    shutil.copyfileobj(content, file, MEGABYTE)
    except OSError as error:
        raise BenchError(f"{archive} cannot be unpacked into {root} ({error.strerror or error}).") from None
    except DAMAGED as error:
        raise BenchError(f"{archive} is damaged ({error}). Move it away and download it again.") from None
    return Unpacked(written=len(todo), kept=len(files) - len(todo), links=len(links))


def _targets(archive: Path, root: Path, files: Sequence[zipfile.ZipInfo]) -> list[Path]:
    names = [PurePosixPath(entry.filename.replace("\\", "/")) for entry in files]
    for name in names:
        if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
            raise BenchError(f"{archive} holds {str(name)!r}, which leads out of {root}. It was not unpacked.")
    tops = {name.parts[0] for name in names}
    wrapped = len(tops) == 1 and all(len(name.parts) > 1 for name in names)
    return [root.joinpath(*name.parts[1 if wrapped else 0 :]) for name in names]
