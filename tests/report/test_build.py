"""The report from records: what is written, that it is whole, and what it says where something is missing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.asking import Capture, Command, failure
from helpers.records import make_control, make_record

from bench.cli import main
from bench.records.record import Record
from bench.records.store import save
from bench.report.build import build

PLAIN = make_record(60, dataset="elsewhere", strength=2.0)
OTHERS = [
    make_record(60, dataset="elsewhere", variant=name, strength=s) for name, s in (("strong", 6.0), ("like", 2.0))
]
CONTROL = make_control(60, dataset="elsewhere", variant="like", strength=2.0, emotions="shuffled", change=0.0)


def made(records: list[Record], tmp_path: Path, format: str = "html") -> Path:
    build(records, tmp_path / "results", tmp_path / "out", "emotion", "plain", format)  # type: ignore[arg-type]
    return tmp_path / "out"


class Balanced(HTMLParser):
    """Fails on a tag that is closed without having been opened, or the other way round."""

    EMPTY = ("meta", "link", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "img":
            self.images.append(given)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = made([PLAIN, *OTHERS, CONTROL], tmp_path_factory.mktemp("report"))
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_its_ids_are_its_own(page: str) -> None:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == [] and len(parser.ids) == len(set(parser.ids))


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    parser = Balanced()
    parser.feed(page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(parser.ids)


def test_every_picture_has_a_text_and_is_inside_the_page(page: str) -> None:
    parser = Balanced()
    parser.feed(page)
    assert parser.images
    assert all(image["alt"] and str(image["src"]).startswith("data:") for image in parser.images)


def test_nothing_is_asked_of_the_outside(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and "@import" not in page


def test_the_summary_says_what_was_computed(page: str) -> None:
    summary = page[page.index('id="summary"') :].partition("</section>")[0]
    assert "strong (run of seed 42) is better than plain (run of seed 42) on 60 queries" in summary
    assert "like (run of seed 42) is not distinguishable from plain (run of seed 42) on 60 queries" in summary
    assert "like s42: no emotion effect was found" in summary


def test_the_audit_is_part_of_the_page(page: str) -> None:
    assert "479, 751, 846 of 1002" in page


def test_the_protocol_and_every_runs_origin_are_told(page: str) -> None:
    assert "elsewhere-test|train:train|60x60|ties:expected" in page
    made_part = page[page.index('id="made"') :]
    assert all(record.run in made_part for record in (PLAIN, *OTHERS, CONTROL))


def test_captions_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    captions = ["</script><script>alert(1)</script> & <b>"] * 60
    records = [replace(record, queries={**record.queries, "captions": captions}) for record in (PLAIN, OTHERS[0])]
    assert "<script>alert" not in (made(records, tmp_path) / "index.html").read_text(encoding="utf-8")


def test_the_same_records_give_the_same_bytes(tmp_path: Path, page: str) -> None:
    again = made([*OTHERS, CONTROL, PLAIN], tmp_path)
    assert (again / "index.html").read_text(encoding="utf-8") == page


def test_markdown_has_the_same_tables_and_links_its_figures(tmp_path: Path) -> None:
    folder = made([PLAIN, *OTHERS], tmp_path)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "| strong | 0." in text
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert links and all((folder / link).is_file() for link in links)


def test_latex_has_tables_and_figure_includes(tmp_path: Path) -> None:
    folder = made([PLAIN, *OTHERS], tmp_path, "latex")
    text = (folder / "report.tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{table}") + text.count(r"\begin{longtable}") == text.count(r"\toprule")
    assert all((folder / name).is_file() for name in re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", text))
    assert not (folder / "index.html").exists()


def test_one_run_alone_makes_a_page_that_says_so(tmp_path: Path) -> None:
    text = (made([PLAIN], tmp_path) / "index.html").read_text(encoding="utf-8")
    assert "Nothing is tested: it takes a run of the baseline and one of another variant." in text
    assert 'id="flips"' not in text


def test_a_baseline_may_be_one_run_of_several(tmp_path: Path) -> None:
    baseline = make_record(60, dataset="elsewhere", strength=2.0, seed=7)
    paths = build([PLAIN, baseline, *OTHERS], tmp_path, tmp_path / "out", "emotion", baseline.run, "html")
    names = {path.stem for path in paths if path.suffix == ".svg"}
    assert {"forest", "recalls", "curves"} <= names
    page = paths[0].read_text(encoding="utf-8")
    assert (
        f"Geometric mean rank, in units of that of {baseline.run}: strong " in page
        and f"strong (run of seed 42) is better than {baseline.run} (run of seed 7) on 60 queries" in page
    )


def test_only_where_code_was_not_committed_is_that_explained(tmp_path: Path) -> None:
    note = "with changes that were not committed"
    libraries = {"torch": "2.13.0+cpu"}
    clean, dirty = (
        replace(PLAIN, libraries=libraries, code={**PLAIN.code, "commit": "0" * 40, "dirty": dirty})
        for dirty in (False, True)
    )
    assert note not in (made([clean], tmp_path / "clean") / "index.html").read_text(encoding="utf-8")
    assert note in (made([dirty], tmp_path / "dirty") / "index.html").read_text(encoding="utf-8")


def test_several_protocols_are_sections_of_their_own(tmp_path: Path) -> None:
    text = (
        made([PLAIN, *OTHERS, make_record(60, dataset="elsewhere", frames=12)], tmp_path) / "index.html"
    ).read_text()
    assert 'id="group2"' in text and "Not comparable with the first table: frames:12 (there 8)." in text


def test_without_records_there_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(["report", "--results", str(tmp_path / "none"), "--out", str(tmp_path / "out")], capsys)
    assert code == 1 and "Make one: bench run --variant plain" in said and not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: Capture) -> None:
    save(PLAIN, tmp_path / "results")
    main(["report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out.split()
    assert said == [str(tmp_path / "out" / name) for name in ("index.html", "report.md")]


def test_clips_at_hand_are_shown(command: Command, tmp_path: Path) -> None:
    for variant in ("plain", "film_text"):
        main(command(variant=variant, train__steps=1))
    main(["report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")])
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") >= 6
    assert 'id="why"' in text  # the weights are there, so flips are explained


@pytest.mark.parametrize(
    ("choice", "said"), [("--subset=emotoin", "Did you mean emotion?"), ("--baseline=plian", "plain")]
)
def test_a_mistyped_choice_is_refused_before_anything_is_written(
    choice: str, said: str, tmp_path: Path, capsys: Capture
) -> None:
    save(PLAIN, tmp_path / "results")
    code, line = failure(["report", f"--results={tmp_path / 'results'}", f"--out={tmp_path / 'out'}", choice], capsys)
    assert code == 2 and said in line and not (tmp_path / "out").exists()
