"""What is committed under results/ and reports/: every record loads, and the report says what they say."""

from conftest import ROOT

from bench.compare.groups import group_records
from bench.compare.sections import sections_of
from bench.records.store import load_records
from bench.report.sentences import sentences
from bench.utils.tables import markdown

RECORDS = load_records(ROOT / "results" / "reference")
REPORT = (ROOT / "reports" / "reference" / "report.md").read_text(encoding="utf-8")


def test_it_is_of_variants_that_are_there_and_of_plain() -> None:
    """A variant that is new may lack a trained record; what is shown must be there to be run."""
    trues = {record.variant for record in RECORDS if record.controls["true_run"] == record.run}
    assert "plain" in trues
    assert trues <= {path.stem for path in (ROOT / "variants").glob("*.py")}


def test_the_report_has_the_tables_that_its_records_give() -> None:
    (group,) = group_records(RECORDS)
    for section in sections_of(group, group, "emotion", "plain"):
        assert markdown(section.table, "", section.note) in REPORT, section.key


def test_the_report_says_what_its_records_say() -> None:
    (group,) = group_records(RECORDS)
    for sentence in sentences(group, sections_of(group, group, "emotion", "plain")):
        assert f"- {sentence}\n" in REPORT


def test_every_true_run_is_probed() -> None:
    assert all(record.probe for record in RECORDS if record.controls["true_run"] == record.run)
