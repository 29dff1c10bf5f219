"""What cannot be in a record: every fault is one line, before it is written and after it is read."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record

from bench.errors import BenchError
from bench.records.check import check
from bench.records.record import Record
from bench.records.store import SCHEMA, load, save

RECORD = make_record()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(RECORD, tmp_path / "results")


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


def without_metric(name: str) -> Record:
    record = copy.deepcopy(RECORD)
    del record.metrics["emotion"]["v2t"][name]
    return record


def with_n(subset: str, n: int, *place: str) -> Record:
    record = copy.deepcopy(RECORD)
    entry = record.metrics[subset]
    for name in place:
        entry = entry[name]
    entry["n"] = n
    return record


def with_config(**settings: Any) -> Record:
    """The record with another config alone; settings in a section are given as a dict."""
    config = copy.deepcopy(RECORD.config)
    for name, value in settings.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) and name != "hp" else value
    return changed(config=config)


def without_setting(name: str) -> Record:
    return changed(config={key: value for key, value in RECORD.config.items() if key != name})


def called(run: str) -> Record:
    return changed(run=run, controls={**RECORD.controls, "true_run": run})


def with_seed(seed: int) -> Record:
    """Everywhere, as a run with that seed would say it."""
    return replace(with_config(seed=seed), seed=seed, protocol=RECORD.protocol.replace("seed:42", f"seed:{seed}"))


def with_point(**values: Any) -> Record:
    return changed(curve=[{**RECORD.curve[0], **values}])


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
    "no metric": (with_metric(None), "v2t R@5 of emotion has no value, or no interval"),
    "a metric that is text": (with_metric("high"), "v2t R@5 of emotion must hold value, low and high"),
    "a metric of the core missing": (without_metric("MnR"), "v2t MnR of emotion is missing"),
    "an interval that is not Wilson's": (with_metric(0.0, "low"), "interval 0.0 to .*, Wilson's is [1-9]"),
    "another n of a subset": (with_n("emotion", 7), "metrics of emotion are of 7 queries, not 8"),
    "another n of the twins": (with_n("all", 99, "t2v", "TwinAcc"), "TwinAcc of all is of 99 queries, 12 of"),
    "a subset without metrics": (changed(subsets={**RECORD.subsets, "joy": [1]}), "not of all, emotion, disgust, joy"),
    "other queries in a subset": (
        changed(subsets={"emotion": [1, 2, 3], "disgust": []}),
        "metrics of emotion are of 8 queries, not 3",
    ),
    "its own twin": (changed(twins={**RECORD.twins, 0: 0}), "query 0 is its own twin"),
    "a twin out of range": (changed(twins={**RECORD.twins, 0: 99}), "twins hold"),
    "no question": (changed(question=[]), "question must be a list of texts"),
    "a question twice": (changed(question=["twins", "twins"]), "each once"),
    "a question that is none": (changed(question=["recall"]), "'recall' is no question"),
    "a question about a subset that is not there": (changed(question=["ranks:anger"]), "does not have"),
    "a question about an empty subset": (changed(question=["ranks:disgust"]), "does not have"),
    "a twin without an outcome": (changed(twin_wins={}), "12 queries have a twin"),
    "an outcome that is none": (changed(twin_wins={**RECORD.twin_wins, 0: 0.7}), "0, 0.5 and 1"),
    "a seed that is text": (changed(seed="42"), "seed is str, not int"),
    "a time without zone": (changed(created="2026-01-02T03:04:05"), "no time zone"),
    "a time that is none": (changed(created="yesterday"), "no ISO 8601"),
    "a test split that leaves the folder": (changed(test="../../test"), "cannot name a file"),
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
    "a seed below 0": (with_seed(-1), "seed is -1, not a number from 0 to 4294967295"),
    "a seed that nothing takes": (with_seed(10**400), "seed is an integer of over a hundred digits"),
    "parameters that are no counts": (changed(parameters={"total": 3, "added": 8}), "3 in total and 8 added"),
    "a library that is a number": (changed(libraries={"numpy": 2.4}), "libraries holds something else than text"),
    "a checksum that is none": (changed(checksums={"test": None}), "checksums holds something else than text"),
    "an artifact without a digest": (changed(artifacts={"weights": "abc"}), "artifacts must hold sha256 digests"),
    "an unknown artifact": (changed(artifacts={"plan": "0" * 64}), "artifacts must hold sha256 digests"),
    "code without a version": (changed(code={**RECORD.code, "version": None}), "code must hold version"),
    "hardware in depth": (changed(hardware={"cpu": {"name": "some"}}), "hardware.cpu is neither text nor a number"),
    "a time that is text": (changed(timings={"train": "long"}), "timings.train is 'long', no number of seconds"),
    "a time below 0": (changed(timings={"train": -1.0}), "timings.train is -1.0, no number of seconds"),
    "a time beyond all numbers": (changed(timings={"train": 10**400}), "timings.train is an integer of over a hundred"),
    "a curve of text": (changed(curve=["steep"]), "curve: point 1 must be an object with epoch, logit_scale, loss"),
    "a curve without a loss": (with_point(loss=None), "curve: loss of point 1 holds something else than numbers"),
    "a curve in depth": (
        with_point(val={"T2V R@1": "good"}),
        "curve: val of point 1 holds something else than numbers",
    ),
    "a loss that is an object": (with_point(loss={"train": 1.0}), "curve: .* of point 1 must be numbers"),
    "a step that is none": (with_point(step=1.5), "curve: point 1 has step 1.5, after step 0"),
    "a step twice": (changed(curve=RECORD.curve * 2), "curve: point 2 has step 1, after step 1"),
    "half a surrogate pair": (changed(hardware={"cpu": "\ud800"}), "text that is not Unicode"),
    "another dataset in the config": (
        with_config(dataset="msrvtt"),
        "config says dataset msrvtt, the record moodclips",
    ),
    "another variant in the config": (with_config(variant="film"), "config says variant film, the record plain"),
    "another seed in the config": (with_config(seed=7), "config says seed 7, the record 42"),
    "another split in the config": (with_config(split="9k"), "config says split 9k, the record train"),
    "another control in the config": (with_config(emotions="zeroed"), "config says emotions zeroed, the record true"),
    "other hyperparameters in the config": (
        with_config(hp={"std": "1"}),
        r"config says hp {'std': '1'}, the record {}",
    ),
    "other frames in the config": (with_config(video={"frames": 9}), "protocol says frames 8, the config 9"),
    "another model in the config": (with_config(model={"size": "b32"}), "protocol says model tiny, the config b32"),
    "another start in the config": (with_config(init="clip:x"), "protocol says init random, the config clip"),
    "videos held out in the config": (with_config(train={"holdout": 9}), "says holdout nothing, the config 9"),
    "a word that is no number": (
        with_config(video={"workers": "many"}),
        "config.video.workers is 'many', none of auto",
    ),
    "true for a number": (with_config(video={"workers": True}), "config.video.workers is bool, not str"),
    "a config of another shape": (with_config(train=5), "config.train is int, not a group of settings"),
    "a setting of another type": (with_config(train={"lr": "fast"}), "config.train.lr is str, not float"),
    "hyperparameters that are no text": (with_config(hp={"std": 1.0}), "config.hp must hold text"),
    "control characters in the config": (
        with_config(split="\x00\r\n"),
        r"config says split '\\x00\\r\\n', the record train",
    ),
    "control characters in the start": (with_config(init="\x1b[2J:x"), r"the config '\\x1b\[2J'"),
    "no config": (changed(config={}), "config has no variant"),
    "a seed that is an object": (changed(config={**RECORD.config, "seed": {}}), "config.seed is dict, not int"),
    "a test that is an object": (changed(config={**RECORD.config, "test": {}}), "config.test is dict, not str"),
    "no seed in the config": (without_setting("seed"), "config has no seed"),
    "epochs below 0": (with_config(train={"epochs": -1}), "no run has such a config: --train.epochs takes a number"),
    "a beta above 1": (with_config(train={"beta1": 1e308}), "no run has such a config: --train.beta1 takes"),
    "an unknown precision": (with_config(train={"precision": "x"}), "config.train.precision is 'x', none of auto"),
    "an unknown reader": (with_config(video={"reader": "x"}), "config.video.reader is 'x', none of pyav, decord"),
    "a curve beyond the steps": (
        replace(
            with_config(train={"steps": 1}),
            curve=[RECORD.curve[0], {**RECORD.curve[0], "step": 2}],
            selection={"rule": "last", "step": 2},
        ),
        "config says train.steps 1, the last step of the curve is 2",
    ),
    "a run of another seed": (called("plain-s7-aaaaaaaa"), "called plain-s7-aaaaaaaa, but is of plain and seed 42"),
    "a run of another variant": (called("film_text-s42-aaaaaaaa"), "called film_text-s42-.*, but is of plain and"),
    "a step after the last": (
        changed(selection={"rule": "last", "step": 2}),
        "step 2, the last step of the curve is 1",
    ),
    "a last step that is not": (
        changed(selection={"rule": "last", "step": 0}),
        "step 0, the last step of the curve is 1",
    ),
    "a protocol of two lines": (changed(protocol=f"{RECORD.protocol}\n"), "no protocol signature"),
    "a set": (changed(hardware={"accelerators": {1, 2}}), "JSON cannot"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unsound_record_is_not_saved(fault: str, tmp_path: Path):
    record, message = FAULTS[fault]
    with pytest.raises(BenchError, match=message) as error:
        save(record, tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*"))


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


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "a set"])
def test_an_unsound_file_is_not_loaded(fault: str, path: Path):
    record, message = FAULTS[fault]
    path.write_text(json.dumps({"schema": SCHEMA, "sha256": "?", **asdict(record)}), encoding="utf-8")
    with pytest.raises(BenchError, match=f"{path.name}.*({message}|which is no number).*remove the file") as error:
        load(path)
    assert "\n" not in str(error.value)
