"""Which runs are set against each other, and what is said where they may not be."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.records import make_record

from bench.compare import group_records, paired, render
from bench.compare.paired import PairedComparison, compare_all
from bench.compare.pairing import pairs, withheld
from bench.records.record import Record
from bench.records.store import run_id

SEEDS = (1, 2, 3)


def run(variant: str, seed: int, strength: float = 2.0, code: str = "1a2b3c4d", **train: Any) -> Record:
    config = {"variant": variant, "seed": seed, "train": {"lr": 1e-4, "epochs": 12, "batch": 64, **train}}
    record = make_record(60, variant=variant, seed=seed, strength=strength, config=config)
    return replace(record, code={**record.code, "variant": code})


def declared(records: list[Record], baseline: str = "plain") -> list[PairedComparison]:
    (group,) = group_records(records)
    return compare_all(group, "emotion", baseline)[0]


def reasons(records: list[Record], baseline: str = "plain") -> list[str]:
    (group,) = group_records(records)
    return withheld(group, baseline)


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("epochs", 1), ("steps", 9), ("batch", 32), ("accumulation", 2), ("lr", 1e-5), ("precision", "bf16")],
)
def test_runs_of_unequal_training_share_no_verdict(setting: str, value: Any) -> None:
    usual = {"steps": 0, "accumulation": 1, "precision": "auto"}
    plain, other = run("plain", 1, **usual), run("strong", 1, 6.0, **{**usual, setting: value})
    assert declared([plain, other]) == []
    (reason,) = reasons([plain, other])
    before = plain.config["train"][setting]
    assert f"its training differs from the baseline's (train.{setting} {value}, there {before})." in reason
    text = one_line(render([plain, other]))
    assert reason in text and "declared question" not in text


def test_the_withheld_do_not_count_in_holms_family() -> None:
    plain, strong = run("plain", 1), run("strong", 1, 6.0)
    (alone,) = declared([plain, strong])
    (beside,) = declared([plain, strong, run("short", 1, 0.0, epochs=1)])
    assert alone.holm == beside.holm == alone.p
    assert "No verdict on short" in one_line(render([plain, strong, run("short", 1, 0.0, epochs=1)]))


def test_where_a_checkpoint_falls_or_a_file_lies_is_no_difference_of_training() -> None:
    records = [run("plain", 1, checkpoint_every=50), run("strong", 1, checkpoint_every=9)]
    records = [replace(one, config={**one.config, "root": f"/{i}"}) for i, one in enumerate(records)]
    assert len(declared(records)) == 1


def with_source(record: Record, source: str) -> Record:
    return replace(record, config={**record.config, "emotion_source": source})


def test_another_source_of_emotions_is_the_variant_s_own_and_has_a_verdict() -> None:
    records = [run(variant, seed, 6.0) for variant in ("plain", "film_text") for seed in (1, 2)]
    (one,) = declared([with_source(record, "greens") for record in records])
    assert (one.name, one.baseline) == ("film_text emotion_source=greens", "plain")


def test_a_source_of_emotions_is_no_setting_of_a_variant_that_reads_none() -> None:
    records = [run("plain", 1), with_source(run("plain", 2), "greens"), run("film_text", 1, 6.0)]
    records.append(with_source(run("film_text", 2, 6.0), "greens"))
    (group,) = group_records(records)
    assert {family.name: family.seeds for family in group.families} == {
        "plain": (1, 2),
        "film_text": (1,),
        "film_text emotion_source=greens": (2,),
    }


def without_setting(record: Record, name: str) -> Record:
    train = {key: value for key, value in record.config["train"].items() if key != name}
    return replace(record, config={**record.config, "train": train})


def test_an_older_record_without_a_setting_is_of_the_family_of_its_default() -> None:
    records = [without_setting(run("plain", 1), "warmup"), run("plain", 2, warmup=0.01), run("plain", 3, warmup=0.5)]
    (group,) = group_records(records)
    families = {family.name: family.seeds for family in group.families}
    assert families == {"plain train.warmup=0.01": (1, 2), "plain train.warmup=0.5": (3,)}


def test_an_older_record_without_a_setting_has_no_verdict_against_another_value() -> None:
    old, new = without_setting(run("plain", 1), "warmup"), run("strong", 1, 6.0, warmup=0.5)
    assert "(train.warmup 0.5, there 0.01)" in reasons([old, new])[0]
    assert len(declared([old, run("strong", 1, 6.0, warmup=0.01)])) == 1


def test_runs_of_other_code_are_no_seeds_of_one_variant() -> None:
    plain = [run("plain", seed) for seed in SEEDS]
    changed = [run("strong", seed, 6.0, code="1a2b3c4d" if seed < 3 else "ffffffff") for seed in SEEDS]
    (group,) = group_records([*plain, *changed])
    families = {family.name: family.seeds for family in group.families if family.name != "plain"}
    assert families == {"strong code=1a2b3c4d": (1, 2), "strong code=ffffffff": (3,)}


def test_a_baseline_of_two_codes_is_two_and_nothing_is_tested() -> None:
    records = [run("plain", 1), run("plain", 2, code="ffffffff"), run("strong", 1, 6.0)]
    assert declared(records) == []
    assert "Nothing is tested: 2 settings of plain" in one_line(render(records))


def test_of_unequal_numbers_of_seeds_those_that_both_have_are_compared() -> None:
    plain = [run("plain", seed) for seed in SEEDS]
    strong = [run("strong", seed, 6.0) for seed in (2, 3, 4, 5)]
    (one,) = declared([*plain, *strong])
    assert one.seeds == one.baseline_seeds == (2, 3) and not one.of_runs
    note = "strong has 4 seeds against 3 of plain: compared are those that both have (2, 3)."
    assert note in one_line(render([*plain, *strong]))


def test_three_seeds_against_one_are_two_runs() -> None:
    records = [run("plain", 2), *(run("strong", seed, 6.0) for seed in SEEDS)]
    (one,) = declared(records)
    assert one.of_runs and one.seeds == (2,)
    text = one_line(render(records))
    assert "strong (run of seed 2) is better than plain (run of seed 2)" in text
    assert "A verdict on variants needs two seeds or more of both." in text


def test_without_a_common_seed_unequal_numbers_have_no_verdict() -> None:
    records = [run("plain", 9), *(run("strong", seed, 6.0) for seed in SEEDS)]
    assert declared(records) == []
    (reason,) = reasons(records)
    assert reason == "No verdict on strong: 3 seeds against 1 of plain, none in common. Run it with the same seeds."
    assert reason in one_line(render(records))


def test_two_seeds_of_both_speak_of_variants() -> None:
    records = [
        run(variant, seed, strength) for variant, strength in (("plain", 0.0), ("strong", 50.0)) for seed in (1, 2)
    ]
    text = one_line(render(records))
    assert "strong is better than plain on 60 queries" in text and "run of seed" not in text
    assert "the larger of two" in text


def test_json_says_why_a_comparison_is_withheld() -> None:
    text = render([run("plain", 1), run("strong", 1, epochs=1)], "json")
    assert '"withheld": [\n    "No verdict on strong' in text


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_between_variants_that_do_not_differ_few_verdicts_are_given(seeds: int, spread: float) -> None:
    """Six variants like plain, whose seeds differ by `spread` in log-rank: in 5 % of the tables at most a verdict."""
    rng = np.random.default_rng([seeds, int(10 * spread)])
    base = make_record(120, twins=False)
    tables = 200
    wrong = 0
    for _ in range(tables):
        hard = rng.normal(1.5, 1.0, 120)  # of each query's log-rank
        records = []
        for variant in ("plain", *"abcdef"):
            own = hard + 0.5 * rng.normal(size=120)
            for seed in range(seeds):
                drawn = np.exp(own + spread * rng.normal() + 0.5 * rng.normal(size=120))
                greater = np.clip(np.round(drawn), 1, 120).astype(int) - 1
                both = {"greater": greater.tolist(), "equal": [0] * 120}
                config = {**base.config, "variant": variant, "seed": seed}
                name = run_id(variant, seed, config)
                records.append(
                    replace(
                        base,
                        run=name,
                        variant=variant,
                        seed=seed,
                        config=config,
                        controls={**base.controls, "true_run": name},
                        protocol=base.protocol.replace("seed:42", f"seed:{seed}"),
                        ranks={"t2v": both, "v2t": both},
                    )
                )
        (group,) = group_records(records)
        wrong += any(
            one.verdict in ("better", "worse") for one in paired.declared(pairs(group, "plain"), group.questions)
        )
    assert wrong / tables <= 0.05 + 2 * (0.05 * 0.95 / tables) ** 0.5
