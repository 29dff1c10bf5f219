"""The same work on many files: what a process that dies takes with it."""

import os

import pytest

from bench.utils.processes import in_processes


def double(number: int) -> int:
    if number < 0:
        os.abort()  # as a decoder does over a file that was made for it
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_whose_process_dies_is_named_and_the_rest_goes_on(workers: int) -> None:
    jobs = {str(number): (number,) for number in (0, 1, -2, 3, 4, -5, 6)}
    found = dict(in_processes(double, jobs, workers, -1))
    assert found == {"0": 0, "1": 2, "-2": -1, "3": 6, "4": 8, "-5": -1, "6": 12}


def test_no_jobs_start_no_process() -> None:
    assert list(in_processes(double, {}, 2, -1)) == []
