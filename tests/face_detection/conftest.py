"""Scans by one worker look at clips in this process, so that what tests put in place of something is seen."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from helpers.processes import in_this_process

from bench.face_detection import scan
from bench.utils.processes import in_processes


@pytest.fixture(autouse=True)
def one_worker_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(work: Callable, jobs: Mapping, workers: int, died: Any) -> Iterator:
        scan._detector.cache_clear()  # a process is new in every scan
        return (in_this_process if workers == 1 else in_processes)(work, jobs, workers, died)

    monkeypatch.setattr(scan, "in_processes", started)
