"""What the commands share: the application, the types of their settings, and how libraries are kept quiet."""

import logging
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bench import __version__
from bench.commands.help_pages import HelpPages, examples
from bench.engine.settings import fill_in
from bench.errors import UsageError
from bench.utils.device import ABOUT
from bench.utils.shards import Shard

Flag = Annotated[bool, Parameter(negative="")]
Json = Annotated[bool, Parameter(name="--json", negative="")]
Plugins = Annotated[
    list[Path],
    Parameter(name="--plugin", negative="", help="A file with code of your own: variants, datasets, metrics, figures."),
]
Force = Annotated[
    bool, Parameter(name="--force", negative="", help="Replace an existing file even if it is of another kind.")
]
Results = Annotated[Path, Parameter(name="--results", help="The folder of run records.")]
Only = Annotated[
    list[str],
    Parameter(
        negative="",
        help="Only these: a variant, a run's id, or a part of the protocol such as batches:twins; * stands for any "
        "letters. Comparisons keep the baseline.",
    ),
]
Exclude = Annotated[list[str], Parameter(negative="", help="Leave these out; named as for --only.")]
Device = Annotated[str, Parameter(name="--device", help=ABOUT)]
ShardOf = Annotated[
    str | None,
    Parameter(
        name="--shard",
        help="Do one of n shards of the work, 1/n to n/n, in any order, in parallel, or again; see docs/cluster.md.",
    ),
]
Merge = Annotated[
    bool, Parameter(name="--merge", negative="", help="Check that all shards are done and put their results together.")
]
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
    help_formatter=HelpPages(),
    help_epilogue=examples("bench run --variant additive_text", "bench compare", "bench COMMAND --help"),
    suppress_keyboard_interrupt=False,  # `bench.cli.main` answers it
    result_action="return_value",
)
data = App(
    name="data",
    help="Download, prepare or compress a dataset.",
    help_epilogue=examples("bench data prepare msrvtt --root DIR", "bench data compress --root DIR"),
)
lists = App(
    name="list",
    help="List variants, datasets, metrics and other choices, and the runs that were made.",
    help_epilogue=examples("bench list variants", "bench list runs"),
)
app.command(data)
app.command(lists)


def load_plugins(paths: Sequence[Path]) -> None:
    """What these files register, beside what is built in and installed."""
    from bench.model.variant_registry import load_plugin

    for path in paths:
        load_plugin(path)


def shard_of(shard: str | None, merge: bool) -> Shard | None:
    """The shard that --shard names. UsageError: it is none, or --merge is there too."""
    if shard is not None and merge:
        raise UsageError("--shard does one shard of the work, --merge puts all together. Give one of them.")
    return Shard.parse(shard) if shard is not None else None


def quiet() -> None:
    """Libraries that chat on stderr keep to errors."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns when processes that decode clips are forked
    for name in ("huggingface_hub", "httpx", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)


def next_steps(*commands: str, results: Path = RESULTS) -> None:
    """Says on stderr what to type next, after what stdout got. results: the folder that the commands have to name."""
    sys.stdout.flush()
    said = f" --results {shlex.quote(str(results))}" if results != RESULTS else ""
    print("Next:", "\n      ".join(command + said for command in commands), file=sys.stderr)


def next_after_shard(shard: Shard) -> None:
    """Says on stderr what follows when all shards are done."""
    next_steps(f"the same with --merge in place of --shard {shard}, once all {shard.total} shards are done")
