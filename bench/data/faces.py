"""Facial expression scores of videos: the table that `bench faces` writes, and what a variant sees of it.

One row a face and looked-at frame. A looked-at frame without a face is one row with nulls: missing, never a guess.

    video       stem of the video's file
    frame       index of the frame in the file that was decoded
    frames      how many frames that file has, in all rows of a video the same: frame / frames is the place in time,
                equal in re-encoded copies
    face        0, 1, …, the largest box first; null: no face
    angry, disgust, fear, happy, sad, surprise, neutral    scores, 0..1
    x, y, w, h  the box, in pixels of that file
    confidence  of the detector; each detector has its own scale

The file's metadata: the format, the source in one line for people, and the settings that made it, as JSON. Files of the
format before this one have a column `valid` too, a mask that is 125 where there is a face and 0 where there is none.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.emotions import EMOTIONS
from bench.errors import BenchError, first_line
from bench.utils.files import replacing, sha256

if TYPE_CHECKING:  # pyarrow takes 0.1 s to import
    import pyarrow

FORMAT = "bench faces 2"
MOST_ROWS = 50_000_000  # of a table that is read: columns that repeat one value take hardly any room in a file
FORMAT_WITH_VALID = "bench faces 1"  # still read
VALID = 125  # the only mask that its column may have: bit i is set if EMOTIONS[i] is EXPRESSED
EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's order
BOX = ("x", "y", "w", "h")
FACE_COLUMNS = ("video", "frame", "frames", "face", *EXPRESSIONS, *BOX, "confidence")
POOLINGS = ("largest", "mean", "max")

# Neutral names no emotion: a neutral face is seen and has zeros. Trust and anticipation have no face of their own.
EMOTION_OF = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "joy",
    "sad": "sadness",
    "surprise": "surprise",
}
EXPRESSED = tuple(emotion for emotion in EMOTIONS if emotion in EMOTION_OF.values())  # those that a face can show
IS_EXPRESSED = np.array([emotion in EXPRESSED for emotion in EMOTIONS], np.bool_)  # (8,)


def to_emotions(scores: ArrayLike) -> NDArray[np.float32]:
    """Scores of EXPRESSIONS (…, 7) as scores of EMOTIONS (…, 8) by name; trust and anticipation are 0."""
    given = np.asarray(scores, np.float32)
    emotions = np.zeros((*given.shape[:-1], len(EMOTIONS)), np.float32)
    for expression, emotion in EMOTION_OF.items():
        emotions[..., EMOTIONS.index(emotion)] = given[..., EXPRESSIONS.index(expression)]
    return emotions


class Faces:
    """The faces of a table, ready to be asked for by video and place in time.

    source: what made them, for people ("simulated" where nothing looked at a frame). sha256: of the file. videos: stems
    of all that were looked at, with or without a face.
    """

    def __init__(self, table: "pyarrow.Table", source: str, sha256: str) -> None:
        self.source, self.sha256 = source, sha256
        names, videos = np.unique(np.asarray(table["video"].to_pylist(), dtype=str), return_inverse=True)
        self.videos = frozenset(names.tolist())
        frame, total = (table[name].to_numpy() for name in ("frame", "frames"))
        face = table["face"].fill_null(-1).to_numpy()
        # One entry a looked-at frame, by video and then by place in time; `entry` says which one a row belongs to.
        looked, entry = np.unique(np.stack([videos, frame, total], axis=1), axis=0, return_inverse=True)
        entry = entry.reshape(-1)
        rows = np.flatnonzero(face >= 0)
        scores = to_emotions(np.stack([table[name].to_numpy()[rows] for name in EXPRESSIONS], axis=1))
        of = entry[rows]
        count = np.bincount(of, minlength=len(looked))
        pooled = {name: np.zeros((len(looked), len(EMOTIONS)), np.float32) for name in POOLINGS}
        pooled["largest"][of[face[rows] == 0]] = scores[face[rows] == 0]
        np.add.at(pooled["mean"], of, scores / count[of, None])
        np.maximum.at(pooled["max"], of, scores)
        self._seen, self._pooled = count > 0, pooled
        self._looked = places = looked[:, 1] / looked[:, 2]
        starts = np.searchsorted(looked[:, 0], np.arange(len(names) + 1))
        # Per video: its first entry, and the middles between its entries; up to a middle the earlier one is nearest.
        self._places = {
            str(name): (int(start), (places[start + 1 : stop] + places[start : stop - 1]) / 2)
            for name, start, stop in zip(names, starts[:-1], starts[1:], strict=True)
        }

    def positions(self, video: str) -> NDArray[np.float64]:
        """Where in a video it was looked: (T,) frame index / number of frames, ascending. BenchError as in `pooled`."""
        start, middles = self._place(video)
        return self._looked[start : start + len(middles) + 1]

    def pooled(self, video: str, positions: ArrayLike, pooling: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Emotion scores (T, 8) of the looked-at frames nearest to `positions`, and whether a face is seen (T,).

        positions: (T,) frame index / number of frames, so that a copy with another frame rate asks for the same. Where
        two looked-at frames are as near, the earlier answers. pooling: of a frame with several faces, the scores of the
        "largest" box, or per emotion the "mean" or the "max" over all faces. A frame without a face is False and zeros.
        BenchError: the video was not looked at.
        """
        start, middles = self._place(video)
        nearest = np.searchsorted(middles, positions) + start
        return self._pooled[pooling][nearest], self._seen[nearest]

    def _place(self, video: str) -> tuple[int, NDArray[np.float64]]:
        if video not in self._places:
            raise BenchError(
                f"{video} is not in the face scores ({self.source}; {len(self.videos)} videos). "
                "Make them for all videos: bench faces"
            )
        return self._places[video]


def read_faces(path: Path, mend: str = "Make it with: bench faces --out FILE") -> Faces:
    """The faces of a table. BenchError with `mend`: no such file, another format, or impossible values."""
    table, source, _ = read_table(path, mend)
    return Faces(table, source, sha256(path))


def read_table(path: Path, mend: str) -> tuple["pyarrow.Table", str, dict[str, Any]]:
    """The table as written, its source, and the settings that made it. BenchError as in `read_faces`."""
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise BenchError(f"there are no face scores at {path}. {mend}")
    try:
        if (rows := parquet.read_metadata(path).num_rows) > MOST_ROWS:
            raise BenchError(f"{path} has {rows} rows; at most {MOST_ROWS} are read. {mend}")
        table = parquet.read_table(path)
        about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        settings = json.loads(about.get("settings", "{}"))
    except (pyarrow.ArrowException, OSError, ValueError, RecursionError) as error:
        raise BenchError(f"{path} cannot be read as parquet ({first_line(error)}). {mend}") from None
    format = about.get("format", "unknown")
    if format not in (FORMAT, FORMAT_WITH_VALID) or not {"source", "settings"} <= about.keys():
        raise BenchError(f"{path} has the format '{format}', not '{FORMAT}'. {mend}")
    wrong = ""
    if format == FORMAT_WITH_VALID:
        table, wrong = _without_valid(table)
    if not isinstance(settings, dict):
        wrong = "its settings are not a JSON object"
    if wrong := wrong or _wrong(table):
        raise BenchError(f"{path}: {wrong}. {mend}")
    return table, about["source"], settings


def write_faces(columns: Mapping[str, Sequence[Any]], path: Path, source: str, settings: Mapping[str, Any]) -> None:
    """Writes rows as parquet, whole or not at all.

    columns: FACE_COLUMNS, with None where there is no face. settings: what is needed to make the same again, anything
    that JSON holds. BenchError: impossible values, such as scores beyond 0..1.
    """
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(dict(columns), schema=_schema())
    if wrong := _wrong(table):
        raise BenchError(f"{path} was not written: {wrong}")
    about = {"format": FORMAT, "source": source, "settings": json.dumps(settings)}
    with replacing(path) as temporary:
        parquet.write_table(table.replace_schema_metadata(about), temporary)


def _schema() -> "pyarrow.Schema":
    import pyarrow

    kinds = {"video": pyarrow.string(), "face": pyarrow.int16()}
    kinds |= dict.fromkeys(("frame", "frames", *BOX), pyarrow.int32())
    kinds |= dict.fromkeys((*EXPRESSIONS, "confidence"), pyarrow.float32())
    return pyarrow.schema([(name, kinds[name]) for name in FACE_COLUMNS])


def _without_valid(table: "pyarrow.Table") -> tuple["pyarrow.Table", str]:
    """A table of the older format in the form of this one, and what is wrong with its mask, or an empty text."""
    if "valid" not in table.column_names:
        return table, "it has no column 'valid'"
    expected = np.where(table["face"].is_null().to_numpy(), 0, VALID) if "face" in table.column_names else VALID
    wrong = f"'valid' is not {VALID} where there is a face, or not 0 where there is none; no other mask can be read"
    same = table["valid"].null_count == 0 and (table["valid"].to_numpy() == expected).all()
    return table.drop_columns(["valid"]), "" if same else wrong


def _wrong(table: "pyarrow.Table") -> str:
    """The first impossible thing in a table, or an empty text."""
    import pyarrow.compute as pc

    if not table.schema.equals(_schema()):
        found = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        return f"its columns are {found}"
    if any(table[name].null_count for name in ("video", "frame", "frames")):
        return "a row without video, frame or frames"
    frame, total = table["frame"].to_numpy(), table["frames"].to_numpy()
    if ((frame < 0) | (frame >= total)).any():
        return "a frame outside of its video's frames"
    missing = table["face"].is_null().to_numpy()
    for name in (*EXPRESSIONS, *BOX, "confidence"):
        if (table[name].is_null().to_numpy() != missing).any():
            return f"'{name}' is null in a row with a face, or has a value in a row without one"
    videos = table.group_by("video").aggregate([("frames", "min"), ("frames", "max")])
    if (videos["frames_min"].to_numpy() != videos["frames_max"].to_numpy()).any():
        return "a video whose rows differ in 'frames'"
    looked = table.group_by(["video", "frame"]).aggregate(
        [("face", "min"), ("face", "max"), ("face", "count_distinct"), ([], "count_all")]
    )
    first, last = (looked[name].fill_null(0).to_numpy() for name in ("face_min", "face_max"))
    rows, faces = looked["count_all"].to_numpy(), looked["face_count_distinct"].to_numpy()  # nulls are not counted
    if ((first != 0) | (last != rows - 1) | (np.maximum(faces, 1) != rows)).any():
        return "a frame whose faces are not numbered 0, 1, … once each, or that has both faces and a row without one"
    for name in EXPRESSIONS:
        scores = pc.drop_null(table[name]).to_numpy()
        if not ((scores >= 0) & (scores <= 1)).all():  # NaN is not
            return f"a score of '{name}' that is not in 0..1"
    if not np.isfinite(pc.drop_null(table["confidence"]).to_numpy()).all():
        return "a 'confidence' that is not a finite number"
    return ""
