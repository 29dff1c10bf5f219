"""Small pictures of clips, for pages: one frame from the middle, as a data address."""

from collections.abc import Iterable
from pathlib import Path

from bench.data.annotation import keep, load_annotation
from bench.data.importers import check_there, ensure
from bench.errors import BenchError
from bench.records.record import Record
from bench.utils.images import data_address, jpeg

SIZE = 128  # pixels
QUALITY = 60


def dataset_folder(record: Record) -> Path | None:
    """Where the clips of a record's dataset lie, if they are at hand: where the run found them, or in the cache.

    Nothing is written where a record says.
    """
    root = Path(record.config["root"]) if record.config.get("root") else None
    try:
        check_there(record.dataset, root)
        return ensure(record.dataset, root)
    except (BenchError, OSError, ValueError):  # a place that no system can have: a NUL in it, a name too long
        return None


def thumbnails(record: Record, clips: Iterable[int]) -> dict[int, str]:
    """Clip of the test split -> a JPEG as a data address; without those that cannot be read.

    A clip of another caption than the record has is another one: the folder is of another version.
    """
    from bench.data.loading import look_at
    from bench.data.pixels import resize_crop
    from bench.data.video import read_frames

    folder = dataset_folder(record)
    wanted = {record.queries["videos"][clip]: clip for clip in clips}
    if folder is None or not wanted:
        return {}
    try:
        split = keep(load_annotation(folder, record.test, record.dataset), wanted)
    except BenchError:
        return {}
    said = record.first_captions()
    same = [clip.video for clip in split.clips if clip.captions[0] == said[wanted[clip.video]]]
    videos, _ = look_at(folder, sorted(same), split.sources)
    found = {}
    for video, frames in videos.frames.items():
        frame = read_frames(videos.paths[video], [frames // 2], span=videos.spans[video])
        (middle,) = resize_crop(frame, SIZE)
        found[wanted[video]] = data_address(jpeg(middle, QUALITY, SIZE), "image/jpeg")
    return found
