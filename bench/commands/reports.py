"""Reading records: compare, audit, judge, probe, explain."""

import json
import os
import sys
from pathlib import Path
from typing import Literal

from bench.commands import (
    RESULTS,
    Device,
    Exclude,
    Flag,
    Force,
    Json,
    Only,
    Plugins,
    Results,
    app,
    load_plugins,
    next_steps,
    quiet,
)
from bench.commands.help_pages import examples
from bench.utils.device import AUTO


@app.command(
    help_epilogue=examples(
        "bench compare",
        "bench compare --only batches:twins --exclude 'face_*'",
        "bench compare --baseline film_text --only additive_text --full",
        "bench compare --dataset msrvtt --published --format latex > table.tex",
    )
)
def compare(
    *,
    full: Flag = False,
    format: Literal["terminal", "markdown", "latex", "csv", "json"] = "terminal",
    only: Only = [],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    dataset: str | None = None,
    subset: str = "emotion",
    baseline: str = "plain",
    allow_mixed: Flag = False,
    published: Flag = False,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Say which variants are better than the baseline, on one screen; with --full, every table.

    Parameters
    ----------
    full
        Every table: each run, verdicts with p, other questions, controls, sensitivity. Formats other than terminal are
        always full.
    dataset
        Only runs on this dataset.
    subset
        The queries of the second pair of columns; a dataset's card names its subsets.
    baseline
        A variant, or a run by its id, that the others are tested against.
    allow_mixed
        One table for all protocols, each row marked with what differs; nothing is tested across them.
    published
        Add the literature's numbers for the same test set, impossible ones marked as such.
    """
    from bench.compare import check_choice, render
    from bench.compare.selection import select
    from bench.compare.summary import summary
    from bench.records.store import load_records

    load_plugins(plugin)
    records = load_records(results)
    check_choice(records, subset, baseline)
    records = select(records, dataset=dataset or "", only=only, exclude=exclude, baseline=baseline)
    if full or allow_mixed or published or format != "terminal" or subset != "emotion":
        print(render(records, format, subset, baseline, allow_mixed, published))
    else:
        print(summary(records, baseline))
    if format == "terminal":
        next_steps("bench show RUN", "bench report", *([] if full else ["bench compare --full"]), results=results)


@app.command(name="show", help_epilogue=examples("bench show RUN", "bench show RUN --json"))
def show_run(
    run: str,
    /,
    *,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    json_output: Json = False,
) -> None:
    """Show all of one run: table, settings, loss, hardware, controls, and the command that repeats it.

    Parameters
    ----------
    run
        The id of a run, or the path of its record.
    json_output
        Print the record.
    """
    from bench.compare.one_run import sheet
    from bench.engine.reopen import find_record
    from bench.records.store import load, load_records

    load_plugins(plugin)
    path = find_record(run, results)
    if json_output:
        print(path.read_text(encoding="utf-8"), end="")
        return
    record = load(path)
    print(sheet(record, path, load_records(results) if path.is_relative_to(results) else [record]))
    next_steps("bench compare", f"bench probe {record.run}", f'bench explain {record.run} "A CAPTION"', results=results)


@app.command(help_epilogue=examples("bench audit", "bench audit table.yaml --format markdown"))
def audit(
    *files: Path,
    format: Literal["terminal", "markdown"] = "terminal",
    json_output: Json = False,
) -> None:
    """Find impossible numbers in a published table.

    Exit code 1 if a FILE has findings, so that a check in CI fails. Without
    FILE it audits the published tables that come with bench, and the exit
    code is 0: their errors are known.

    Parameters
    ----------
    files
        Tables in the format of results/README.md, JSON or YAML, or run records.
    json_output
        Print the findings as JSON, instead of --format.
    """
    from bench.records import audit_render
    from bench.records.audit import audit as find
    from bench.records.published import load_published, read

    rows = [row for file in files for row in read(file)] if files else load_published()
    findings = find(rows)
    layout = audit_render.plain if json_output else audit_render.LAYOUTS[format]
    print(layout(rows, findings))
    if not json_output:
        next_steps("bench compare --published" if files else "bench audit FILE, for a table of yours")
    if files and findings:
        raise SystemExit(1)


@app.command(help_epilogue=examples("bench judge RUN fire_msrvtt_dataset.json"))
def judge(run: str, file: Path, /, *, results: Results = RESULTS, json_output: Json = False) -> None:
    """Evaluate a run with human judgments: recall over all videos that people judged relevant to a query.

    Parameters
    ----------
    run
        The id of a run, or the path of its record.
    file
        FIRE's judgments (fire_msrvtt_dataset.json, CC BY-NC 2.0), which you download yourself.
    json_output
        Print the numbers as JSON.
    """
    from bench.analysis.judge import judge as judge_it
    from bench.engine.reopen import find_record
    from bench.records.store import load

    judged = judge_it(load(find_record(run, results)), file)
    print(json.dumps(judged.as_json(), indent=1, ensure_ascii=False) if json_output else judged)
    if not json_output:
        next_steps(f"bench show {run}", "bench compare", results=results)


@app.command(help_epilogue=examples("bench probe RUN", "bench probe RUN --plugin mine.py"))
def probe(
    run: str,
    /,
    *,
    format: Literal["terminal", "markdown"] = "terminal",
    root: Path | None = None,
    subsets_by: str = "",
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    json_output: Json = False,
) -> None:
    """Measure how a run uses emotion: edited captions, twins, emotion in its ranking. The record keeps the result.

    Repeat the command to see the result; it measures again only if code, word list or lexicon changed.

    Parameters
    ----------
    run
        The id of a run, or the path of its record; its weights and features must lie beside it.
    root
        The dataset's folder, if it is no longer where the run found it.
    subsets_by
        An emotion source that defines further subsets of the queries, beside the published ones (by nrc and VADER).
    json_output
        Print what was written into the record instead of tables.
    """
    quiet()
    from bench.analysis import probe_render
    from bench.analysis.probe import probe as probe_it

    load_plugins(plugin)
    probed = probe_it(run, results, root, subsets_by, device)
    if probed.was_done:
        print("measured before; it measures again if the code or the word lists change", file=sys.stderr)
    if json_output:
        print(json.dumps(probed.record.probe, indent=1, ensure_ascii=False))
    else:
        print(probe_render.render(probed.record, format))
    print(probed.path, file=sys.stderr if json_output else sys.stdout)
    if not json_output:
        next_steps(f'bench explain {run} "A CAPTION"', "bench compare --full", "bench report", results=results)


@app.command(
    help_epilogue=examples(
        'bench explain RUN "a cook walks along, looking gloomy"', 'bench explain RUN "a happy man" --html why.html'
    )
)
def explain(
    run: str,
    query: str,
    /,
    *,
    video: str | None = None,
    html: Path | None = None,
    force: Force = False,
    json_output: Json = False,
    root: Path | None = None,
    device: Device = AUTO,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """Show what each word of a query, each frame of a clip and the emotion input contribute to a run's score.

    Parameters
    ----------
    run
        A run's id, or the path of its record; its weights must lie beside the record.
    query
        A caption, as in a search.
    video
        A clip of the run's test split; the one that the run ranks first if not given.
    html
        Also write the explanation as a page, one self-contained file.
    json_output
        Print the numbers as JSON.
    root
        The dataset's folder, if it is no longer where the run found it.
    """
    quiet()
    from bench.analysis import explain_render
    from bench.analysis.explain import explain as explain_it
    from bench.engine.reopen import reopen
    from bench.utils.files import replacing
    from bench.utils.outputs import check_output

    load_plugins(plugin)
    if html:  # before the work
        check_output(html, [explain_render.PAGE_MARK], "page of `bench explain`", force=force)
    explained = explain_it(reopen(run, results, root, device), query, video)
    if html:
        with replacing(html) as temporary:
            temporary.write_text(explain_render.page(explained), encoding="utf-8")
    if json_output:
        print(json.dumps(explained.as_json(), indent=1, ensure_ascii=False))
    else:
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(explain_render.terminal(explained, coloured))
    if html:
        print(html, file=sys.stderr if json_output else sys.stdout)
    if not json_output:
        next_steps(*([] if html else ["the same as a page: --html why.html"]), f"bench show {run}", results=results)


@app.command(help_epilogue=examples("bench report", "bench report --baseline plain --out DIR"))
def report(
    *,
    format: Literal["html", "latex"] = "html",
    only: Only = [],  # noqa: B006
    dataset: str | None = None,
    subset: str = "emotion",
    baseline: str = "plain",
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
    out: Path = Path("reports"),
    force: Force = False,
) -> None:
    """Make the report: one offline page, the same as markdown, and the figures.

    Figures of an earlier report in the same folder are removed if the new report does not have them.

    Parameters
    ----------
    format
        html: index.html and report.md; latex: report.tex (the main table and the figures, as PDF), supplement.tex (all
        other tables) and references.bib.
    dataset
        Only runs on this dataset.
    subset
        The queries of the second pair of columns; a dataset's card names its subsets.
    baseline
        A variant, or a run by its id, that the others are tested against.
    out
        The folder to write to.
    """
    quiet()
    from bench.compare import check_choice
    from bench.compare.selection import select
    from bench.records.store import load_records
    from bench.report.build import FILES, build

    load_plugins(plugin)
    records = load_records(results)
    check_choice(records, subset, baseline)
    records = select(records, dataset=dataset or "", only=only, baseline=baseline)
    written = build(records, results, out, subset, baseline, format, force)
    print(*written[: len(FILES[format])], sep="\n")
    next_steps("input the file in your paper" if format == "latex" else f"open {written[0]} in a browser")
