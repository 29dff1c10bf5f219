"""Small copies made in shards: those of one run, in whatever order; and what is said when some are missing."""

from pathlib import Path

import pytest
from helpers.movies import numbered, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.data.compress import Summary, compress
from bench.data.video import COMPRESSED
from bench.errors import BenchError
from bench.utils.shards import Shard


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos, two of which share a name."""
    folder = tmp_path_factory.mktemp("videos")
    for index, name in enumerate(("a.mp4", "b.mkv", "c.mp4", "c.mkv", "deep/d.mp4")):
        (folder / name).parent.mkdir(exist_ok=True)
        write(folder / name, numbered(6 + index))
    return folder


@pytest.fixture(scope="module")
def unsharded(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, dict[str, bytes]]:
    out = tmp_path_factory.mktemp("whole")
    return compress(root, out, workers=1), contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 5))
def test_shards_in_any_order_and_again_make_the_copies_of_one_run(
    data: st.DataObject,
    count: int,
    root: Path,
    unsharded: tuple[Summary, dict[str, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("shards")
    numbers = list(range(1, count + 1))
    again = data.draw(st.lists(st.sampled_from(numbers), max_size=2))
    for number in data.draw(st.permutations([*numbers, *again])):
        compress(root, out, workers=1, shard=Shard(number, count))
    merged = compress(root, out, workers=1, merge=True)
    assert contents(out) == unsharded[1]
    assert (merged.done, merged.skipped, merged.broken) == (0, 3, unsharded[0].broken)


def test_a_video_without_a_copy_is_named_when_all_should_be_there(root: Path, tmp_path: Path) -> None:
    shards = [Shard(number, 2) for number in (1, 2)]
    first, second = ([name for name in "abd" if shard.owns(name)] for shard in shards)
    assert first and second
    compress(root, tmp_path, workers=1, shard=shards[0])
    said = rf"{len(second)} of 3 videos below .* have no copy \({', '.join(second)}\): a shard is missing"
    with pytest.raises(BenchError, match=said):
        compress(root, tmp_path, workers=1, merge=True)


def test_the_command_copies_a_shard_and_says_what_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.mp4", numbered(3))
    main(["data", "compress", "--root", str(tmp_path), "--workers", "1", "--shard", "1/1"])
    said = capsys.readouterr()
    assert said.out.splitlines() == ["1 done, 0 done before, 0 broken", str(tmp_path / COMPRESSED)]
    assert said.err == "Next: the same with --merge in place of --shard 1/1, once all 1 shards are done\n"
    main(["data", "compress", "--root", str(tmp_path), "--merge"])
    assert capsys.readouterr().out.startswith("0 done, 1 done before, 0 broken\n")


def test_a_shard_and_merging_are_not_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["data", "compress", "--root", str(tmp_path), "--shard", "1/2", "--merge"])
    assert (stop.value.code, capsys.readouterr().err[:30]) == (2, "bench: --shard does one shard ")
