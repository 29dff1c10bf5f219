"""Every rule of the audit: what it must find, what just escapes it, and that honest tables give no finding."""

from fractions import Fraction
from statistics import median as middle

import pytest
from helpers.published import printed, row, said
from hypothesis import given
from hypothesis import strategies as st

from bench.records.audit import audit, with_findings
from bench.records.published import load_published

# --- what is shipped ------------------------------------------------------------------------------------------------


def test_the_shipped_tables_have_the_numeric_errata_of_the_facts_and_no_others() -> None:
    """Section 4: 1 (denominators), 3 (the impossible row), 4 (numbers that differ); section 6: what was found."""
    found = [(finding.rule, str(finding.rows[0]), finding.what) for finding in audit(load_published())]
    lsmdc = ("R@1 17.317317317, R@5 38.238238238, R@10 47.447447447, R@50 72.872872873",)
    lsmdc += ("R@1 16.716716717, R@5 37.737737738, R@10 45.545545546, R@50 72.272272272",)
    assert found == [
        ("off_grid", "CLIP-ViP B/32, All V2T", "R@1 (training log) 49.1071"),
        ("off_grid", "CLIP2Video, msvd-test, All V2T", "R@5 85.6"),
        ("off_grid", "InternVideo, fine-tuned, msvd-test, All V2T", "R@5 96.8"),
        (
            "off_grid",
            "MDMMT, msrvtt-full, All V2T",
            "R@1 5.075250836, R@5 13.777591973, R@10 19.695652174, R@50 41.443143813",
        ),
        ("off_grid", "MDMMT, lsmdc-test, All T2V", lsmdc[0]),
        ("off_grid", "MDMMT, lsmdc-test, All V2T", lsmdc[1]),
        ("off_grid", "baseline, 7k, All V2T", "R@1 47.8044, R@5 74.9501, R@10 84.4311"),
        ("off_grid", "baseline, 9k, All V2T", "R@1 49.3028, R@5 76.6932, R@10 85.3586"),
        ("elsewhere", "baseline, 6k-emotion, All T2V", "R@10 84.5000, but 84.8000 (web page)"),
        ("off_grid", "baseline, 6k-emotion, All V2T", "R@1 48.4032, R@5 75.6487, R@10 84.7305"),
        ("off_grid", "emotion embeddings, 6k-emotion, All V2T", "R@1 44.8104, R@5 28.1437, R@10 50.9980"),
        ("out_of_order", "emotion embeddings, 6k-emotion, All V2T", "R@1 44.8104 is above R@5 28.1437"),
        ("elsewhere", "emotion embeddings, 6k-emotion, All V2T", "MdR 9.5, but 9.0 (web page)"),
        ("elsewhere", "emotion embeddings, 6k-emotion, Emotion V2T", "R@5 or R@10 20.5882, but 15.63 (prose)"),
        ("geometric", "TT-CE+, msvd-test, All T2V, QB-Norm", "Geom 43.1"),
        ("geometric", "CLIP2Video, msvd-test, All T2V, QB-Norm", "Geom 68.5"),
    ]


def test_the_denominators_are_those_of_the_facts() -> None:
    """495/1008 in the log, 479/1002, 495/1004; LSMDC's 173, 382 and 474 of 999; each of 59 800 captions a query."""
    why = {finding.rows[0]: finding.why for finding in audit(load_published()) if finding.rule == "off_grid"}
    said = [why for row, why in why.items() if row.dataset != "msvd"]
    expected = ["495 of 1008", "3035, 8239, 11778, 24783 of 59800", "173, 382, 474, 728 of 999", "of 999"]
    expected += ["479, 751, 846 of 1002", "495, 770, 857 of 1004", "of 1002", "of 1002"]
    assert [part in sentence for part, sentence in zip(expected, said, strict=True)] == [True] * 8
    assert [why for row, why in why.items() if row.dataset == "msvd"] == ["no share of 670 queries"] * 2


def test_the_works_that_are_clean_have_no_finding() -> None:
    works = {row.source.name for row in load_published()}
    found = {finding.rows[0].source.name for finding in audit(load_published())}
    clean = {"drl-2022", "umt-2023", "mmt-2020", "ts2-net-2022", "univl-2020", "alpro-2021", "ce-2019"}
    assert clean <= works and not clean & found
    marked = {(row.source.name, row.dataset) for row, findings in with_findings(load_published()) if findings}
    assert not {("internvideo-2022", "msrvtt"), ("clip2video-2021", "msrvtt")} & marked


def test_rows_with_findings_are_told_from_those_without() -> None:
    """14 of the rows are marked; one of them has three findings."""
    counts = [len(found) for _, found in with_findings(load_published())]
    assert (len(counts), sum(map(bool, counts)), max(counts)) == (111, 14, 3)


# --- shares of a count ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "printed"),
    [
        (34, "32.3529"),
        (34, "32.35"),
        (34, "32.4"),
        (34, "32"),
        (1000, "49.4"),
        (1000, "49.4000"),
        (3, "100"),
        (7, "0.0"),
    ],
)
def test_a_share_of_the_queries_is_sound_with_any_decimals(n: int, printed: str) -> None:
    assert said(row(n, R1=printed)) == []


@pytest.mark.parametrize(
    ("n", "printed"), [(34, "32.3528"), (34, "32.3530"), (1000, "49.45"), (3, "100.1"), (34, "15.63"), (20, "105")]
)
def test_what_is_no_share_of_the_queries_is_found(n: int, printed: str) -> None:
    [finding] = audit([row(n, R1=printed)])
    assert (finding.rule, finding.what) == ("off_grid", f"R@1 {printed}")


def test_halves_may_be_rounded_up_or_down() -> None:
    """1/16 is 6.25 %, which is 6.2 for one rounding rule and 6.3 for another; 6.4 is none of it."""
    assert said(row(16, R1="6.2"), row(16, R1="6.3", model="other")) == []
    assert len(said(row(16, R1="6.4"))) == 1


def test_three_recalls_of_one_denominator_are_one_finding() -> None:
    """5/12, 7/12 and 11/12 printed as shares of 10 queries."""
    [line] = said(row(10, R1="41.6667", R5="58.3333", R10="91.6667"))
    assert line == (
        "R@1 41.6667, R@5 58.3333, R@10 91.6667: no share of 10 queries; 5, 7, 11 of 12 fit, "
        "2 more than there are queries"
    )


def test_the_denominator_must_fit_recalls_that_are_shares_too() -> None:
    """1/3 alone fits 9 and 12 (nearest 9); with 50.0000 it must be even: 12."""
    assert "of 9 fits, 1 fewer than there are queries" in said(row(10, R1="33.3333"))[0]
    assert "4 of 12 fits, 2 more than there are queries" in said(row(10, R1="33.3333", R5="50.0000"))[0]


def test_queries_that_vanished_are_seen_in_the_denominator() -> None:
    """497/998 and 751/998: two rows of NaN were dropped."""
    [line] = said(row(1000, R1="49.7996", R5="75.2505"))
    assert "497, 751 of 998 fit, 2 fewer than there are queries" in line


def test_captions_that_were_counted_as_queries_are_seen_in_the_gallery() -> None:
    """V2T of 100 videos with 2 000 captions: 123, 457 and 891 of 2 000 are no shares of 100."""
    [line] = said(row(100, R1="6.15000", R5="22.85000", R10="44.55000", gallery="2000"))
    assert line.endswith("123, 457, 891 of 2000 fit, the size of the gallery: each of its entries was a query")
    assert said(row(100, R1="6.2", gallery="2000")) == ["R@1 6.2: no share of 100 queries"]  # 2000 fits by chance


def test_a_denominator_that_fits_by_chance_is_not_named() -> None:
    """49.45 is 539/1090, but so is nearly every other number to two decimals a share of some near denominator."""
    assert said(row(1000, R1="49.45")) == ["R@1 49.45: no share of 1000 queries"]


def test_recalls_without_a_common_denominator_are_still_one_finding() -> None:
    [line] = said(row(10, R1="12.3457", R5="76.5432"))
    assert "no denominator near fits" in line


def test_where_ties_share_a_place_hits_need_not_be_whole() -> None:
    assert said(row(10, R1="41.6667", ties="expected")) == []
    assert len(said(row(10, R1="41.6667", ties="position"))) == 1


# --- order ----------------------------------------------------------------------------------------------------------


def test_a_recall_above_a_later_one_is_found_once() -> None:
    assert said(row(1000, R1="44.8", R5="28.1", R10="27.0")) == [
        "R@1 44.8 is above R@5 28.1: who is among the first 1 is among the first 5"
    ]


def test_order_is_by_k_and_not_by_column() -> None:
    assert said(row(1000, R10="80.0", R1="40.0", R5="70.0")) == []
    assert said(row(1000, R100="40.0", R50="41.0")) == [
        "R@50 41.0 is above R@100 40.0: who is among the first 50 is among the first 100"
    ]


@pytest.mark.parametrize(("R1", "R5"), [("20.0", "20.0"), ("49.96", "50"), ("50", "49.96"), ("50.4", "50")])
def test_what_rounding_explains_is_in_order(R1: str, R5: str) -> None:
    assert said(row(10_000, R1=R1, R5=R5)) == []


@pytest.mark.parametrize(("R1", "R5"), [("50.1", "50.0"), ("51", "50.4"), ("50.6", "50")])
def test_what_rounding_does_not_explain_is_out_of_order(R1: str, R5: str) -> None:
    assert [finding.rule for finding in audit([row(10_000, R1=R1, R5=R5)])] == ["out_of_order"]


# --- median ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "printed"),
    [
        (1000, {"R1": "49.4", "MdR": "2.0"}),
        (1000, {"R1": "50.1", "MdR": "1.0"}),
        (1000, {"R1": "50.0", "MdR": "1.0"}),  # half at 1, and the 501st too when none is between: 1, 1
        (1000, {"R1": "50.0", "MdR": "7.5"}),  # 1 and 14 in the middle
        (1000, {"R1": "50.0", "MdR": "1.5"}),
        (1000, {"R1": "30.0", "R5": "50.0", "MdR": "5.5"}),
        (1000, {"R5": "43.0", "R10": "57.0", "MdR": "9.5"}),
        (1000, {"R1": "49.4", "MdR": "2"}),
        (10_000, {"R1": "50", "MdR": "2"}),  # R@1 may be 49.5
        (1000, {"R1": "50.0", "MdR": "2"}),  # MdR may be 1.5
        (9, {"MdR": "3.0"}),
        (10, {"MdR": "3.5"}),
    ],
)
def test_a_median_that_goes_with_the_recalls_is_sound(n: int, printed: dict) -> None:
    assert said(row(n, **printed)) == []


@pytest.mark.parametrize(
    ("n", "printed", "line"),
    [
        (1000, {"R1": "50.1", "MdR": "2.0"}, "MdR 2.0 with R@1 50.1: a median above 1 takes R@1 of at most 50"),
        (1000, {"R1": "49.9", "MdR": "1.0"}, "MdR 1.0 with R@1 49.9: a median up to 1 takes R@1 of at least 50"),
        (1000, {"R5": "40.0", "R10": "45.0", "MdR": "9.5"}, "MdR 9.5 with R@10 45.0: a median up to 10 takes R@10 of"),
        (1000, {"R5": "61.0", "R10": "70.0", "MdR": "6"}, "MdR 6 with R@5 61.0: a median above 5 takes R@5 of at most"),
        (1000, {"R1": "49.4", "MdR": "1.5"}, "MdR 1.5 with R@1 49.4: a median between 1 and 2 takes R@1 of exactly 50"),
        (1000, {"MdR": "0.4"}, "MdR 0.4: no rank is below 1"),
        (1000, {"MdR": "501.0", "gallery": "500"}, "MdR 501.0: no rank is above 500 in a gallery of 500"),
        (1000, {"MdR": "3.3"}, "MdR 3.3: the median of 1000 ranks is a multiple of 1/2"),
        (9, {"MdR": "3.5"}, "MdR 3.5: the median of 9 ranks is a multiple of 1"),
    ],
)
def test_a_median_that_contradicts_the_recalls_is_found(n: int, printed: dict, line: str) -> None:
    [found] = said(row(n, **printed))
    assert found.startswith(line)


def test_a_median_is_not_asked_for_whole_ranks_where_the_denominator_is_in_doubt() -> None:
    """3/10 printed for 9 queries, and ten ranks have a median of 3.5."""
    assert [finding.rule for finding in audit([row(9, R1="30.0", MdR="3.5")])] == ["off_grid"]


def test_medians_of_shared_places_have_room() -> None:
    """All of four queries tie with one rival at the top: each ranks 1.5, and R@1 is 50; ranks 1.5, 1.5, 2, 2: 1.75."""
    assert said(row(4, R1="50.0", MdR="1.5", ties="expected"), row(4, MdR="1.75", ties="expected", model="other")) == []
    assert said(row(1000, R1="60.0", MdR="1.5", ties="expected")) == []
    assert len(said(row(1000, R1="60.0", MdR="1.5"))) == 1
    assert "takes R@1 of at most 75" in said(row(1000, R1="76.0", MdR="1.5", ties="expected"))[0]
    assert "takes R@5 of at least 25" in said(row(1000, R5="24.0", MdR="4.0", ties="expected"))[0]


def test_of_contradicting_metrics_the_first_is_told() -> None:
    """R@5 is out of order; that a median of 2 takes R@5 of 50 and that MnR is too small follows from the same slip."""
    assert [finding.rule for finding in audit([row(1000, R1="44.8", R5="28.1", MdR="2.0", MnR="1.1")])] == [
        "out_of_order"
    ]


# --- sources that differ --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "table", "other"), [(34, "20.5882", "20.59"), (1000, "49.1", "49.1000"), (1000, "49.1", "49")]
)
def test_one_number_may_be_rounded_in_two_ways(n: int, table: str, other: str) -> None:
    assert said(row(n, R1=table, elsewhere=[("prose", ["R@1"], other)])) == []


@pytest.mark.parametrize(
    ("n", "metric", "table", "other"),
    [
        (1000, "R1", "84.5", "84.8"),
        (1000, "R1", "84.5", "84.6"),
        (1000, "MdR", "9.5", "9.0"),
        (1000, "MnR", "9.5", "9.7"),
    ],
)
def test_numbers_that_differ_within_a_work_are_found(n: int, metric: str, table: str, other: str) -> None:
    name = metric.replace("R1", "R@1")
    found = said(row(n, **{metric: table}, elsewhere=[("web page", [name], other)]))
    assert found == [f"{name} {table}, but {other} (web page): the same quantity is given two values"]


def test_neighbours_that_one_half_rounds_to_may_stand_for_it() -> None:
    """1691 of 2000 is 84.55 %: 84.5 or 84.6. Of 1000 queries no share lies there."""
    assert said(row(2000, R1="84.5", elsewhere=[("web page", ["R@1"], "84.6")])) == []
    assert len(said(row(1000, R1="84.5", elsewhere=[("web page", ["R@1"], "84.6")]))) == 1


def test_a_number_of_unnamed_metric_differs_only_if_it_is_none_of_them() -> None:
    both = ["R@5", "R@10"]
    assert said(row(10, R5="20.0", R10="30.0", elsewhere=[("prose", both, "30")])) == []
    assert said(row(10, R5="20.0", R10="30.0", elsewhere=[("prose", both, "40")])) == [
        "R@5 or R@10 20.0 or 30.0, but 40 (prose): the same quantity is given two values"
    ]


def test_what_is_said_more_exactly_elsewhere_is_asked_whether_it_is_a_share() -> None:
    """CLIP-ViP's log: 49.1071 is 495/1008, and 49.1 in the table is a share of 1000 (FACTS.md, erratum 1)."""
    assert said(row(1000, R1="49.1", elsewhere=[("log", ["R@1"], "49.1000")])) == []
    [line] = said(row(1000, R1="49.1", elsewhere=[("log", ["R@1"], "49.1071")]))
    assert line == "R@1 (log) 49.1071: no share of 1000 queries; 495 of 1008 fits, 8 more than there are queries"


def test_two_works_that_print_one_quantity_must_agree() -> None:
    first, second = row(1000, R1="50.1", MdR="1.0"), row(1000, R1="50.2", MdR="1", work="survey")
    [finding] = audit([first, second])
    assert (finding.rule, finding.rows) == ("between", (second, first))
    assert (
        str(finding) == "survey: theirs, 9k, All T2V: R@1 50.2, but 50.1 (work): the same quantity is given two values"
    )
    assert [len(found) for _, found in with_findings([first, second])] == [1, 1]


@pytest.mark.parametrize(
    "other",
    [
        {"model": "ours"},
        {"train": "7k"},
        {"post": "dsl"},
        {"frames": "24"},
        {"n": 500},
        {"work": "work"},
        {"runs": "3"},
    ],
)
def test_two_quantities_may_have_two_numbers(other: dict) -> None:
    settings = {"n": 1000, "work": "survey", "R1": "50.2", "post": "none", "frames": "12", **other}
    n = settings.pop("n")
    assert said(row(1000, R1="50.1", post="none", frames="12"), row(n, **settings)) == []


# --- no honest table is accused -------------------------------------------------------------------------------------


@st.composite
def ranked(draw: st.DrawFn, ties: bool) -> tuple[int, list[tuple[int, int]]]:
    """A gallery, and for each query the rivals above and those level with its answer."""
    gallery = draw(st.integers(1, 40))
    greater = st.integers(0, gallery - 1)
    query = greater.flatmap(lambda g: st.tuples(st.just(g), st.integers(0, gallery - 1 - g) if ties else st.just(0)))
    return gallery, draw(st.lists(query, min_size=1, max_size=40))


@given(ranked(ties=False), st.lists(st.integers(0, 4), min_size=5, max_size=5), st.booleans(), st.booleans())
def test_no_table_made_from_whole_ranks_has_a_finding(
    made: tuple[int, list[tuple[int, int]]], decimals: list[int], half_up: bool, gallery_known: bool
) -> None:
    gallery, queries = made
    ranks = [greater + 1 for greater, _ in queries]
    n = len(ranks)
    exact = {f"R{k}": Fraction(100 * sum(rank <= k for rank in ranks), n) for k in (1, 5, 10)}
    exact |= {"MdR": Fraction(middle(ranks)), "MnR": Fraction(sum(ranks), n)}
    texts = {name: printed(value, d, half_up) for (name, value), d in zip(exact.items(), decimals, strict=True)}
    assert said(row(n, **texts, **({"gallery": str(gallery)} if gallery_known else {}))) == []


@given(ranked(ties=True), st.lists(st.integers(0, 4), min_size=5, max_size=5), st.booleans())
def test_no_table_in_which_ties_share_a_place_has_a_finding(
    made: tuple[int, list[tuple[int, int]]], decimals: list[int], half_up: bool
) -> None:
    """Rank g + 1 + e/2; the chance of a hit when ties fall at random is (k - g)/(e + 1), from 0 to 1."""
    gallery, queries = made
    ranks = [Fraction(2 * g + 2 + e, 2) for g, e in queries]
    n = len(ranks)
    chance = {k: [min(max(Fraction(k - g, e + 1), Fraction(0)), Fraction(1)) for g, e in queries] for k in (1, 5, 10)}
    exact = {f"R{k}": 100 * sum(chances, Fraction(0)) / n for k, chances in chance.items()}
    exact |= {"MdR": Fraction(middle(ranks)), "MnR": sum(ranks, Fraction(0)) / n}
    texts = {name: printed(value, d, half_up) for (name, value), d in zip(exact.items(), decimals, strict=True)}
    assert said(row(n, **texts, gallery=str(gallery), ties="expected")) == []


@given(st.integers(10, 300), st.integers(1, 9), st.data())
def test_ties_counted_as_queries_are_found_with_four_decimals(n: int, extra: int, data: st.DataObject) -> None:
    """Whatever the hits: a share of n + extra that is none of n is found, in one finding."""
    hits = data.draw(st.integers(0, n + extra))
    exact = Fraction(100 * hits, n + extra)
    findings = audit([row(n, R1=printed(exact, 4, half_up=True))])
    is_share = any(abs(exact - Fraction(100 * h, n)) < Fraction(1, 10_000) for h in range(n + 1))
    assert [finding.rule for finding in findings] == ([] if is_share else ["off_grid"])
