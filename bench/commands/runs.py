"""Training and scoring: run, grid, doctor."""

import sys
from typing import Literal

from bench.commands import RESULTS, ConfigFile, Flag, Json, Plugins, Results, app, load_plugins, next_steps, quiet
from bench.commands.help_pages import examples
from bench.config import RunConfig
from bench.utils.machine import cpu_times
from bench.utils.processes import is_main_process
from bench.utils.text import wrapped


@app.command(
    help_epilogue=examples(
        "bench run --variant additive_text",
        "bench run --variant additive_text --hp.init_std 0 --train.batches twins",
        "bench run --variant film_text --emotions shuffled",
        "bench run --plugin mine.py --variant any_emotion",
        "bench run --config mine.yaml --seed 43",
    )
)
def run(
    *,
    config: RunConfig = RunConfig(),  # noqa: B008, it is frozen
    config_file: ConfigFile = None,
    plugin: Plugins = [],  # noqa: B006, cyclopts shows it and nobody changes it
    results: Results = RESULTS,
    json_output: Json = False,
) -> None:
    """Train a variant and score it; repeat the command to resume, or to see that it is done.

    The defaults below hold for the default dataset; others have their own: see `bench list datasets`.

    Parameters
    ----------
    json_output
        Print the record instead of the table.
    """
    quiet()
    since = cpu_times()
    from bench.compare import SUBSET, render_record
    from bench.compare.chance import at_chance
    from bench.engine.run import run as run_it

    load_plugins(plugin)
    done = run_it(config, results, since)
    if not is_main_process():
        return
    if done.was_done:
        print("done before; remove the record to run it again", file=sys.stderr)
    if json_output:
        print(done.path.read_text(encoding="utf-8"))
        print(done.path, file=sys.stderr)
        return
    print(render_record(done.record))
    print(*(line for said in at_chance(done.record, SUBSET) for line in wrapped(said, 2, "")), sep="\n")
    print(done.path)
    next_steps("bench compare", f"bench show {done.record.run}", f"bench probe {done.record.run}", results=results)


@app.command(help_epilogue=examples("bench grid variants --dry-run", "bench grid mine.yaml --executor slurm"))
def grid(
    file: str,
    /,
    *,
    executor: Literal["local", "slurm"] = "local",
    dry_run: Flag = False,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Run every cell of a grid: variants × splits × seeds × controls. Repeat the command to run what is not done.

    Parameters
    ----------
    file
        A grid file, see docs/grids.md; or the name of a shipped one: collapse, variants, controls.
    executor
        local: one run after another. slurm: a job for each; needs the extra `cluster`.
    dry_run
        List the cells and how far each is; run nothing.
    """
    quiet()
    from bench.engine.train import Interrupted
    from bench.grid import grid_render
    from bench.grid.executors import run_grid, submit
    from bench.grid.plan import find_grid, plan, read_grid

    load_plugins(plugin)
    read = read_grid(find_grid(file))
    cells = plan(read, results, plugin)
    if dry_run:
        print(grid_render.listing(read, cells))
        next_steps(f"bench grid {file}", results=results)
        return
    if executor == "slurm":
        print(grid_render.submitted(submit(cells, read), cells, results))
        return
    outcomes = run_grid(cells)
    print(grid_render.summary(outcomes, results))
    ends = {outcome.end for outcome in outcomes}
    if "stopped" in ends:
        raise Interrupted("stopped. Repeat the command to resume.")
    if ends - {"done", "was done"}:
        raise SystemExit(1)


@app.command(help_epilogue=examples("bench doctor", "bench doctor --config mine.yaml"))
def doctor(
    *,
    config: RunConfig = RunConfig(),  # noqa: B008
    config_file: ConfigFile = None,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Check that all is there for a run with these settings; for what is missing, name the command that helps.

    With --root and without --dataset it finds out which dataset the folder holds.
    """
    quiet()
    from bench.engine.doctor import examine

    load_plugins(plugin)
    failed = False
    for finding in examine(config, results):
        print(finding)
        failed |= finding.level == "fail"
    if failed:
        raise SystemExit(1)
    next_steps("bench run, with the same settings")
