"""The command line: parse, call one function, print. Nothing heavy is imported before a command needs it.

Results go to stdout, progress to stderr. Exit 0: done. 1: the work failed. 2: the words were off. 130: Ctrl-C.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from . import __version__, screens
from .config import RunConfig
from .errors import BenchError, UsageError
from .settings import fill_in

Flag = Annotated[bool, Parameter(negative="")]
Plugins = Annotated[list[Path], Parameter(name="--plugin", negative="", help="A file with variants of your own.")]
Results = Annotated[Path, Parameter(name="--results", help="The folder of run records.")]
ConfigFile = Annotated[
    Path | None,
    Parameter(
        name="--config",
        help="A YAML file with any of these settings, nested like their names. The command line wins over it.",
    ),
]
RESULTS = Path("results")


app = App(
    name="bench",
    help="Does emotion help a model find the right video, and is the gain real?",
    version=__version__,
    config=[fill_in],
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # `main` answers it
    result_action="return_value",
)
data = App(name="data", help="Get a dataset ready.")
show = App(name="list", help="What there is to choose from.")
app.command(data)
app.command(show)


@app.command
def run(
    *,
    config: RunConfig = RunConfig(),  # noqa: B008, it is frozen
    config_file: ConfigFile = None,
    plugin: Plugins = [],  # noqa: B006, cyclopts shows it and nobody changes it
    results: Results = RESULTS,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Train a variant and score it; the same words again resume it, or say that it is done.

    The defaults below are MSR-VTT's recipe; a dataset's card overrides them: see `bench list datasets`.

    Parameters
    ----------
    json_output
        Print the record instead of the table.
    """
    _quiet()
    from . import registry
    from .compare import render_record
    from .run import run as run_it

    for path in plugin:
        registry.load_plugin(path)
    outcome = run_it(config, results)
    if outcome is None:  # not the main process
        return
    if outcome.was_done:
        print("done before; remove the record to run it again", file=sys.stderr)
    print(outcome.path.read_text(encoding="utf-8") if json_output else render_record(outcome.record))
    print(outcome.path, file=sys.stderr if json_output else sys.stdout)


@app.command
def grid(
    file: str,
    /,
    *,
    executor: Literal["local", "slurm"] = "local",
    dry_run: Flag = False,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Run every cell of a grid: variants × splits × seeds × controls. The same words again run what is not done.

    Parameters
    ----------
    file
        A grid file, see docs/grids.md; or the name of a shipped one: collapse, variants, controls.
    executor
        local: one run after another. slurm: a job for each; needs the extra `cluster`.
    dry_run
        List the cells and how far each is; run nothing.
    """
    _quiet()
    from . import grid_screens, registry
    from .executors import run_grid, submit
    from .grid import find_grid, plan, read_grid
    from .train import Interrupted

    for path in plugin:
        registry.load_plugin(path)
    read = read_grid(find_grid(file))
    cells = plan(read, results, plugin)
    if dry_run:
        print(grid_screens.listing(read, cells))
        return
    if executor == "slurm":
        print(grid_screens.submitted(submit(cells, read), cells, results))
        return
    outcomes = run_grid(cells)
    print(grid_screens.summary(outcomes, results))
    ends = {outcome.end for outcome in outcomes}
    if "stopped" in ends:
        raise Interrupted("stopped. The same command goes on from what was kept.")
    if ends - {"done", "was done"}:
        raise SystemExit(1)


@app.command
def compare(
    *,
    format: Literal["terminal", "markdown", "latex", "csv", "json"] = "terminal",
    subset: str = "emotion",
    baseline: str = "plain",
    allow_mixed: Flag = False,
    results: Results = RESULTS,
) -> None:
    """Set all records of one protocol side by side, and every variant against one baseline.

    Parameters
    ----------
    subset
        The queries of the second pair of columns; a dataset's card names its subsets.
    baseline
        A variant, or a run by its id, that the others are tested against.
    allow_mixed
        One table for all protocols, each row marked with what differs; nothing is tested across them.
    """
    from .compare import render
    from .results import load_all

    print(render(load_all(results), format, subset, baseline, allow_mixed))


@show.command
def variants(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The variants: mechanism, hyperparameters with their defaults, and what each needs."""
    from . import registry

    for path in plugin:
        registry.load_plugin(path)
    added = registry.added_at_b32()
    print("\n".join(screens.variant(entry, added[name]) for name, entry in registry.entries().items()))


@show.command
def datasets() -> None:
    """The datasets and their splits."""
    from .data import cards

    print("\n".join(screens.dataset(cards.load_card(name)) for name in cards.names()))


@show.command
def metrics() -> None:
    """The metrics and what they mean."""
    from .metrics.ranking import METRICS

    print("\n".join(screens.metric(name, meaning) for name, meaning in METRICS.items()))


@data.command
def prepare(dataset: str, *, root: Path | None = None) -> None:
    """Write a dataset's normalized annotations; moodclips is rendered.

    Parameters
    ----------
    root
        The folder with the annotation files as they were downloaded, zipped or not. moodclips: where to render it.
    """
    from .data import importers

    print(importers.prepare(dataset, root))


@data.command
def download(dataset: str, *, root: Path) -> None:
    """Download a dataset from the address in its card; a broken download goes on where it stopped."""
    from .data import importers

    print(importers.download(dataset, root))


@data.command
def compress(*, root: Path, workers: int | None = None) -> None:
    """Re-encode the videos under a folder: 6 frames a second, shorter side 224, no sound."""
    from .data.compress import compress as compress_all

    summary = compress_all(root, workers=workers)
    print(screens.compressed(summary))
    if summary.broken:
        raise SystemExit(1)


@app.command
def emotions(
    text: str | None = None,
    /,
    *,
    file: Path | None = None,
    lowercase: Flag = False,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """What emotion the words of a caption carry, and which words did it.

    Parameters
    ----------
    file
        A text file with one caption a line, in place of TEXT.
    lowercase
        Lower-case the words before the lexicon is asked; the report did not.
    """
    from .emotions import explain, read_captions

    if (text is None) == (file is None):
        raise UsageError('give one text or one file: bench emotions "Happy smiling people", or --file captions.txt')
    captions = read_captions(file) if file else [str(text)]
    explained = [explain(caption, lowercase=lowercase) for caption in captions]
    if json_output:
        print(json.dumps([one.as_json() for one in explained], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(screens.explanation(one) for one in explained))


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
    from .face_scan import scan

    asked = {"model": model, "detector": detector, "engine": engine, "weights": weights}
    settings = {name: value for name, value in asked.items() if value is not None}
    summary = scan(
        backend, settings, videos=videos, dataset=dataset, root=root, out=out, frames=frames, workers=workers
    )
    print(screens.faces(summary))
    if summary.broken:
        raise SystemExit(1)


@app.command
def index(
    folder: Path,
    /,
    *,
    run: str | None = None,
    model: str | None = None,
    tokenizer: str | None = None,
    window: float | None = None,
    faces: str | None = None,
    faces_model: Path | None = None,
    faces_detector: str | None = None,
    faces_engine: Literal["onnx", "pytorch", "tensorflow"] | None = None,
    faces_weights: Path | None = None,
    replace: Flag = False,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Index a folder of videos for `bench search`; the same words again touch only what is new, changed or gone.

    Parameters
    ----------
    folder
        The folder; its videos are found at any depth.
    run
        A run by its id. Without a model: the index's own, or else the latest run.
    model
        clip-vip:FILE, a published checkpoint; or clip:DIR_OR_NAME, a plain CLIP, which needs no training.
    tokenizer
        clip-vip: CLIP's tokenizer, a Hugging Face name, a folder, or bpe_simple_vocab_16e6.txt.gz.
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
        Put the index in place of one that was made with other settings.
    """
    _quiet()
    from . import registry, search_screens
    from .search import Choice, open_folder

    for path in plugin:
        registry.load_plugin(path)
    paths = {"model": faces_model, "weights": faces_weights}
    settings = {name: str(path.resolve()) for name, path in paths.items() if path}
    settings |= {name: word for name, word in (("detector", faces_detector), ("engine", faces_engine)) if word}
    choice = Choice(_model(run, model), tokenizer or "", window or 0.0, faces or "", settings, replace)
    searcher = open_folder(folder, results, choice, retry=True)
    print(*search_screens.changes(searcher.summary), searcher.encoder.described.about, sep="\n")
    print(search_screens.work(searcher.summary))
    print(searcher.store.path)


@app.command
def search(
    query: str,
    /,
    *,
    videos: Path,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 5,
    filter: str | None = None,
    run: str | None = None,
    model: str | None = None,
    tokenizer: str | None = None,
    backend: Literal["numpy", "faiss", "qdrant"] = "numpy",
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
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
    run
        A run by its id. Without a model: the index's own, or else the latest run.
    model
        clip-vip:FILE or clip:DIR_OR_NAME, as for `bench index`.
    tokenizer
        clip-vip: CLIP's tokenizer.
    backend
        What searches the features: numpy; faiss or qdrant, extras of the same name. See docs/search.md.
    json_output
        Print JSON.
    """
    _quiet()
    from . import registry, search_screens
    from .search import Choice, check_query, open_folder

    for path in plugin:
        registry.load_plugin(path)
    check_query(query, k)  # before any work
    searcher = open_folder(
        videos, results, Choice(_model(run, model), tokenizer or ""), backend=backend, emotion=filter or ""
    )
    found = searcher.ask(query, k, filter or "")
    print(*search_screens.changes(searcher.summary), sep="\n", end="", file=sys.stderr)
    if searcher.summary.windows:
        print(search_screens.work(searcher.summary), file=sys.stderr)
    print(json.dumps(found.as_json(), indent=1, ensure_ascii=False) if json_output else search_screens.answer(found))


def _model(run: str | None, model: str | None) -> str:
    """The model that --run or --model names, or none."""
    if run and model:
        raise UsageError("name one model: --run ID, or --model.")
    return f"run:{run}" if run else model or ""


@app.command
def doctor(
    *,
    config: RunConfig = RunConfig(),  # noqa: B008
    config_file: ConfigFile = None,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Say what is there and what is missing for a run with these settings, with the command that mends it.

    With --root and no --dataset the folder is taken for MSR-VTT.
    """
    _quiet()
    from . import registry
    from .doctor import examine

    for path in plugin:
        registry.load_plugin(path)
    failed = False
    for finding in examine(config, results):
        print(finding)
        failed |= finding.level == "fail"
    if failed:
        raise SystemExit(1)


def main(argv: list[str] | None = None) -> None:
    """The console script. One line on stderr for whatever goes wrong; a traceback only with --debug."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(str(error).strip().splitlines()[0] + " See --help.", 2, debug)
    except BenchError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("stopped. The same command goes on from what was kept.", 130, debug)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part), 1, debug)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        raise
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)  # over what is left of a progress bar
    print("bench:", *(line.strip() for line in message.splitlines()), file=sys.stderr)
    raise SystemExit(code)


def _quiet() -> None:
    """Libraries that chat on stderr keep to errors."""
    import logging
    import os

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns when processes that decode clips are forked
    for name in ("huggingface_hub", "httpx", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
