"""The record: what is saved comes back, and what cannot be is refused with one line."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.records.check import check
from bench.records.protocol import parse_signature, protocol_signature
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
    record = replace(RECORD, config=config, queries={**RECORD.queries, "captions": captions})
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


def changed(**fields: Any) -> Record:
    return replace(copy.deepcopy(RECORD), **fields)


def with_ranks(way: str, name: str, change: Callable[[list], object]) -> Record:
    record = copy.deepcopy(RECORD)
    change(record.ranks[way][name])
    return record


def with_metric(value: Any, key: str = "value") -> Record:
    record = copy.deepcopy(RECORD)
    record.metrics["emotion"]["v2t"]["R@5"][key] = value
    return record


def with_control(**controls: Any) -> Record:
    return changed(controls={**RECORD.controls, **controls})


FAULTS = {
    "a missing query": (with_ranks("t2v", "greater", list.pop), "has 23 queries, not 24"),
    "a missing caption": (
        changed(queries={**RECORD.queries, "captions": RECORD.queries["captions"][1:]}),
        "24 videos but 23",
    ),
    "a video twice": (
        changed(queries={**RECORD.queries, "videos": ["clip0001", *RECORD.queries["videos"][1:]]}),
        "clip0001 occurs 2 times",
    ),
    "a negative count": (with_ranks("v2t", "equal", lambda column: column.__setitem__(3, -1)), "no count from 0 to 23"),
    "too many rivals": (
        with_ranks("v2t", "greater", lambda column: column.__setitem__(3, 24)),
        "no count from 0 to 23",
    ),
    "a count that is no integer": (with_ranks("t2v", "equal", lambda column: column.__setitem__(0, 0.0)), "no count"),
    "NaN among the ranks": (with_ranks("t2v", "greater", lambda column: column.__setitem__(0, math.nan)), "NaN"),
    "NaN in the curve": (changed(curve=[{"step": 1, "loss": math.nan}]), "NaN"),
    "infinity in the timings": (changed(timings={"train": math.inf}), "infinite"),
    "a subset index out of range": (
        changed(subsets={"emotion": [24], "disgust": []}),
        "emotion holds what is no index",
    ),
    "a subset index twice": (changed(subsets={"emotion": [2, 2], "disgust": []}), "emotion holds a query twice"),
    "a subset called all": (changed(subsets={**RECORD.subsets, "all": []}), "metrics are of"),
    "a metric that the ranks do not give": (with_metric(99.9), "v2t R@5 of emotion is 99.9"),
    "an interval beside its value": (with_metric(99.9, "low"), "v2t R@5 of emotion is .*, outside its interval"),
    "no metric": (with_metric(None), "metrics of emotion disagree"),
    "a subset without metrics": (changed(subsets={**RECORD.subsets, "joy": [1]}), "not of all, emotion, disgust, joy"),
    "other queries in a subset": (changed(subsets={"emotion": [1, 2, 3], "disgust": []}), "emotion disagree"),
    "a twin out of range": (changed(twins={**RECORD.twins, 0: 99}), "twins hold"),
    "a twin without an outcome": (changed(twin_wins={}), "12 queries have a twin"),
    "an outcome that is none": (changed(twin_wins={**RECORD.twin_wins, 0: 0.7}), "0, 0.5 and 1"),
    "a seed that is text": (changed(seed="42"), "seed is str, not int"),
    "a time without zone": (changed(created="2026-01-02T03:04:05"), "no time zone"),
    "a time that is none": (changed(created="yesterday"), "no ISO 8601"),
    "a name that leaves the folder": (changed(variant="../plain"), "cannot name a file"),
    "another seed in the protocol": (changed(protocol=RECORD.protocol.replace("seed:42", "seed:1")), "says seed 1"),
    "another gallery in the protocol": (changed(protocol=RECORD.protocol.replace("24x24", "9x9")), "says 9x9"),
    "a protocol that is none": (changed(protocol="fair"), "no protocol signature"),
    "parameters without a total": (changed(parameters={"added": 3}), "parameters holds added"),
    "a direction missing": (changed(ranks={"t2v": RECORD.ranks["t2v"]}), "ranks holds t2v"),
    "an unknown control": (with_control(emotions="shuffle"), "controls.emotions is 'shuffle', none of true, shuffled"),
    "a control that is no truth value": (with_control(matched_parameters="no"), "not true or false"),
    "a true run that is not its own": (with_control(true_run="plain-s1"), "true_run is 'plain-s1'"),
    "a control that is its own true run": (with_control(train_emotions="zeroed"), "true_run is 'plain-s42"),
    "faces without a source": (changed(faces={"sha256": "0", "pooling": "mean"}), "faces must be empty"),
    "faces with an empty source": (
        changed(faces={"source": "", "sha256": "0", "pooling": "mean"}),
        "faces must be empty",
    ),
    "a set": (changed(hardware={"accelerators": {1, 2}}), "JSON cannot"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unsound_record_is_not_saved(fault: str, tmp_path: Path):
    record, message = FAULTS[fault]
    with pytest.raises(BenchError, match=message) as error:
        save(record, tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "a set"])
def test_an_unsound_file_is_not_loaded(fault: str, path: Path):
    record, message = FAULTS[fault]
    path.write_text(json.dumps({"schema": SCHEMA, "sha256": "?", **asdict(record)}), encoding="utf-8")
    with pytest.raises(BenchError, match=f"{path.name}.*({message}|which is no number).*remove the file") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_two_rivals_too_many_in_sum_are_found():
    record = copy.deepcopy(RECORD)
    record.ranks["t2v"]["greater"][5], record.ranks["t2v"]["equal"][5] = 20, 4
    with pytest.raises(BenchError, match="query 5 has 24 rivals in a gallery of 24"):
        check(record)


def test_a_first_rank_and_a_lost_twin_contradict_each_other():
    counts = RECORD.ranks["t2v"]
    first = next(i for i in RECORD.twins if counts["greater"][i] + counts["equal"][i] == 0)
    with pytest.raises(BenchError, match=f"query {first} ranks first"):
        check(changed(twin_wins={**RECORD.twin_wins, first: 0.0}))


def test_a_newer_schema_asks_for_a_newer_bench(path: Path):
    with pytest.raises(BenchError, match=r"schema 4, this bench reads up to 3\. Update bench"):
        load(rewrite(path, lambda raw: raw.update(schema=4, novelty=True)))


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
    assert (record.post, record.honest, record.probe) == ({}, {}, {})


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_an_old_record_is_upgraded_when_it_is_saved(tmp_path: Path, schema: int):
    old = of_schema(schema)
    path = save(old, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == SCHEMA and load(path) == old


def test_a_newer_record_that_says_an_older_schema_is_refused(path: Path):
    with pytest.raises(BenchError, match="it says schema 2, which has no honest, post, probe, top"):
        load(rewrite(path, lambda raw: raw.update(schema=2)))


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"rule": "tset", "step": 1}, "none of last, val, test"),
        ({"rule": "last", "step": "x"}, "none of last, val, test, or no step"),
        ({"rule": "test", "step": 1}, "ckpt last, the record was selected by test"),
    ],
)
def test_a_selection_that_the_signature_does_not_brand_is_refused(selection: dict[str, Any], said: str):
    with pytest.raises(BenchError, match=said):
        check(changed(selection=selection))


@pytest.mark.parametrize("schema", [0, "1", None, True, 1.0])
def test_a_schema_that_is_no_number_is_refused(path: Path, schema: Any):
    with pytest.raises(BenchError, match="no schema number"):
        load(rewrite(path, lambda raw: raw.update(schema=schema)))


def test_an_unknown_field_is_named(path: Path):
    with pytest.raises(BenchError, match="by novelty"):
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


def signature(**parts: Any) -> str:
    given: dict[str, Any] = {
        "dataset": "msrvtt",
        "test": "1kA",
        "train": "6k-emotion",
        "queries": 1000,
        "videos": 1000,
        "frames": 12,
        "resolution": 224,
        "model": "b32",
        "init": "clip-vip:FILE-1a2b3c4d",
        "captions": "sampled",
        "checkpoint": "last",
        "seed": 42,
    }
    return protocol_signature(**{**given, **parts})


def test_the_signature_is_one_line_with_all_that_must_be_equal():
    assert signature() == (
        "msrvtt-1kA|train:6k-emotion|1000x1000|ties:expected|score:fp32|post:none|frames:12|res:224|model:b32"
        "|init:clip-vip:FILE-1a2b3c4d|captions:sampled|ckpt:last|seed:42|v:1"
    )


def test_a_parsed_signature_has_its_parts_by_name():
    parts = parse_signature(signature())
    assert (parts["test"], parts["size"], parts["init"]) == ("msrvtt-1kA", "1000x1000", "clip-vip:FILE-1a2b3c4d")


def test_left_out_clips_stand_in_the_signature():
    assert (
        parse_signature(signature(skipped={"1kA": 3, "6k-emotion": 12, "val": 0}))["skipped"] == "1kA=3,6k-emotion=12"
    )


def test_a_separator_in_a_part_is_an_error():
    with pytest.raises(BenchError, match=r"init .run:a\|b. cannot stand"):
        signature(init="run:a|b")


@pytest.mark.parametrize("line", ["", "a|b", "a|train:x|1x1|train:y|v:1", "a|train:|1x1|v:1", "a|1x1|2x2|train:x|v:1"])
def test_what_is_no_signature_is_an_error(line: str):
    with pytest.raises(BenchError, match="protocol"):
        parse_signature(line)
