"""A folder of one's own: index, search, demo."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bench.commands import (
    RESULTS,
    Device,
    Flag,
    Json,
    Merge,
    Plugins,
    Results,
    ShardOf,
    app,
    load_plugins,
    next_after_shard,
    next_steps,
    quiet,
    shard_of,
)
from bench.commands.help_pages import examples
from bench.config import Whole, WholeOrNone
from bench.errors import UsageError
from bench.utils.device import AUTO
from bench.utils.text import wrapped


@Parameter(name="*")
@dataclass(frozen=True)
class EncoderChoice:
    """What encodes clips and queries.

    Parameters
    ----------
    run
        A run by its id. Without --run and --model: the model of the index, or else the latest run.
    model
        clip:DIR_OR_NAME, a plain CLIP, or hf:DIR_OR_NAME, any dual encoder of Hugging Face, which need no training;
        or clip-vip:FILE, a published checkpoint.
    tokenizer
        clip-vip: CLIP's tokenizer, a Hugging Face name, a folder, or bpe_simple_vocab_16e6.txt.gz.
    """

    run: str | None = None
    model: str | None = None
    tokenizer: str | None = None

    @property
    def name(self) -> str:
        """The model that --run or --model names, or none."""
        if self.run and self.model:
            raise UsageError("name one model: --run ID, or --model.")
        return f"run:{self.run}" if self.run else self.model or ""


LATEST = EncoderChoice()


@app.command(help_epilogue=examples("bench index DIR --model clip:FOLDER", "bench index DIR --run RUN"))
def index(
    folder: Path,
    /,
    *,
    encoder: EncoderChoice = LATEST,
    window: float | None = None,
    faces: str | None = None,
    faces_model: Path | None = None,
    faces_detector: str | None = None,
    faces_engine: Literal["onnx", "pytorch", "tensorflow"] | None = None,
    faces_weights: Path | None = None,
    replace: Flag = False,
    workers: WholeOrNone = None,
    shard: ShardOf = None,
    merge: Merge = False,
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Index a folder of videos for `bench search`; repeat it to update only what is new, changed or gone.

    Parameters
    ----------
    folder
        The folder; its videos are found at any depth.
    window
        Seconds of a moment, 10 if not given; longer videos are split into windows that overlap by half.
    faces
        A backend of `bench faces`, for `--filter` and for runs that need faces: deepface, onnx or sidecar.
    faces_model
        onnx: the YAML file; sidecar: the parquet file.
    faces_detector
        deepface: its face detector.
    faces_engine
        deepface: what runs its classifier.
    faces_weights
        deepface: the folder that holds .deepface/weights.
    replace
        Replace an index that was made with other settings.
    workers
        Processes that read videos; one a core if not given.
    """
    quiet()
    part = shard_of(shard, merge)
    next_search = f'bench search "happy smiling people" --videos {folder}'
    from bench.search import answer_render

    if merge:
        from bench.search.merging import merge as merge_parts

        store, summary = merge_parts(folder, replace)
        print(*answer_render.changes(summary), answer_render.work(summary), store.path, sep="\n")
        next_steps(next_search, f"bench demo {folder}", results=results)
        return
    from bench.search.searcher import Choice, open_folder

    load_plugins(plugin)
    paths = {"model": faces_model, "weights": faces_weights}
    settings = {name: str(path.resolve()) for name, path in paths.items() if path}
    settings |= {name: word for name, word in (("detector", faces_detector), ("engine", faces_engine)) if word}
    choice = Choice(encoder.name, encoder.tokenizer or "", window, faces or "", settings, replace, device)
    searcher = open_folder(folder, results, choice, retry=True, shard=part, workers=workers)
    print(*answer_render.changes(searcher.summary), *wrapped(searcher.encoder.described.about), sep="\n")
    print(answer_render.work(searcher.summary))
    print(searcher.store.path)
    if part:
        next_after_shard(part)
    else:
        next_steps(next_search, f"bench demo {folder}", results=results)


@app.command(
    help_epilogue=examples(
        'bench search "happy smiling people" --videos DIR', "bench search dancing --videos DIR -k 10 --filter joy"
    )
)
def search(
    query: str,
    /,
    *,
    videos: Path,
    k: Annotated[Whole, Parameter(name=["-k", "--k"])] = 5,
    filter: str | None = None,
    encoder: EncoderChoice = LATEST,
    backend: str = "numpy",
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    json_output: Json = False,
) -> None:
    """Find the moments of a folder's videos that a sentence describes, best first; indexes what is not indexed yet.

    Parameters
    ----------
    query
        What you look for, e.g. "happy smiling people".
    videos
        The folder.
    k
        How many moments.
    filter
        Only moments whose faces show this emotion: joy, fear, surprise, sadness, disgust or anger.
    backend
        What searches the features: numpy; faiss, lance or qdrant, extras of the same name; or a plugin's. See
        docs/search.md.
    json_output
        Print JSON.
    """
    quiet()
    from bench.search import answer_render
    from bench.search.searcher import Choice, check_query, open_folder

    load_plugins(plugin)
    check_query(query, k)  # before any work
    choice = Choice(encoder.name, encoder.tokenizer or "", device=device)
    searcher = open_folder(videos, results, choice, backend=backend, emotion=filter or "")
    found = searcher.ask(query, k, filter or "")
    for line in answer_render.changes(searcher.summary):
        print(line, file=sys.stderr)
    if searcher.summary.windows:
        print(answer_render.work(searcher.summary), file=sys.stderr)
    print(json.dumps(found.as_json(), indent=1) if json_output else answer_render.answer(found))
    if not json_output:
        next_steps(f"bench demo {videos}", "other words, -k 10, --filter joy", results=results)


@app.command(help_epilogue=examples("bench demo DIR", "bench demo DIR --run RUN --compare RUN"))
def demo(
    folder: Path,
    /,
    *,
    encoder: EncoderChoice = LATEST,
    compare: str | None = None,
    host: str = "127.0.0.1",
    port: Whole = 8000,
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Search a folder's videos in the browser; indexes what is not indexed yet. Needs the extra demo.

    Parameters
    ----------
    folder
        The folder with the videos.
    compare
        A second model for the same queries: the id of a run, or a model as for --model.
    host
        The address to serve at; the default serves only this machine.
    port
        The port; 0 takes any that is free.
    """
    quiet()
    from bench.demo.server import serve
    from bench.search.searcher import Choice

    load_plugins(plugin)
    choice = Choice(encoder.name, encoder.tokenizer or "", device=device)
    serve(folder, results, choice, compare or "", host, port)
