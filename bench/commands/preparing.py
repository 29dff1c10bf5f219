"""Getting data ready: data prepare, download, compress; emotions, faces."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.commands import (
    Device,
    Flag,
    Force,
    Json,
    Merge,
    Plugins,
    ShardOf,
    answers,
    app,
    data,
    load_plugins,
    next_after_shard,
    next_steps,
    shard_of,
    source_render,
)
from bench.commands.help_pages import examples
from bench.config import Whole, WholeOrNone
from bench.errors import UsageError
from bench.utils.device import AUTO
from bench.utils.shards import Shard
from bench.utils.text import counted

if TYPE_CHECKING:
    from bench.emotions.sources import EmotionSource


@data.command(
    help_epilogue=examples(
        "bench data prepare msrvtt --root DIR", "bench data prepare moodclips", "bench data prepare DIR"
    )
)
def prepare(
    dataset: str,
    *,
    root: Path | None = None,
    name: str | None = None,
    test_share: float | None = None,
    seed: WholeOrNone = None,
    plugin: Plugins = [],  # noqa: B006
) -> None:
    """Write a dataset's normalized annotations; if it is a generated dataset, generate it.

    Parameters
    ----------
    dataset
        A dataset's name; or a folder of yours with videos and a metadata.csv (or .jsonl, .parquet) of the columns
        file_name and text, a line for each caption, and, if you have them: split, emotion, video_id, start, end.
    root
        The folder with the annotation files as they were downloaded, zipped or not; or where to generate the dataset.
    name
        What to call the folder's dataset; the folder's name if not given.
    test_share
        The share of the folder's files that is drawn for the test split if the table has no column split; 0.2 if not
        given. 1: only evaluation.
    seed
        The seed of that draw; 0 if not given.
    """
    from bench.data import importers

    load_plugins(plugin)
    if importers.is_folder(dataset):
        from bench.data.own_folder import prepare_folder

        if root is not None:
            raise UsageError(f"{dataset} is a folder, so it takes no --root. Leave out --root {root}.")
        print(prepare_folder(Path(dataset), name, test_share, seed))
        return
    if (name, test_share, seed) != (None, None, None):
        raise UsageError(
            f"--name, --test-share and --seed are only for a folder of your own, and {dataset} is not one."
        )
    print(importers.prepare(dataset, root))
    where = f" --root {root}" if root else ""
    next_steps(f"bench doctor --dataset {dataset}{where}", f"bench run --dataset {dataset}{where}")


@data.command(help_epilogue=examples("bench data download msrvtt --root DIR"))
def download(dataset: str, *, root: Path, plugin: Plugins = []) -> None:  # noqa: B006
    """Download a dataset from the address in its card; repeat the command to resume.

    Parameters
    ----------
    dataset
        A dataset's name; see `bench list datasets`.
    root
        The folder to download to.
    """
    from bench.data import importers

    load_plugins(plugin)
    print(importers.download(dataset, root))
    next_steps(f"bench data prepare {dataset} --root {root}")


@data.command(help_epilogue=examples("bench data compress --root DIR"))
def compress(*, root: Path, workers: WholeOrNone = None, shard: ShardOf = None, merge: Merge = False) -> None:
    """Make small copies of the videos under a folder: 6 frames a second, shorter side 224, each frame a JPEG.

    Parameters
    ----------
    root
        The folder; copies go to videos-6fps-jpeg in it.
    workers
        Processes; one a core if not given.
    """
    from bench.data.compress import compress as compress_all

    part = shard_of(shard, merge)
    summary = compress_all(root, workers=workers, shard=part, merge=merge)
    print(answers.compressed(summary))
    if summary.broken:
        raise SystemExit(1)
    if part:
        next_after_shard(part)
    else:
        next_steps(f"bench doctor --root {root}")


@app.command(
    help_epilogue=examples(
        'bench emotions "Happy smiling people"',
        "bench emotions --file captions.txt --json",
        "bench emotions --file captions.txt --source classifier:DIR --out labels.jsonl",
    )
)
def emotions(
    text: str | None = None,
    /,
    *,
    file: Path | None = None,
    source: str = "nrc",
    against: str | None = None,
    label_map: Path | None = None,
    missing_labels: Literal["stop", "zero"] = "stop",
    lowercase: Flag = False,
    out: Path | None = None,
    force: Force = False,
    shard: ShardOf = None,
    merge: Merge = False,
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    json_output: Json = False,
) -> None:
    """Show the emotions of a caption, and which words carry them; or how far two sources agree.

    Parameters
    ----------
    text
        A caption; with --against a text file with one caption a line.
    file
        A text file with one caption a line, in place of TEXT.
    source
        How emotions are found; see `bench list emotion-sources`. Words and filter are shown for nrc only.
    against
        Another source, to show how often each names an emotion, how far they agree, and where they differ most.
    label_map
        For classifier:NAME_OR_DIR, the YAML file that maps its labels to the eight emotions.
    missing_labels
        For file:LABELS.jsonl, what to do with captions that it does not list; zero: they name no emotion.
    lowercase
        Lower-case the caption first. As published, capitals count.
    out
        With --file: write a file of labels, which runs read by --emotion-source file:LABELS.jsonl.
    json_output
        Print JSON instead of text.
    """
    from bench.emotions import EMOTIONS
    from bench.emotions.quotes import plain_quotes
    from bench.emotions.scores import explain, read_captions
    from bench.emotions.sources import SourceOptions, check_options, find_source
    from bench.metrics.source_agreement import agreement

    load_plugins(plugin)
    options = SourceOptions(label_map, missing_labels, device)
    check_options([source, *([against] if against else [])], options)
    part = shard_of(shard, merge)
    if out is not None:
        if file is None or text is not None or against or lowercase or json_output:
            raise UsageError("--out needs --file with captions, and excludes TEXT, --against, --lowercase and --json.")
        _label(read_captions(file), find_source(source, options), out, part, merge, force)
        return
    if part or merge:
        raise UsageError("--shard and --merge need a file to write: --out LABELS.jsonl")
    if against and text is not None and not file:
        file, text = Path(text), None
    if (text is None) == (file is None):
        raise UsageError('give one text or one file: bench emotions "Happy smiling people", or --file captions.txt')
    if text is not None and not text.strip():
        raise UsageError('the text is empty. Give it some words: bench emotions "Happy smiling people"')
    captions = read_captions(file) if file else [str(text)]
    if against:
        if not captions or lowercase:
            raise UsageError("--against needs a file with captions, one a line, not --lowercase: take nrc-lower.")
        both = agreement(captions, find_source(source, options), find_source(against, options))
        print(json.dumps(both.as_json(), indent=1, ensure_ascii=False) if json_output else source_render.compared(both))
        return
    typed = [plain_quotes(caption) for caption in captions]
    if source == "nrc":
        asked = zip(captions, typed, strict=True)
        explained = [replace(explain(words, lowercase=lowercase), text=caption) for caption, words in asked]
        found, shown = [one.as_json() for one in explained], [answers.explanation(one) for one in explained]
    else:
        asked_source = find_source(source, options)
        typed = typed if asked_source.unknown else captions  # what looks no words up knows captions as they stand
        typed = [words.lower() for words in typed] if lowercase else typed
        scored = [dict(zip(EMOTIONS, row, strict=True)) for row in asked_source.scores(typed).tolist()]
        found, shown = [], []
        for caption, words, row in zip(captions, typed, scored, strict=True):
            unknown = asked_source.unknown(words) if asked_source.unknown else None
            found.append({"text": caption, "source": source, "version": asked_source.version, "scores": row})
            found[-1] |= {"threshold": asked_source.threshold} | ({} if unknown is None else {"unknown": unknown})
            shown.append(source_render.scored(caption, row, asked_source.threshold, unknown or []))
    print(json.dumps(found, indent=1, ensure_ascii=False) if json_output else "\n\n".join(shown))
    if not json_output:
        next_steps("bench run --variant film_text, which reads these emotions", "bench list emotion-sources")


def _label(
    captions: list[str], source: "EmotionSource", out: Path, part: Shard | None, merge: bool, force: bool
) -> None:
    """Writes a file of labels, or the part of a shard."""
    from bench.emotions.labelling import label
    from bench.emotions.labelling import merge as merge_parts

    done = merge_parts(captions, source, out, force=force) if merge else label(captions, source, out, part, force=force)
    print(
        f"{counted(done.captions, 'different caption')}, {done.named} of them with an emotion",
        done.out,
        sep="\n",
    )
    if part:
        next_after_shard(part)
    else:
        next_steps(f"bench run --variant film_text --emotion-source file:{done.out}")


@app.command(
    help_epilogue=examples(
        "bench faces --videos DIR --backend deepface --out faces.parquet",
        "bench faces --dataset msrvtt --root DIR --backend onnx --model classifier.yaml",
    )
)
def faces(
    *,
    backend: str,
    videos: Path | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    force: Force = False,
    frames: Whole = 12,
    workers: WholeOrNone = None,
    model: Path | None = None,
    detector: str | None = None,
    engine: Literal["onnx", "pytorch", "tensorflow"] | None = None,
    weights: Path | None = None,
    shard: ShardOf = None,
    merge: Merge = False,
    plugin: Plugins = [],  # noqa: B006
) -> None:
    """Find faces in clips and score their expressions; repeat the command to resume.

    Parameters
    ----------
    backend
        What finds and scores faces: deepface, onnx (any classifier that a YAML file describes), sidecar (scores in our
        format), or a plugin's; see `bench list face-backends`.
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
        deepface: what runs its classifier; by default the first that is installed.
    weights
        deepface: the folder that holds .deepface/weights, $DEEPFACE_HOME or the home folder if not given.
    """
    from bench.face_detection.scan import scan

    part = shard_of(shard, merge)
    load_plugins(plugin)
    asked = {"model": model, "detector": detector, "engine": engine, "weights": weights}
    settings = {name: value for name, value in asked.items() if value is not None}
    summary = scan(
        backend,
        settings,
        videos=videos,
        dataset=dataset,
        root=root,
        out=out,
        frames=frames,
        workers=workers,
        force=force,
        shard=part,
        merge=merge,
    )
    print(answers.faces(summary))
    if summary.broken:
        raise SystemExit(1)
    if part:
        next_after_shard(part)
    else:
        next_steps(f"bench run --variant face_tokens --faces.file {summary.out}")
