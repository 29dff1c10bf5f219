"""Where things lie."""

from pathlib import Path

import pytest

from bench.utils.paths import home


def test_a_tilde_in_bench_home_is_the_user_s_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", "~/cache of bench")
    assert home() == Path.home() / "cache of bench"


def test_a_tilde_of_nobody_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", "~nobody-of-that-name/cache")
    assert home() == Path("~nobody-of-that-name/cache")
