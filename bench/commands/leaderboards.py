"""Who is ahead: our runs, and the literature."""

import json
import sys
from pathlib import Path

from bench.commands import RESULTS, Flag, Force, Json, Plugins, Results, app, load_plugins, next_steps, quiet
from bench.commands.help_pages import examples


@app.command(
    help_epilogue=examples("bench leaderboard", "bench leaderboard --published --dataset msrvtt --html board.html")
)
def leaderboard(
    *,
    dataset: str | None = None,
    published: Flag = False,
    html: Path | None = None,
    force: Force = False,
    json_output: Json = False,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """List all runs of each protocol in order, with the range of places that each variant may have.

    Controls and oracles are left out. `bench compare` tests variants against a baseline.

    Parameters
    ----------
    dataset
        Only test sets of this dataset.
    published
        List published systems instead, by test set, together with the runs on the same test sets.
    html
        Write the same as one static page, with a figure of the published numbers.
    json_output
        Print the runs as JSON.
    """
    from bench.compare import leaderboard_render
    from bench.records.store import load_records
    from bench.utils.outputs import check_output
    from bench.utils.run_files import record_paths

    load_plugins(plugin)
    records = load_records(results) if not published or any(record_paths(results)) else []
    boards = leaderboard_render.boards(records, dataset, published)
    if html:
        quiet()
        from bench.report import leaderboard_page

        check_output(html, [leaderboard_page.PAGE_MARK], "page of `bench leaderboard`", force=force)
        leaderboard_page.write(boards, html, published)
    if json_output:
        print(json.dumps(leaderboard_render.plain(boards), indent=1, ensure_ascii=False))
    elif not html:
        print(leaderboard_render.terminal(boards))
    if html:
        print(html, file=sys.stderr if json_output else sys.stdout)
    if not json_output:
        next_steps("bench compare", "bench show RUN", results=results)
