"""Shards: every item in exactly one, wherever it is asked; and what is said of parts that are not whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError, UsageError
from bench.utils.shards import Shard, all_parts, find_parts, owned

COUNTS = st.integers(1, 40)


@given(st.sets(st.text(), max_size=50), COUNTS)
def test_every_item_is_in_exactly_one_shard(names: set[str], count: int) -> None:
    shares = [owned(dict.fromkeys(names), Shard(number, count)) for number in range(1, count + 1)]
    assert sorted(name for share in shares for name in share) == sorted(names)


@given(st.sets(st.text(), max_size=20), st.sets(st.text(), max_size=20), COUNTS)
def test_items_that_come_move_no_other_one(names: set[str], later: set[str], count: int) -> None:
    before = owned(dict.fromkeys(names), Shard(1, count))
    assert before.keys() == owned(dict.fromkeys(names | later), Shard(1, count)).keys() & names


def test_an_item_s_shard_is_the_same_on_every_machine() -> None:
    # SHA-256 of "a" begins ca978112ca1bbdca and that of "abc" ba7816bf8f01cfea (FIPS 180-2); of 16 shards the last
    # hexadecimal digit decides: a = 10 is number 11 of 16 as the first is 1; of "abc" likewise, and of 2 the first
    assert [[number for number in range(1, 17) if Shard(number, 16).owns(name)] for name in ("a", "abc")] == [
        [11],
        [11],
    ]
    assert [Shard(1, 2).owns("a"), Shard(2, 2).owns("a")] == [True, False]


def test_shares_are_about_equal() -> None:
    """Binomial: of 10 000 items a tenth is 1 000 with a standard deviation of 30."""
    names = {f"video{number}": None for number in range(10_000)}
    sizes = [len(owned(names, Shard(number, 10))) for number in range(1, 11)]
    assert max(abs(size - 1000) for size in sizes) < 150


def test_names_that_are_no_unicode_have_a_shard() -> None:
    assert Shard(1, 1).owns("caf\udce9.mp4")


@pytest.mark.parametrize("text", ["0/8", "9/8", "1/0", "3", "3-8", "-1/8", "a/b", "1/8/2", " 1/8", "", "²/8"])
def test_anything_but_a_number_of_a_count_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="--shard takes the number of a shard and how many there are"):
        Shard.parse(text)


def test_a_shard_is_read_as_it_is_written() -> None:
    assert str(Shard.parse("3/8")) == "3/8" and Shard.parse("3/8") == (3, 8)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output in a folder that holds other things too, of which no name is that of a part."""
    for name in (
        "faces.parquet",
        "faces.1-of-2.csv",
        "other.1-of-2.parquet",
        "faces.0-of-2.parquet",
        ".faces.1-of-2.parts",
    ):
        (tmp_path / name).touch()
    return tmp_path / "faces.parquet"


def test_the_parts_of_an_output_are_those_beside_it(out: Path) -> None:
    parts = {Shard(number, 2): Shard(number, 2).part(out) for number in (1, 2)}
    for path in parts.values():
        path.touch()
    assert [path.name for path in parts.values()] == ["faces.1-of-2.parquet", "faces.2-of-2.parquet"]
    assert all_parts(out) == parts


def test_no_part_is_one_line(out: Path) -> None:
    assert find_parts(out) == {}
    with pytest.raises(BenchError, match=r"no shard of .*faces\.parquet is there. Run them first: --shard 1/N"):
        all_parts(out)


def test_missing_shards_are_named(out: Path) -> None:
    for number in (1, 3, 10):
        Shard(number, 10).part(out).touch()
    with pytest.raises(BenchError, match=r"of 10 shards 7 are missing. Run --shard 2/10, 4/10, 5/10, …$"):
        all_parts(out)


def test_parts_of_different_numbers_of_shards_are_one_line(out: Path) -> None:
    for shard in (Shard(1, 2), Shard(2, 2), Shard(3, 4)):
        shard.part(out).touch()
    with pytest.raises(
        BenchError, match=r"different numbers of shards \(faces.1-of-2.parquet and faces.3-of-4.parquet\)"
    ):
        all_parts(out)
