"""The report from records: what is written, that it is whole, and what it says where something is missing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.asking import Capture, Command, failure
from helpers.records import make_control, make_record

from bench.cli import main
from bench.errors import UsageError
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


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures, which take most of the time."""
    monkeypatch.setattr("bench.report.build.draw", lambda context, prefix="": [])


class Balanced(HTMLParser):
    """Fails on a tag that is closed without having been opened, or the other way round."""

    EMPTY = ("meta", "link", "img", "br", "input")

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


def test_the_first_screen_answers_and_the_evidence_says_more(page: str) -> None:
    answer, evidence = page[page.index('id="answer"') :].split("</section>", 1)
    assert (
        "Of 2 ways to tell the model about emotion (one run each), 1 ranks the right video higher than plain (strong); "
        "1 cannot be told from plain by these 60 queries." in answer
    )
    assert "Whether the gain comes from emotion is open: no run has a control yet" in answer
    assert "elsewhere: 60 queries, gallery of 60 clips; 3 trained runs of 3 variants, seed 42; 4 records" in answer
    assert "strong (run of seed 42) is better than plain (run of seed 42) on 60 queries" in evidence
    assert "like s42: no emotion effect was found" in evidence


def test_the_audit_is_part_of_the_page(page: str) -> None:
    assert "479, 751, 846 of 1002" in page


def test_the_protocol_and_every_runs_origin_are_told(page: str) -> None:
    assert "elsewhere-test|train:train|60x60|ties:expected" in page
    made_part = page[page.index('id="made"') :]
    assert all(record.run in made_part for record in (PLAIN, *OTHERS, CONTROL))


def test_captions_cannot_break_out_of_the_page(tmp_path: Path, bare: None) -> None:
    captions = ["</script><script>alert(1)</script> & <b>"] * 60
    records = [replace(record, queries={**record.queries, "captions": captions}) for record in (PLAIN, OTHERS[0])]
    assert "<script>alert" not in (made(records, tmp_path) / "index.html").read_text(encoding="utf-8")


def test_the_same_records_give_the_same_bytes(tmp_path: Path, page: str) -> None:
    again = made([*OTHERS, CONTROL, PLAIN], tmp_path)
    assert (again / "index.html").read_text(encoding="utf-8") == page


def test_markdown_has_the_same_tables_and_links_its_figures(tmp_path: Path) -> None:
    folder = made([PLAIN, *OTHERS], tmp_path)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "| strong | 0." in text and "Of 2 ways to tell the model about emotion" in text
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert links and all((folder / link).is_file() for link in links)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made([PLAIN, *OTHERS], tmp_path_factory.mktemp("paper"), "latex")


def test_latex_has_one_main_table_and_every_other_float_has_a_label(paper: Path) -> None:
    main, more = ((paper / name).read_text(encoding="utf-8") for name in ("report.tex", "supplement.tex"))
    assert main.count(r"\begin{table}") == 1 and r"\textbf{strong}" in main and r"\label{tab:main}" in main
    assert more.count(r"\begin{table}") + more.count(r"\begin{longtable}") == more.count(r"\toprule")
    for text in (main, more):
        floats = len(re.findall(r"\\begin\{(?:table|longtable|figure)\}", text))
        labels = re.findall(r"\\label\{(.*?)\}", text)
        assert len(labels) == len(set(labels)) == floats
    assert not (paper / "index.html").exists()


def test_a_paper_s_figures_are_pdf(paper: Path) -> None:
    text = (paper / "report.tex").read_text(encoding="utf-8")
    names = re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", text)
    assert names and all(name.endswith(".pdf") and (paper / name).read_bytes()[:5] == b"%PDF-" for name in names)


def test_a_paper_s_protocol_stands_once_and_its_captions_are_short(paper: Path) -> None:
    text = (paper / "report.tex").read_text(encoding="utf-8")
    shown = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert shown.count("elsewhere-test") == 1
    captions = re.findall(r"\\caption\{(.*)\}\\label", text[text.index(r"\begin{figure}") :])
    assert captions and all(len(caption) < 420 for caption in captions)


def test_a_paper_gets_what_it_cites(tmp_path: Path, bare: None) -> None:
    text = (made([PLAIN], tmp_path, "latex") / "references.bib").read_text(encoding="utf-8")
    assert text.startswith("@misc{emotion-video-bench,\n  author = ") and "title = {{emotion-video-bench}:" in text
    assert text.count("{") == text.count("}") and "2209.06430" in text


def test_the_best_is_marked_only_where_it_is_better(tmp_path: Path, bare: None) -> None:
    text = (made([PLAIN, OTHERS[1]], tmp_path, "latex") / "report.tex").read_text(encoding="utf-8")
    assert r"\textbf" not in text


def test_figures_of_a_former_report_go_and_other_files_stay(tmp_path: Path) -> None:
    folder = made([PLAIN, *OTHERS], tmp_path) / "figures"
    assert (folder / "forest.svg").is_file() and (folder / "forest.png").is_file()
    (folder / "mine.svg").write_text("<svg></svg>")
    (folder / "recalls.png").write_text("no picture")
    with pytest.raises(UsageError, match=r"recalls\.png is there already"):
        made([PLAIN], tmp_path)
    (folder / "recalls.png").unlink()
    made([PLAIN], tmp_path)
    left = {path.name for path in folder.iterdir()}
    assert "mine.svg" in left and "recalls.svg" in left and not {"forest.svg", "forest.png"} & left


def test_of_fewer_than_20_queries_no_figure_is_drawn(tmp_path: Path) -> None:
    folder = made([make_record(12, dataset="elsewhere", variant=name) for name in ("plain", "strong")], tmp_path)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<img" not in page and not (folder / "figures").exists()
    assert "12 queries are too few" in page


def test_one_run_alone_makes_a_page_that_says_so(tmp_path: Path, bare: None) -> None:
    text = (made([PLAIN], tmp_path) / "index.html").read_text(encoding="utf-8")
    assert "Nothing is tested: it takes a run of the baseline and one of another variant." in text
    assert 'id="flips"' not in text


def test_a_baseline_may_be_one_run_of_several(tmp_path: Path) -> None:
    baseline = make_record(60, dataset="elsewhere", strength=2.0, seed=7)
    paths = build([PLAIN, baseline, *OTHERS], tmp_path, tmp_path / "out", "emotion", baseline.run, "html")
    names = {path.stem for path in paths if path.suffix == ".svg"}
    assert {"forest", "recalls"} <= names
    page = paths[0].read_text(encoding="utf-8")
    assert (
        f"Geometric mean rank, in units of that of {baseline.run}: " in page
        and f"strong (run of seed 42) is better than {baseline.run} (run of seed 7) on 60 queries" in page
    )


def test_only_where_code_was_not_committed_is_that_explained(tmp_path: Path, bare: None) -> None:
    note = "with changes that were not committed"
    libraries = {"torch": "2.13.0+cpu"}
    clean, dirty = (
        replace(PLAIN, libraries=libraries, code={**PLAIN.code, "commit": "0" * 40, "dirty": dirty})
        for dirty in (False, True)
    )
    assert note not in (made([clean], tmp_path / "clean") / "index.html").read_text(encoding="utf-8")
    assert note in (made([dirty], tmp_path / "dirty") / "index.html").read_text(encoding="utf-8")


def test_protocols_of_one_test_set_stand_side_by_side_in_the_answer(tmp_path: Path, bare: None) -> None:
    twelve = [
        make_record(60, dataset="elsewhere", variant=name, strength=s, frames=12)
        for name, s in (("plain", 2.0), ("strong", 2.0))
    ]
    text = (made([PLAIN, *OTHERS, *twelve], tmp_path) / "index.html").read_text()
    assert "With frames 8 1 of 2 ways to tell the model about emotion ranks the right video higher than plain" in text
    assert "; with frames 12 0 of 1." in text
    assert 'id="group2"' in text and "Not comparable with the first table: frames:12 (there 8)." in text
    assert "frames 12: Δ" in text or "frames 12: rank ratio" in text  # in the one table of all variants


def test_other_datasets_are_answered_apart(tmp_path: Path, bare: None) -> None:
    others = [make_record(40, variant=name) for name in ("plain", "strong")]
    text = (made([PLAIN, *OTHERS, *others], tmp_path) / "index.html").read_text()
    assert "<h2>elsewhere</h2>" in text and "<h2>moodclips</h2>" in text


def test_only_some_runs_and_one_dataset_can_be_shown(tmp_path: Path, capsys: Capture, bare: None) -> None:
    for record in (PLAIN, *OTHERS, CONTROL, make_record(40)):
        save(record, tmp_path / "results")
    words = ["report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    main([*words, "--dataset", "elsewhere", "--only", "like"])
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "moodclips" not in text and "strong" not in text
    assert OTHERS[1].run in text and PLAIN.run in text and "Is it the emotion?" in text
    capsys.readouterr()
    for choice, said in (("--only=liek", "Did you mean like"), ("--dataset=elsewere", "Did you mean elsewhere")):
        code, line = failure([*words, choice], capsys)
        assert code == 2 and said in line


def test_without_records_there_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(["report", "--results", str(tmp_path / "none"), "--out", str(tmp_path / "out")], capsys)
    assert code == 1 and "Make one: bench run --variant plain" in said and not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: Capture, bare: None) -> None:
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
