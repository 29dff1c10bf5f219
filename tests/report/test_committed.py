"""What is committed under results/ and reports/: every record loads, and the report says what they say."""

from conftest import ROOT

from bench.compare.groups import group_records
from bench.compare.paired import compare_all
from bench.compare.sections import sections_of
from bench.records.record import Record
from bench.records.store import load_records
from bench.report.answer import answers
from bench.report.overview import foundations, main_table
from bench.report.parts import studies_of
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
    (study,) = studies_of(RECORDS, ROOT / "results" / "reference", "emotion", "plain")
    for sentence in answers(study):
        assert f"\n{sentence}\n" in REPORT


def test_the_report_s_main_table_is_that_of_its_records() -> None:
    (study,) = studies_of(RECORDS, ROOT / "results" / "reference", "emotion", "plain")
    for table in (main_table(study), foundations(study)):
        for row in table.stressed("**", "**"):
            assert "| " + " | ".join(row) + " |" in REPORT


def test_every_true_run_is_probed() -> None:
    assert all(record.probe for record in RECORDS if record.controls["true_run"] == record.run)


def test_what_the_text_on_training_says_is_what_its_records_say() -> None:
    text = (ROOT / "reports" / "training-that-asks.md").read_text(encoding="utf-8")
    found = {"random": [], "twins": []}
    for group in group_records(load_records(ROOT / "results" / "batches")):
        declared, _ = compare_all(group, "emotion", "plain")
        found["twins" if "batches:twins" in group.protocol else "random"] += declared
    assert {kind: [one.name.split()[0] for one in some] for kind, some in found.items()} == {
        "random": ["additive_text"],
        "twins": ["face_text_fusion", "additive_text", "cross_attention"],
    }
    for one in (*found["random"], *found["twins"]):
        assert one.verdict == "better" and one.raised < 0.01 and len(one.seeds) == 3
        ends = f"[{one.effect.low:+.1f}, {one.effect.high:+.1f}]"
        assert f"{one.effect.value:+.1f} {ends}" in text, one.name


def test_with_shuffled_emotions_nothing_is_left_above_plain() -> None:
    records = load_records(ROOT / "results" / "batches")
    shuffled = [record for record in records if record.controls["emotions"] == "shuffled"]
    assert len(shuffled) == 6
    for record in shuffled:
        plain = [
            twin_accuracy(other)
            for other in records
            if other.variant == "plain" and other.controls["emotions"] == "true" and other.curve
            if ("batches:twins" in other.protocol) == ("batches:twins" in record.protocol)
        ]
        assert len(plain) == 3 and twin_accuracy(record) < sum(plain) / 3


def twin_accuracy(record: Record) -> float:
    value: float = record.metrics["all"]["t2v"]["TwinAcc"]["value"]
    return value
