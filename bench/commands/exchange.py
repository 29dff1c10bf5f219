"""Scores of other programs, and for other programs: score, export."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bench.commands import RESULTS, Force, Json, Plugins, Results, app, load_plugins, next_steps, quiet
from bench.commands.help_pages import examples
from bench.config import RunConfig, Whole


@app.command(
    help_epilogue=examples(
        "bench score --dataset msrvtt --root DIR --similarity sims.npy --name MyModel",
        "bench score --text text.npy --video video.npy --name MyModel",
    )
)
def score(
    *,
    similarity: Path | None = None,
    text: Path | None = None,
    video: Path | None = None,
    dataset: str = RunConfig.dataset,
    test: str = "",
    root: Path | None = None,
    name: str = "external",
    query_ids: Path | None = None,
    video_ids: Path | None = None,
    normalize: Annotated[bool, Parameter(negative="--no-normalize")] = True,
    train: str = "unknown",
    post: str = "none",
    positives: Literal["own", "equal"] = "own",
    seed: Whole = RunConfig.seed,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    json_output: Json = False,
) -> None:
    """Evaluate any model from its scores or features, and write a record that compare and report read like a run's.

    Files are .npy, .npz, .safetensors or .pt; nothing in them is executed. `bench export --dataset NAME` writes the
    queries and videos of a test split in their order.

    Parameters
    ----------
    similarity
        The scores: a row for each query, a column for each video, higher is better.
    text
        Instead of scores: features of the queries, a row each; with --video.
    video
        Features of the videos, a row each; with --text.
    dataset
        Which dataset; see `bench list datasets`.
    test
        The test split; the card's own if not given.
    root
        The dataset's folder with its annotations; no clip is needed. Generated datasets need none.
    name
        What the model is called in tables.
    query_ids
        A file with the query of each row, one id a line; without it rows are in the split's order. A .npz or .pt may
        hold query_ids itself.
    video_ids
        A file with the video of each column (of features: of each row), likewise.
    normalize
        The score of features is their cosine; with --no-normalize it is their dot product.
    train
        What the model was trained on, in a word, as you state it.
    post
        What was done to the scores, e.g. dsl, as you state it.
    positives
        Which answers are true: a query's own video; or also videos with an equal caption.
    seed
        The seed of the model's training; several seeds of one model are compared as one model.
    json_output
        Print the record instead of the table.
    """
    quiet()
    from bench.compare import render_record
    from bench.engine.external import score as score_it

    done = score_it(
        similarity,
        text=text,
        video=video,
        dataset=dataset,
        test=test,
        root=root,
        name=name,
        query_ids=query_ids,
        video_ids=video_ids,
        normalize=normalize,
        train=train,
        post=post,
        positives=positives,
        seed=seed,
        results=results,
        plugins=plugin,
    )
    if done.was_done:
        print("done before; remove the record to score it again", file=sys.stderr)
    print(done.path.read_text(encoding="utf-8") if json_output else render_record(done.record))
    print(done.path, file=sys.stderr if json_output else sys.stdout)
    if not json_output:
        next_steps("bench compare", f"bench show {done.record.run}", results=results)


@app.command(help_epilogue=examples("bench export RUN --format npz", "bench export --dataset msrvtt --root DIR"))
def export(
    run: str | None = None,
    /,
    *,
    dataset: str | None = None,
    test: str = "",
    root: Path | None = None,
    format: Literal["npy", "npz", "safetensors", "pt", "trec"] = "npy",
    out: Path | None = None,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    force: Force = False,
    json_output: Json = False,
) -> None:
    """Write a run's features, scores and ids for other programs; or the queries and videos of a test split.

    `bench score` of these files gives exactly the run's metrics, on the same machine.

    Parameters
    ----------
    run
        A run's id, or the path of its record, beside which its features must lie.
    dataset
        Instead of a run: a dataset; the queries and ids of its test split are written.
    test
        The test split of --dataset; the card's own if not given.
    root
        The folder of --dataset, with its annotations.
    format
        The format of the arrays; or trec: a run file and its qrels, for ir_measures, ranx or trec_eval.
    out
        The folder to write to; by default export/RUN, or export/DATASET-TEST.
    json_output
        Print the paths of the files as JSON, by what they hold.
    """
    quiet()
    from bench.engine.export_run import export_run, export_split
    from bench.errors import UsageError

    load_plugins(plugin)
    if (run is None) == (dataset is None):
        raise UsageError("export takes one of two: a run, by its id; or a test split, by --dataset NAME.")
    if run is not None:
        written = export_run(run, results, out, format, force)
    else:
        written = export_split(str(dataset), test, root, out, force)
    for note in written.notes:
        print(note, file=sys.stderr)
    if json_output:
        print(json.dumps({name: str(path) for name, path in written.files.items()}, indent=1))
    else:
        print(*written.files.values(), f"next: {written.next}", sep="\n")
