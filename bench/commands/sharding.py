"""Bulk work on many machines: ray."""

import inspect
import sys
from typing import Annotated

from cyclopts import Parameter

from bench.commands import app
from bench.commands.help_pages import examples
from bench.config import Whole
from bench.errors import UsageError
from bench.utils.progress import progress


@app.command(
    help_epilogue=examples(
        "bench ray 8 -- data compress --root DIR",
        "bench ray 64 --cpus 4 -- faces --dataset msrvtt --root DIR --backend deepface",
        "bench ray 16 --cpus 8 --gpus 1 -- index DIR --model clip:FOLDER",
    )
)
def ray(
    shards: Whole,
    /,
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    cpus: Whole = 1,
    gpus: Whole = 0,
) -> None:
    """Do a bulk command's work as shards on a Ray cluster, then merge them. Needs the extra ray.

    Repeat the command to resume. RAY_ADDRESS names the cluster; if it is not set,
    the cluster of this machine is used, or started. See docs/cluster.md.

    Parameters
    ----------
    shards
        How many shards. With a few for each worker of the cluster, none waits long for the last.
    command
        The command, after --: data compress, faces, index, or emotions with --out.
    cpus
        Cores for each shard, which uses as many processes unless the command has --workers.
    gpus
        GPUs for each shard.
    """
    from bench.grid.ray_shards import run_on_ray

    if shards < 1:
        raise UsageError(f"bench ray takes a number of shards of at least 1, not {shards}.")
    takes = _parameters(command)
    if "shard" not in takes:
        raise UsageError(f"'{' '.join(command)}' cannot be done in shards. See bench ray --help.")
    if "workers" in takes and not any(word.partition("=")[0] == "--workers" for word in command):
        command = (*command, "--workers", str(max(cpus, 1)))
    outcomes = progress(run_on_ray(command, shards, cpus, gpus), total=shards, what="ray", unit="shard")
    failed = [outcome for outcome in outcomes if outcome.code]
    for outcome in failed:
        print(f"shard {outcome.shard} ended with exit code {outcome.code}: {outcome.said}", file=sys.stderr)
    app([*command, "--merge"], exit_on_error=False, print_error=False)  # it says what a failed shard left undone


def _parameters(command: tuple[str, ...]) -> set[str]:
    """The parameters of a command of bench; none for words that name no command."""
    *_, named = app.parse_commands(list(command))[1]
    return set(inspect.signature(named.default_command).parameters) if callable(named.default_command) else set()
