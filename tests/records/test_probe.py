"""The probe as a type: it goes into a record and comes back as it was."""

import json

import pytest
from conftest import ROOT

from bench.records.probe import Probe
from bench.records.record import Record
from bench.records.store import load_records

PROBED = [record for record in load_records(ROOT / "tests" / "probed_records") if record.probe]


@pytest.mark.parametrize("record", PROBED, ids=lambda record: record.variant)
def test_the_probe_of_every_committed_record_comes_back_to_the_letter(record: Record) -> None:
    again = Probe.from_json(record.probe).as_json()
    assert json.dumps(again, ensure_ascii=False) == json.dumps(record.probe, ensure_ascii=False)


def test_its_numbers_are_those_of_the_record() -> None:
    raw, probe = PROBED[0].probe, Probe.from_json(PROBED[0].probe)
    entry = raw["counterfactual"]["edits"]["swap"]["FlipAcc"]
    swap = probe.edits["swap"]
    assert (swap.flip.estimate.value, swap.flip.n, swap.flip.chance) == (entry["value"], entry["n"], 50.0)
    assert swap.flips == raw["counterfactual"]["per_query"]["flip"]["swap"]
    assert probe.twins["group"].chance == raw["twins"]["group"]["chance"]
