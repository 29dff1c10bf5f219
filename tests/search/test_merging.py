"""An index made in shards: that of one run, whatever was stopped or repeated; and what is said of parts that differ."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.asking import Capture, output
from helpers.processes import OrderedThreads
from helpers.search import SeesColours, as_encoder, clip, tiny_clip
from helpers.sidecars import known
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BenchError, UsageError
from bench.search import building, index_store, models, searcher
from bench.search.index_store import IndexedFile, Store
from bench.search.merging import merge
from bench.search.searcher import Choice, Searcher, open_folder
from bench.utils.shards import Shard

Load = Callable[..., object]


class Stopped(Exception):
    """Stands for whatever ends a process."""


class Stops(SeesColours):
    """Is stopped over the window behind so many."""

    left = 10**6

    def windows(self, seen: Any) -> np.ndarray:
        if self.seen + len(seen) > Stops.left:
            raise Stopped
        return super().windows(seen)


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load", lambda name, *rest: as_encoder(Stops(name, f"digest of {name}")))
    monkeypatch.setattr(building, "BATCH", 1)
    monkeypatch.setattr(searcher, "code_of", lambda *modules: "this code")


def indexed(folder: Path, shard: str = "", **words: Any) -> Searcher:
    """A folder's index, or the part of a shard."""
    part = Shard.parse(shard) if shard else None
    return open_folder(folder, folder.parent / "results", Choice(**{"model": "clip:a", **words}), shard=part)


def contents(store: Store | None) -> tuple[Any, ...]:
    """What an index was made with, its files with their windows, in order, and the bytes of its features and faces."""
    assert store is not None
    matrices = [path.read_bytes() for path in sorted(store.path.glob("*.f16"))]
    return store.about, list(store.entries.items()), matrices


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five clips, one long, one with a still picture, one broken, two in folders below."""
    folder = tmp_path_factory.mktemp("videos") / "my.videos"
    clip(folder / "red.mp4", "red")
    clip(folder / "more" / "blue.mkv", "blue")
    clip(folder / "more" / "long.mp4", "red", "green", seconds=12)
    clip(folder / "z.mp4", "green")
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def whole(videos: Path) -> tuple[Any, ...]:
    """The index of one run without shards; its files are gone again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "load", lambda name, *rest: as_encoder(Stops(name, f"digest of {name}")))
        patch.setattr(building, "BATCH", 1)
        patch.setattr(searcher, "OrderedProcesses", OrderedThreads)
        made = contents(indexed(videos).store)
    forget()
    return made


def forget() -> None:
    shutil.rmtree(index_store.home() / "search", ignore_errors=True)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 6))
def test_shards_that_are_stopped_and_repeated_in_any_order_make_the_index_of_one_run(
    data: st.DataObject, count: int, videos: Path, whole: tuple[Any, ...]
) -> None:
    forget()
    numbers = list(range(1, count + 1))
    again = data.draw(st.lists(st.sampled_from(numbers), max_size=2))
    for number in data.draw(st.permutations([*numbers, *again])):
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Stopped):
            patch.setattr(Stops, "left", data.draw(st.integers(0, 3)))
            indexed(videos, f"{number}/{count}")
        indexed(videos, f"{number}/{count}")
    store, summary = merge(videos)
    assert contents(index_store.read(videos)) == contents(store) == whole
    assert (summary.new, summary.indexed, list(summary.broken)) == (5, 7, ["broken.mp4"])
    assert list((index_store.home() / "search").iterdir()) == [store.path]


@pytest.fixture
def parts(clips: Path) -> Path:
    """A folder of which three shards are indexed."""
    for number in (1, 2, 3):
        indexed(clips, f"{number}/3")
    return clips


def test_a_merged_index_answers(parts: Path) -> None:
    merge(parts)
    searcher = indexed(parts)
    assert searcher.summary.kept == 4
    assert searcher.ask("blue", 1).moments[0].file == "blue.mp4"


def test_merging_needs_no_model_and_again_changes_nothing(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load", None)
    before = contents(merge(parts)[0])
    store, summary = merge(parts)
    assert contents(store) == before
    assert (summary.kept, summary.new, summary.indexed) == (4, 0, 10)


def test_a_shard_reads_only_what_the_merged_index_lacks(parts: Path) -> None:
    merge(parts)
    kept = {path: entry for path, entry in contents(index_store.read(parts))[1] if path != "red.mp4"}
    clip(parts / "red.mp4", "blue", "green")
    clip(parts / "new.mp4", "green")
    (parts / "green.mp4").unlink()
    del kept["green.mp4"]
    read = [indexed(parts, f"{number}/2").summary.new for number in (1, 2)]
    store, summary = merge(parts)
    assert sum(read) == 2
    assert (summary.new, summary.changed, summary.gone, summary.kept) == (1, 1, 1, 2)
    assert {path: entry for path, entry in store.entries.items() if path in kept} == kept
    assert store.entries.keys() == kept.keys() | {"red.mp4", "new.mp4"}
    assert indexed(parts).ask("green", 1).moments[0].file == "new.mp4"


def test_a_missing_shard_is_named(parts: Path) -> None:
    shutil.rmtree(index_store.place(parts, Shard(2, 3)))
    with pytest.raises(BenchError, match=r"of 3 shards 1 are missing\. Run --shard 2/3"):
        merge(parts)


def test_a_shard_that_wrote_nothing_yet_is_named(parts: Path) -> None:
    (index_store.place(parts, Shard(3, 3)) / "manifest.jsonl").unlink()
    with pytest.raises(BenchError, match=r"shard 3/3 of .* was not finished\. Repeat it: bench index .* --shard 3/3"):
        merge(parts)


def test_a_shard_that_was_stopped_is_named(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stops, "left", 1)
    with pytest.raises(Stopped):
        indexed(clips, "1/1")
    with pytest.raises(BenchError, match=r"shard 1/1 of .* lacks 3 videos that are new or changed"):
        merge(clips)


def test_parts_of_different_numbers_of_shards_are_one_line(parts: Path) -> None:
    indexed(parts, "1/2")
    with pytest.raises(BenchError, match="holds parts of different numbers of shards"):
        merge(parts)


@pytest.mark.parametrize(
    ("words", "said"),
    [({"model": "clip:b"}, "model: clip:a, clip:b"), ({"window": 4.0}, r"window: 10\.0, 4\.0")],
)
def test_shards_with_different_settings_are_named(parts: Path, words: dict[str, Any], said: str) -> None:
    indexed(parts, "2/3", replace=True, **words)
    with pytest.raises(BenchError, match=rf"shards 1/3 and 2/3 of .* made differently \({said}\)"):
        merge(parts)


def test_a_shard_by_other_code_is_named_and_made_again_when_it_is_repeated(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(searcher, "code_of", lambda *modules: "other code")
        assert indexed(parts, "2/3").summary.kept == 0
    with pytest.raises(BenchError, match=r"made differently \(code: this code, other code\)"):
        merge(parts)
    indexed(parts, "2/3")
    assert merge(parts)[1].new == 4


def test_a_shard_with_other_settings_is_not_mixed_with_what_is_there(parts: Path) -> None:
    with pytest.raises(UsageError, match=r"was made with windows of 10 s, not 4 s"):
        indexed(parts, "1/3", window=4.0)


def test_videos_that_changed_since_are_named(parts: Path) -> None:
    clip(parts / "red.mp4", "blue", "green")
    [shard] = [Shard(number, 3) for number in (1, 2, 3) if Shard(number, 3).owns("red.mp4")]
    with pytest.raises(BenchError, match=rf"shard {shard} of .* lacks 1 videos that are new or changed \(red\.mp4\)"):
        merge(parts)


def test_an_index_of_other_settings_is_replaced_only_on_demand(clips: Path) -> None:
    before = contents(indexed(clips).store)
    with pytest.raises(UsageError, match=r"was made with windows of 10 s, not 4 s"):
        indexed(clips, "1/2", window=4.0)
    for shard in ("1/2", "2/2", "2/2"):
        indexed(clips, shard, window=4.0, replace=True)
    with pytest.raises(UsageError, match=r"made otherwise than its shards \(window: 10\.0, 4\.0\)"):
        merge(clips)
    assert contents(index_store.read(clips)) == before
    merge(clips, replace_index=True)
    after = contents(index_store.read(clips))
    assert after[0].window == 4.0 and after != before
    forget()
    assert after == contents(indexed(clips, window=4.0).store)


def test_work_that_is_saved_on_the_way_is_the_same(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.search.merging.SAVE_EVERY", 1)
    made = contents(merge(parts)[0])
    forget()
    assert made == contents(indexed(parts).store)


def test_faces_are_merged_too(clips: Path, tmp_path: Path) -> None:
    model = known(tmp_path / "known.parquet", "red", "green", "blue", "long")
    words = {"faces": "sidecar", "settings": {"model": str(model)}}
    for number in (1, 2):
        indexed(clips, f"{number}/2", **words)
    made = contents(merge(clips)[0])
    forget()
    assert made == contents(indexed(clips, **words).store)
    assert len(made[2]) == 2


def test_rows_of_a_file_are_those_that_were_added(clips: Path) -> None:
    store = indexed(clips).store
    everything = np.concatenate([rows for _, rows in store.features()])
    np.testing.assert_array_equal(np.concatenate([store.rows(path)[0] for path in store.entries]), everything)
    empty = IndexedFile(0, 0, first=0, seconds=0.0, error="broken")
    store.add("broken.mp4", empty, np.zeros((0, 3), np.float32))
    store.save()
    assert store.rows("broken.mp4")[0].shape == (0, 3)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_process_is_not_enough(clips: Path, workers: int) -> None:
    with pytest.raises(UsageError, match="--workers takes a number of at least 1"):
        open_folder(clips, clips, Choice("clip:a"), workers=workers)


def test_the_command_with_a_clip_makes_the_features_of_one_run_to_the_last_bit_of_float16(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Other windows share its batches then, so that float32 sums round otherwise."""
    monkeypatch.undo()
    monkeypatch.setattr(searcher, "OrderedProcesses", OrderedThreads)
    words = ["index", str(videos), "--model", f"clip:{tiny_clip(tmp_path / 'clip')}", "--workers", "1"]
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "shards"))
    for last in (["--shard", "2/2"], ["--shard", "1/2"], ["--merge"]):
        said = output([*words, *last], capsys)
    assert "clips: 5 new, 0 changed, 0 gone, 0 unchanged, 1 broken; 7 windows" in said
    merged = index_store.read(videos)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "whole"))
    output(words, capsys)
    whole = index_store.read(videos)
    assert merged and whole and (merged.about, merged.entries) == (whole.about, whole.entries)
    [(_, one)], [(_, other)] = merged.features(), whole.features()
    np.testing.assert_allclose(one, other, rtol=2**-10, atol=2**-14)
