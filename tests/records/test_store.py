"""The record: what is saved comes back, and what cannot be is refused with one line."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.metrics.metric_registry import METRICS, metric
from bench.metrics.ranking import ranks
from bench.records.check import check
from bench.records.record import Record
from bench.records.store import SCHEMA, load, load_records, record_path, run_id, save

RECORD = make_record()
OLD_RECORDS = Path(__file__).parents[1] / "old_records"
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
folder_per_test = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(RECORD, tmp_path / "results")


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_a_record_lies_under_dataset_split_and_variant(path: Path, tmp_path: Path):
    assert path == tmp_path / "results" / "moodclips" / "train" / "plain" / f"{RECORD.run}.json"


def test_a_saved_record_comes_back_equal(path: Path):
    assert load(path) == RECORD


@folder_per_test
@given(config=st.dictionaries(text, plain, max_size=4), captions=st.lists(text, min_size=24, max_size=24))
def test_any_config_and_captions_come_back_equal(tmp_path: Path, config: dict[str, Any], captions: list[str]):
    more = {f"later {name}": value for name, value in config.items()}  # settings that this bench does not know
    record = replace(RECORD, config={**RECORD.config, **more}, queries={**RECORD.queries, "captions": captions})
    assert load(save(record, tmp_path)) == record


def test_the_ranks_of_a_direction_stand_on_one_line_each(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (
        sum(line.lstrip().startswith(('"greater": [ ', '"equal": [ ')) and line.count(",") > 22 for line in lines) == 4
    )


def test_every_caption_stands_on_a_line_of_its_own(path: Path):
    assert '   "a \\"café\\" [ 7 ]",' in path.read_text(encoding="utf-8").splitlines()


def leaves(value: Any, where: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where] if not items and where else [leaf for key, inner in items for leaf in leaves(inner, (*where, key))]


@folder_per_test
@given(st.data())
def test_any_single_changed_value_is_detected(tmp_path: Path, data: Any):
    path = save(RECORD, tmp_path)
    where = data.draw(st.sampled_from(leaves(json.loads(path.read_text(encoding="utf-8")))))
    other = data.draw(plain)

    def change(raw: dict[str, Any]) -> None:
        for key in where[:-1]:
            raw = raw[key]
        old = raw[where[-1]]
        raw[where[-1]] = other if json.dumps(other) != json.dumps(old) else [old]

    with pytest.raises(BenchError, match=str(path.name)):
        load(rewrite(path, change))


@folder_per_test
@given(st.data())
def test_any_lost_value_is_detected(tmp_path: Path, data: Any):
    path = save(RECORD, tmp_path)
    where = data.draw(st.sampled_from(leaves(json.loads(path.read_text(encoding="utf-8")))))

    def change(raw: dict[str, Any]) -> None:
        for key in where[:-1]:
            raw = raw[key]
        del raw[where[-1]]

    with pytest.raises(BenchError, match=str(path.name)):
        load(rewrite(path, change))


def test_a_newer_schema_asks_for_a_newer_bench(path: Path):
    with pytest.raises(BenchError, match=r"schema 6, this bench reads up to 5\. Update bench"):
        load(rewrite(path, lambda raw: raw.update(schema=6, novelty=True)))


def test_records_of_every_former_schema_still_load():
    files = [*OLD_RECORDS.rglob("*.json")]
    assert {json.loads(file.read_text(encoding="utf-8"))["schema"] for file in files} == {*range(1, SCHEMA)}
    assert [load(file).run for file in files] == [file.stem for file in files]


def of_schema(number: int) -> Record:
    (path,) = (file for file in OLD_RECORDS.rglob("*.json") if f'"schema": {number},' in file.read_text("utf-8"))
    return load(path)


def test_a_record_of_schema_1_is_a_true_run_without_faces():
    record = of_schema(1)
    assert record.controls == {
        "emotions": "true",
        "train_emotions": "true",
        "matched_parameters": False,
        "true_run": record.run,
    }
    assert record.faces == {}


def test_a_record_of_schema_2_was_neither_rescored_nor_probed_nor_selected_on_the_test_set():
    record = of_schema(2)
    assert (record.post, record.last_step, record.probe) == ({}, {}, {})


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_an_old_record_is_upgraded_when_it_is_saved(tmp_path: Path, schema: int):
    old = of_schema(schema)
    path = save(old, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == SCHEMA and load(path) == old


def test_a_newer_record_that_says_an_older_schema_is_refused(path: Path):
    with pytest.raises(BenchError, match="it says schema 2, which has no post, probe, top"):
        load(rewrite(path, lambda raw: raw.update(schema=2)))


@pytest.mark.parametrize("schema", [0, "1", None, True, 1.0])
def test_a_schema_that_is_no_number_is_refused(path: Path, schema: Any):
    with pytest.raises(BenchError, match="no schema number"):
        load(rewrite(path, lambda raw: raw.update(schema=schema)))


def test_an_unknown_field_is_named(path: Path):
    with pytest.raises(BenchError, match="it has novelty: made by a newer version"):
        load(rewrite(path, lambda raw: raw.update(novelty=1)))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"run"', "[" * 100_000, "{} {}"])
def test_what_is_no_record_is_one_line(path: Path, content: str):
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match="remove the file") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_one_line(path: Path):
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BenchError, match="remove the file"):
        load(path)


def test_a_missing_record_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(BenchError, match=r"none\.json is missing.*bench run"):
        load(tmp_path / "none.json")


def test_a_number_too_large_is_refused(path: Path):
    path.write_text(path.read_text(encoding="utf-8").replace('"loss": 8.3', '"loss": 1e999'), encoding="utf-8")
    with pytest.raises(BenchError, match="infinite"):
        load(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"loss": 8.3', '"loss": ' + "9" * 5000, "an integer of thousands of digits"),
        ('"seed": 42,\n "controls"', '"seed": 42,\n "seed": 42,\n "controls"', "the name 'seed' twice in one place"),
        ('"dirty": null', '"dirty": true, "dirty": null', "the name 'dirty' twice in one place"),
        ('"twins": { "0": 1', '"twins": { "0": 1, "00": 1', "twins must be objects|whose keys are queries"),
    ],
)
def test_what_json_alone_would_pass_or_stumble_over_is_one_line(path: Path, old: str, new: str, said: str):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BenchError, match=f"{said}.*remove the file") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_a_record_of_schema_3_keeps_its_last_step_under_another_name():
    record = of_schema(3)
    assert record.selection["rule"] == "test"
    assert record.last_step["rule"] == "last" and record.last_step["ranks"] != record.ranks


def test_a_metric_of_a_plugin_that_is_gone_is_looked_at_for_its_shape_alone(tmp_path: Path):
    record = copy.deepcopy(RECORD)
    record.metrics["all"]["t2v"]["theirs"] = {"value": 5.0, "low": 4.0, "high": 6.0}
    assert load(save(record, tmp_path)) == record
    record.metrics["all"]["t2v"]["theirs"]["low"] = 5.5
    with pytest.raises(BenchError, match=r"theirs of all is 5\.0, outside its interval"):
        check(record)


def test_a_record_of_schema_4_was_asked_for_the_log_ranks_of_all_queries():
    assert of_schema(4).question == ["ranks:all"]


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_a_metric_that_is_registered_later_is_in_records_of_every_schema(
    schema: int, path: Path, monkeypatch: pytest.MonkeyPatch
):
    (file,) = (
        file for file in [path, *OLD_RECORDS.rglob("*.json")] if f'"schema": {schema},' in file.read_text("utf-8")
    )
    before = load(file)
    monkeypatch.setattr(METRICS, "_things", dict(METRICS._things))
    metric("Mean", "the mean rank once more", better="low")(ranks)
    after = load(file)
    assert after.metrics["all"]["v2t"]["Mean"]["value"] == before.metrics["all"]["v2t"]["MnR"]["value"]
    for found in after.metrics.values():
        for way in ("t2v", "v2t"):
            del found[way]["Mean"]
    assert after == before


def test_all_records_come_in_order_of_path(tmp_path: Path):
    for variant, seed in (("plain", 2), ("plain", 1), ("additive_text", 3)):
        save(make_record(variant=variant, seed=seed), tmp_path)
    assert [(record.variant, record.seed) for record in load_records(tmp_path)] == [
        ("additive_text", 3),
        ("plain", 1),
        ("plain", 2),
    ]


def test_published_numbers_and_files_beside_a_record_are_no_records(path: Path, tmp_path: Path):
    beside = path.with_suffix("") / "trainer.json"
    published = tmp_path / "results" / "published" / "a" / "b" / "report.json"
    unfinished = path.with_name(f".{path.stem}-x1.json")
    for other in (beside, published, unfinished):
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("{}", encoding="utf-8")
    assert load_records(tmp_path / "results") == [RECORD]


def test_a_broken_record_among_others_is_named(path: Path, tmp_path: Path):
    broken = save(make_record(seed=7), tmp_path / "results")
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(BenchError, match=broken.name):
        load_records(tmp_path / "results")


def test_a_copy_in_another_place_is_refused(path: Path, tmp_path: Path):
    path.with_name("copy.json").write_bytes(path.read_bytes())
    with pytest.raises(BenchError, match=r"copy\.json holds the run that belongs at .*remove the copy"):
        load_records(tmp_path / "results")


def test_no_records_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match=r"^no records under results/\. Make one: bench run --variant plain$"):
        load_records(Path("results"))


def test_a_run_is_named_by_variant_seed_and_config():
    # printf '{"lr": 0.1, "seed": 42}' | sha256sum
    assert run_id("plain", 42, {"seed": 42, "lr": 0.1}) == "plain-s42-bd8b0cf0"


def test_the_order_of_a_config_does_not_change_the_run():
    assert run_id("plain", 1, {"a": 1, "b": {"c": 2, "d": 3}}) == run_id("plain", 1, {"b": {"d": 3, "c": 2}, "a": 1})


def test_another_value_in_the_config_is_another_run():
    assert run_id("plain", 1, {"lr": 1e-4}) != run_id("plain", 1, {"lr": 1e-5})


def test_the_path_is_known_before_the_run(path: Path, tmp_path: Path):
    assert record_path(tmp_path / "results", "moodclips", "train", "plain", RECORD.run) == path
