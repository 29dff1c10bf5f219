"""Variants against a baseline: the numbers by hand or from scipy and statsmodels, and the words drawn from them."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.records import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bench.compare import group_records, render
from bench.compare.groups import Group
from bench.compare.paired import PairedComparison, compare_all
from bench.errors import UsageError
from bench.metrics.ranking import summarize
from bench.metrics.seeds import mean_over_seeds
from bench.metrics.statistics import mcnemar, sign_flip
from bench.records.record import Record
from bench.records.store import run_id

PLAIN = make_record(60, strength=2.0)
STRONG = make_record(60, variant="strong", strength=6.0)
WEAK = make_record(60, variant="weak", strength=0.0)
ALIKE = make_record(60, variant="alike", strength=2.0, change=0.0)


def with_ranks(record: Record, ranks: list[int], variant: str, seed: int = 42) -> Record:
    """The record with these T2V ranks (1 is best), no ties, no twins."""
    counts = {"greater": [rank - 1 for rank in ranks], "equal": [0] * len(ranks)}
    both = {"t2v": counts, "v2t": counts}
    config = {**record.config, "variant": variant, "seed": seed}
    name = run_id(variant, seed, config)
    return replace(
        record,
        run=name,
        variant=variant,
        seed=seed,
        config=config,
        controls={**record.controls, "true_run": name},
        protocol=record.protocol.replace("seed:42", f"seed:{seed}"),
        twins={},
        twin_wins={},
        ranks=both,
        metrics=summarize(both, record.subsets, record.queries["captions"]),
    )


def declared(records: list[Record], subset: str = "emotion", baseline: str = "plain") -> list[PairedComparison]:
    (group,) = group_records(records)
    return compare_all(group, subset, baseline)[0]


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_declared_p_is_of_the_log_ranks_of_all_queries():
    (one,) = declared([PLAIN, STRONG])
    expected = [
        np.array(r.ranks["t2v"]["greater"]) + 1 + np.array(r.ranks["t2v"]["equal"]) / 2 for r in (STRONG, PLAIN)
    ]
    assert one.p == sign_flip(*np.log(expected)) and (one.n, one.direction, one.subset) == (60, "t2v", "all")


def test_p_is_raised_by_holm_over_all_variants():
    found = declared([PLAIN, STRONG, WEAK, ALIKE])
    assert [one.holm for one in found] == pytest.approx(multipletests([one.p for one in found], method="holm")[1])


def test_better_worse_and_not_distinguishable():
    verdicts = {one.name: one.verdict for one in declared([PLAIN, STRONG, WEAK, ALIKE])}
    assert verdicts == {"strong": "better", "weak": "worse", "alike": "not distinguishable"}


def test_a_difference_that_holm_takes_back_is_not_distinguishable():
    # seven of 34 queries better by the same: p = 2/2^7 = 0.0156; among five variants of no difference, five times that
    base = with_ranks(make_record(34), [4] * 34, "plain")
    some = with_ranks(base, [2] * 7 + [4] * 27, "some")
    same = [with_ranks(base, [4] * 34, f"same{i}") for i in range(4)]
    alone, among = declared([base, some])[0], {one.name: one for one in declared([base, some, *same])}["some"]
    assert (alone.p, alone.verdict) == (2 / 2**7, "better")
    assert (among.holm, among.verdict) == (5 * 2 / 2**7, "not distinguishable")


def test_fewer_than_twenty_queries_make_no_claim():
    base = with_ranks(make_record(19), [9] * 19, "plain")
    (one,) = declared([base, with_ranks(base, [1] * 19, "other")])
    assert one.p < 0.001 and one.verdict == "no claim"
    assert "other: 19 queries are too few for a claim." in one_line(render([base, with_ranks(base, [1] * 19, "other")]))


def test_wins_and_losses_are_queries_that_one_alone_has_right():
    base = with_ranks(make_record(34), [1] * 2 + [5] * 32, "plain")
    other = with_ranks(base, [3] * 2 + [1] * 10 + [5] * 22, "other")
    exploratory = {
        (one.direction, one.k): one for one in compare_all(group_records([base, other])[0], "none", "plain")[1]
    }
    one = exploratory["t2v", 1]
    assert (one.wins, one.losses) == (10, 2) and one.mcnemar == pytest.approx(0.0386, abs=5e-5)
    assert exploratory["t2v", 5].wins == 0  # all are among the first five in both


def test_the_subset_is_compared_in_both_directions():
    found = compare_all(group_records([PLAIN, STRONG])[0], "emotion", "plain")[1]
    assert [(one.direction, one.n) for one in found if one.subset == "emotion"] == [("t2v", 20), ("v2t", 20)]


def test_of_several_seeds_p_is_the_larger_of_two():
    rng = np.random.default_rng(0)
    base = make_record(40)
    mine, theirs = ([rng.geometric(0.2, 40).tolist() for _ in (1, 2)] for _ in ("x", "plain"))
    records = [with_ranks(base, mine[i], "x", i + 1) for i in (0, 1)]
    records += [with_ranks(base, theirs[i], "plain", i + 1) for i in (0, 1)]
    (one,) = declared(records)
    of_queries = sign_flip(np.log(mine).mean(axis=0), np.log(theirs).mean(axis=0))
    of_both = mean_over_seeds(np.log(mine), np.log(theirs)).p
    assert one.seeds == one.baseline_seeds == (1, 2) and one.wins is None and not one.of_runs
    assert one.p == max(of_queries, of_both)


def test_seeds_that_disagree_leave_variants_undistinguished():
    base = [with_ranks(make_record(40), [4] * 40, "plain", seed) for seed in (1, 2)]
    lucky, unlucky = with_ranks(base[0], [1] * 40, "other", 1), with_ranks(base[0], [6] * 40, "other", 2)
    (one,) = declared([*base, lucky, unlucky])
    assert one.p > 0.3 and one.verdict == "not distinguishable"  # the mean is better, but not of all draws of seeds


def test_another_baseline_may_be_named_by_variant_or_run():
    for name in ("strong", STRONG.run):
        assert {one.baseline for one in declared([PLAIN, STRONG, WEAK], baseline=name)} == {name}
        assert f"Against {name}, the declared question" in one_line(render([PLAIN, STRONG, WEAK], baseline=name))


def test_an_unknown_baseline_names_the_nearest():
    with pytest.raises(UsageError, match=r"no record is of 'strnog'\. Did you mean strong\?"):
        render([PLAIN, STRONG], baseline="strnog")


def test_without_the_usual_baseline_nothing_is_tested_and_that_is_said():
    text = one_line(render([STRONG, WEAK]))
    assert "declared question" not in text
    assert "Nothing is tested: there is no run of plain under this protocol." in text


def with_lr(lr: float, strength: float) -> Record:
    config = {"variant": "plain", "seed": 42, "train": {"lr": lr}}
    return make_record(60, strength=strength, config=config)


def test_which_setting_of_the_baseline_is_meant_is_not_decided_by_its_results():
    settings = [with_lr(1e-4, 6.0), with_lr(1e-6, 0.0)]
    text = one_line(render([*settings, ALIKE]))
    assert "Nothing is tested: 2 settings of plain (plain train.lr=0.0001, plain train.lr=1e-06)" in text
    assert {one.baseline for one in declared([*settings, ALIKE], baseline=settings[0].run)} == {settings[0].run}


def test_a_run_as_baseline_is_that_run_alone_and_its_other_seeds_are_no_rivals():
    seeds = [make_record(60, strength=2.0, seed=seed) for seed in (1, 2, 3)]
    (one,) = declared([*seeds, STRONG], baseline=seeds[0].run)
    assert one.name == "strong" and one.baseline == seeds[0].run and one.wins is not None


def test_families_are_in_the_order_of_their_own_recall():
    (group,) = group_records([with_lr(1e-6, 0.0), with_lr(1e-4, 6.0), ALIKE])
    recalls = [family.recall for family in group.families]
    assert recalls == sorted(recalls, reverse=True) and len(recalls) == 3


def test_the_rank_ratio_is_that_of_geometric_means():
    base = with_ranks(make_record(40), [4] * 40, "plain")
    (one,) = declared([base, with_ranks(base, [2] * 20 + [1] * 20, "other")])
    assert one.effect.value == pytest.approx((2**20 / 4**40) ** (1 / 40))
    assert one.effect.low <= one.effect.value <= one.effect.high < 1


def test_a_verdict_against_the_grain_of_r1_says_so():
    base = with_ranks(make_record(240), [1] * 60 + [60] * 180, "plain")
    text = one_line(render([base, with_ranks(base, [2] * 60 + [20] * 180, "other")]))
    assert re.search(r"other .* is better than plain .*, although its R@1 is lower\.", text)


def test_what_could_have_been_found_is_asked_at_holms_level():
    one, among = declared([PLAIN, ALIKE])[0], {o.name: o for o in declared([PLAIN, ALIKE, STRONG, WEAK])}["alike"]
    assert one.detectable and among.detectable and among.detectable < one.detectable  # further from 1


def test_means_of_seeds_without_spread_still_have_a_width():
    records = [with_ranks(make_record(40), [1] * 40, "plain", seed) for seed in (1, 2)]
    assert re.search(r"^mean of 2 seeds +100\.0 \[91\.2–100\]", render(records), re.MULTILINE)


def test_the_verdict_is_said_in_words_with_what_could_have_been_found():
    text = one_line(render([PLAIN, STRONG, ALIKE]))
    assert re.search(
        r"alike \(run of seed 42\) is not distinguishable from plain \(run of seed 42\) on 60 queries "
        r"\(p = \d\.\d+\)\. "
        r"This test set can only detect mean ranks of 0\.\d\d times the baseline's or less \(80 % power\)\.",
        text,
    )
    assert re.search(
        r"strong \(run of seed 42\) is better than plain \(run of seed 42\) on 60 queries "
        r"\(mean rank 0\.\d+ times the baseline's, p < 0\.001\)\.",
        text,
    )
    assert "One seed each: this compares two runs. A verdict on variants needs two seeds or more of both." in text


def test_what_was_not_declared_is_called_exploratory():
    text = one_line(render([PLAIN, ALIKE]))
    assert "Exploratory, against plain: p are not corrected" in text
    assert "alike (run of seed 42) is not distinguishable from plain (run of seed 42) in T2V R@1, T2V R@5" in text


def test_means_over_seeds_stand_below_the_seeds():
    records = [make_record(60, strength=2.0, seed=seed) for seed in (1, 2, 3)]
    lines = render(records).splitlines()
    (place,) = [i for i, line in enumerate(lines) if line.startswith("mean of 3 seeds")]
    assert [line.split()[1] for line in lines[place - 3 : place]] == ["1", "2", "3"]
    mean = np.mean([record.metrics["all"]["t2v"]["R@1"]["value"] for record in records])
    assert float(lines[place].split()[4]) == pytest.approx(mean, abs=0.051)


def test_two_codes_of_one_variant_and_seed_are_two_families():
    other = replace(PLAIN, run="plain-s42-00000000", code={**PLAIN.code, "variant": "ffffffff"})
    (group,) = group_records([PLAIN, other])
    assert sorted(family.name for family in group.families) == ["plain code=1a2b3c4d", "plain code=ffffffff"]


RESCORED = {"dsl": {"t2v": STRONG.ranks["t2v"], "v2t": WEAK.ranks["v2t"]}, "qbnorm": {"t2v": PLAIN.ranks["t2v"]}}


def test_rescored_recalls_are_columns_of_their_own():
    text = render([make_record(60, strength=2.0, post=RESCORED)], "markdown")
    assert "| R@1 | seed | T2V | V2T | DSL T2V | DSL V2T | QB-Norm T2V |" in text
    recalls = [STRONG.metrics["all"]["t2v"], WEAK.metrics["all"]["v2t"], PLAIN.metrics["all"]["t2v"]]
    row = next(line for line in text[text.index("QB-Norm T2V") :].splitlines() if line.startswith("| plain"))
    cells = [float(cell) for cell in row.split("|")[5:8]]
    assert cells == pytest.approx([entry["R@1"]["value"] for entry in recalls], abs=0.051)


def test_without_rescoring_there_is_no_such_table():
    assert "DSL" not in render([PLAIN])


def selected_on_test(last_step: bool = True) -> Record:
    base = with_ranks(make_record(40), [1] * 20 + [3] * 20, "plain")
    last = with_ranks(base, [1] * 15 + [3] * 25, "plain")
    return replace(
        base,
        protocol=base.protocol.replace("ckpt:last", "ckpt:test-dsl"),
        selection={"rule": "test", "step": 3},
        last_step={"rule": "last", "step": 9, "ranks": last.ranks} if last_step else {},
    )


def test_selection_on_the_test_set_is_branded_and_its_optimism_is_a_number():
    text = one_line(render([selected_on_test()]))
    assert "ckpt:test-dsl" in text.replace(" ", "")
    assert "selected on the test set, by DSL: step 3. The last step (9) has a T2V R@1 of 37.5 [" in text
    assert re.search(r"\+12\.5 \[\S+ \S+\] points of optimism, n = 40\.", text)


def test_selection_on_the_test_set_is_branded_in_every_format():
    for format in ("terminal", "markdown", "latex"):
        assert "selected on the test set" in one_line(render([selected_on_test()], format))


OTHER = make_record(60, variant="strong", strength=6.0, frames=12)


def test_mixed_protocols_share_a_table_in_which_every_row_is_marked():
    text = render([PLAIN, OTHER], "markdown", allow_mixed=True)
    assert text.count("| variant | seed |") == 1
    assert "| plain video.frames=8 frames:8 | 42 |" in text and "| strong video.frames=12 frames:12 | 42 |" in text
    assert f"**{PLAIN.run}  video.frames=8  frames:8**" in text


def test_mixed_rows_are_marked_in_every_table_and_format():
    post = {"dsl": PLAIN.ranks}
    records = [replace(record, post=post) for record in (PLAIN, OTHER)]
    text = render(records, "markdown", allow_mixed=True)
    assert text.count("| plain video.frames=8 frames:8 |") == 2  # one line a run, and after rescoring
    rows = list(csv.DictReader(io.StringIO(render(records, "csv", allow_mixed=True))))
    assert {(row["run"], "frames:12" in row["protocol"]) for row in rows} == {(PLAIN.run, False), (OTHER.run, True)}
    (group,) = json.loads(render(records, "json", allow_mixed=True))["groups"]
    assert [run["protocol"] for run in group["runs"]] == [record.protocol for record in (OTHER, PLAIN)]


def test_mixed_protocols_are_not_tested():
    text = one_line(render([PLAIN, OTHER, STRONG], allow_mixed=True))
    assert "Several protocols (--allow-mixed)" in text and "nothing is tested" in text
    assert "declared question" not in text


def test_one_protocol_is_not_mixed():
    assert render([PLAIN, STRONG], allow_mixed=True) == render([PLAIN, STRONG])


def test_mixed_records_with_other_queries_are_told_apart():
    renamed = replace(OTHER, queries={**OTHER.queries, "videos": [f"x{i}" for i in range(60)]}, protocol=PLAIN.protocol)
    rows = [line for line in render([PLAIN, renamed], "markdown", allow_mixed=True).splitlines() if "data:" in line]
    assert len(rows) == 4  # in the report and in the leaderboard


def test_datasets_without_a_common_subset_may_be_mixed():
    other = make_record(24, dataset="msrvtt", subsets={})
    text = render([PLAIN, other], allow_mixed=True)
    assert "queries differ" in one_line(text) and "60 or 24" not in text and "All 24 or 60 queries" in one_line(text)


def test_csv_has_a_row_for_each_comparison():
    rows = [row for row in csv.DictReader(io.StringIO(render([PLAIN, STRONG], "csv"))) if row["baseline"]]
    (one,) = declared([PLAIN, STRONG])
    assert (rows[0]["metric"], rows[0]["verdict"]) == ("Δ R@1", "better")
    assert [float(rows[0][name]) for name in ("p", "p_holm", "value")] == [one.p, one.holm, one.difference.value]
    assert [row["role"] for row in rows] == ["declared"] * 2 + ["exploratory"] * 6
    assert (rows[1]["metric"], float(rows[1]["value"])) == ("rank ratio", one.effect.value)
    assert [row["metric"] for row in rows if not row["p"]] == ["Δ R@5", "Δ R@10"]  # p is of log-ranks, of no k


def test_json_holds_the_comparisons():
    (group,) = json.loads(render([PLAIN, STRONG], "json"))["groups"]
    assert group["comparisons"][0]["verdict"] == "better"
    assert group["comparisons"][1]["mcnemar"] == pytest.approx(
        mcnemar(group["comparisons"][1]["wins"], group["comparisons"][1]["losses"])
    )


@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([2, 40, 240]),
    strength=st.floats(0, 4),
    variant=st.sampled_from(["attention_modulation", "a_variant_with_a_name_of_some_length"]),
    subset=st.sampled_from(["emotion", "unseen_words"]),
    mixed=st.booleans(),
    seeds=st.integers(1, 2),
)
def test_tables_of_comparisons_fit_80_columns(
    n: int, strength: float, variant: str, subset: str, mixed: bool, seeds: int
):
    given: dict[str, Any] = {"n": n, "strength": strength, "subsets": {subset: list(range(0, n, 2))}}
    records = [make_record(**given, seed=seed) for seed in range(seeds)]
    records += [
        make_record(**given, variant=variant, seed=seed, hyperparameters={"weight": "x" * 30}) for seed in (1, 2)
    ]
    records = [
        replace(record, post={"dsl": record.ranks, "qbnorm": {"t2v": record.ranks["t2v"]}}) for record in records
    ]
    records += [make_record(**given, variant="late", frames=12)] if mixed else []
    assert max(map(len, render(records, subset=subset, allow_mixed=mixed).splitlines())) <= 80


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex: install texlive-latex-base to compile tables"
)
def test_latex_compiles(tmp_path: Path):
    records = [PLAIN, STRONG, ALIKE, replace(selected_on_test(), variant="x_y"), make_record(60, post=RESCORED, seed=7)]
    records += [make_record(60, variant=f"variant_{number}") for number in range(9)]  # more than a page holds
    records.append(make_record(24, variant="a&b%c#d", hyperparameters={"of_it": "~^\\{}|<>$"}, frames=12))
    body = render(records, "latex")
    document = (
        f"\\documentclass{{article}}\\usepackage{{booktabs,longtable}}\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    (tmp_path / "tables.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "tables.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]
    log = (tmp_path / "tables.log").read_text(errors="replace")
    assert "Missing character" not in log and "Float too large" not in log


def test_a_group_without_runs_has_nothing_to_compare():
    assert compare_all(Group("p", "d", ()), "emotion", "plain") == ([], [])
