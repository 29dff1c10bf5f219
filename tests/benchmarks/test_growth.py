"""The benchmark of growth at sizes that take seconds: every part runs, exponents are slopes, limits are kept."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks import growth


def point(size: int, seconds: float, added: float = 0.0) -> dict[str, Any]:
    return {"size": size, "seconds": seconds, "wall": seconds, "repeats": 1, "peak_mb": 50.0, "added_mb": added}


@pytest.mark.parametrize("power", [1, 1.5, 2])
def test_the_exponent_is_that_of_the_power_law(power: float) -> None:
    points = [point(size, 1e-6 * size**power, 2 + 0.001 * size) for size in (100, 1000, 10_000, 100_000)]
    assert growth.exponent(points, "seconds", 0) == {"exponent": power, "from": 1000, "to": 100_000}


def test_points_at_the_fixed_cost_are_left_out() -> None:
    points = [point(size, 1 + size / 100) for size in (1, 3, 10, 1000, 10_000, 100_000)]
    time = growth.fitted(points)["time"]
    assert time["from"] == 1000 and time["exponent"] == pytest.approx(1, abs=0.03)


def test_two_points_have_no_exponent() -> None:
    assert growth.fitted([point(100, 1), point(1000, 10)])["time"] is None


def test_a_size_that_would_take_too_long_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def run(words: list[str], **settings: object) -> SimpleNamespace:
        ran.append(int(words[-2]))
        return SimpleNamespace(stdout=json.dumps(point(ran[-1], 1e-6 * ran[-1] ** 2)))

    monkeypatch.setattr(growth.subprocess, "run", run)
    points = growth.measured("evaluate", [100, 1000, 10_000, 100_000], 1, 60)
    assert ran == [100, 1000]
    assert points[-1] == {"size": 10_000, "not_run": "about 100 s expected"}


@pytest.mark.parametrize("name", sorted(growth.PARTS))
def test_every_part_does_its_work(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    assert growth.PARTS[name][2](12, tmp_path)()  # of so few queries a report draws no figure


def test_a_process_measures_and_what_was_measured_is_drawn_without_measuring_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, figure = tmp_path / "growth.json", tmp_path / "growth.png"
    growth.main(["search: 100 queries", "--sizes", "10", "20", "40", "--repeats", "1", "--json", str(kept)])
    first = kept.read_bytes()
    found = json.loads(first)
    assert [one["size"] for one in found["parts"]["search: 100 queries"]["points"]] == [10, 20, 40]
    assert {"date", "hardware", "libraries"} <= found.keys()
    growth.main(["--json", str(kept), "--figure", str(figure)])
    assert figure.read_bytes().startswith(b"\x89PNG") and kept.read_bytes() == first
    assert capsys.readouterr().out.count("search: 100 queries         ") >= 3
