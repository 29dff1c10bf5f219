"""Getting data ready: data prepare, download, compress; emotions, faces."""

import json
from pathlib import Path
from typing import Literal

from bench.commands import Flag, Json, app, data, render
from bench.errors import UsageError


@data.command
def prepare(dataset: str, *, root: Path | None = None) -> None:
    """Write a dataset's normalized annotations; moodclips is rendered.

    Parameters
    ----------
    root
        The folder with the annotation files as they were downloaded, zipped or not. moodclips: where to render it.
    """
    from bench.data import importers

    print(importers.prepare(dataset, root))


@data.command
def download(dataset: str, *, root: Path) -> None:
    """Download a dataset from the address in its card; a broken download goes on where it stopped."""
    from bench.data import importers

    print(importers.download(dataset, root))


@data.command
def compress(*, root: Path, workers: int | None = None) -> None:
    """Re-encode the videos under a folder: 6 frames a second, shorter side 224, no sound."""
    from bench.data.compress import compress as compress_all

    summary = compress_all(root, workers=workers)
    print(render.compressed(summary))
    if summary.broken:
        raise SystemExit(1)


@app.command
def emotions(
    text: str | None = None,
    /,
    *,
    file: Path | None = None,
    lowercase: Flag = False,
    json_output: Json = False,
) -> None:
    """What emotion the words of a caption carry, and which words did it.

    Parameters
    ----------
    file
        A text file with one caption a line, in place of TEXT.
    lowercase
        Lower-case the words before the lexicon is asked; the report did not.
    """
    from bench.emotions.scores import explain, read_captions

    if (text is None) == (file is None):
        raise UsageError('give one text or one file: bench emotions "Happy smiling people", or --file captions.txt')
    captions = read_captions(file) if file else [str(text)]
    explained = [explain(caption, lowercase=lowercase) for caption in captions]
    if json_output:
        print(json.dumps([one.as_json() for one in explained], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(render.explanation(one) for one in explained))


@app.command
def faces(
    *,
    backend: str,
    videos: Path | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    frames: int = 12,
    workers: int | None = None,
    model: Path | None = None,
    detector: str | None = None,
    engine: Literal["onnx", "pytorch", "tensorflow"] | None = None,
    weights: Path | None = None,
) -> None:
    """Find faces in clips and score their expressions; the same words again go on, or say that it is done.

    Parameters
    ----------
    backend
        What looks: deepface, onnx (any classifier that a YAML file describes) or sidecar (scores in our format).
    videos
        A folder of clips; pictures in it count as clips of one frame.
    dataset
        A dataset's clips, in place of --videos.
    root
        The folder of the dataset.
    out
        The parquet file to write; for a dataset its folder's faces.parquet if not given.
    frames
        How many frames of each clip, spread as in an evaluation.
    workers
        Processes; one a core if not given.
    model
        onnx: the YAML file; sidecar: the parquet file.
    detector
        deepface: its face detector, opencv if not given.
    engine
        deepface: what runs its classifier, the first that is installed if not given.
    weights
        deepface: the folder that holds .deepface/weights, $DEEPFACE_HOME or the home folder if not given.
    """
    from bench.face_detection.scan import scan

    asked = {"model": model, "detector": detector, "engine": engine, "weights": weights}
    settings = {name: value for name, value in asked.items() if value is not None}
    summary = scan(
        backend, settings, videos=videos, dataset=dataset, root=root, out=out, frames=frames, workers=workers
    )
    print(render.faces(summary))
    if summary.broken:
        raise SystemExit(1)
