"""Where the files of a run lie."""

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.utils import run_files


def test_what_a_run_leaves_lies_beside_its_record() -> None:
    record = run_files.record_path(Path("results"), "moodclips", "train", "plain", "plain-s1-ab")
    assert record == Path("results/moodclips/train/plain/plain-s1-ab.json")
    assert run_files.weights_path(record) == Path("results/moodclips/train/plain/plain-s1-ab/model.safetensors")
    assert run_files.features_path(record).parent == run_files.folder_of(record)
    assert run_files.results_of(record) == Path("results")


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/x", "", ".x", "a\0", "a\n", "-x"])
@pytest.mark.parametrize("place", range(4))
def test_no_name_leads_out_of_the_results_folder(place: int, name: str) -> None:
    names = ["moodclips", "train", "plain", "plain-s1-ab"]
    names[place] = name
    with pytest.raises(UsageError, match="cannot name a file"):
        run_files.record_path(Path("results"), *names)


def test_records_are_found_in_order_without_the_literature_and_what_is_being_written(tmp_path: Path) -> None:
    for place in ("b/train/plain/two", "a/train/plain/one", "published/a/b/table", "a/train/plain/.one-x", "a/stray"):
        path = tmp_path / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [path.stem for path in run_files.record_paths(tmp_path)] == ["one", "two"]


def test_weights_are_found_by_their_run_with_a_record_or_without(tmp_path: Path) -> None:
    weights = run_files.weights_path(run_files.record_path(tmp_path, "a", "train", "plain", "one"))
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert run_files.weights_by_run(tmp_path) == {"one": weights}
