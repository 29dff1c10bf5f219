"""Which clips make up a batch, epoch by epoch, rank by rank."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from helpers.runs import bench
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.config import TrainConfig
from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation
from bench.data.batches import Groups, compose, connected, training_groups, training_keys

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 12)).filter(lambda sizes: sizes[1] <= sizes[0])
GROUP_SIZES = st.lists(st.integers(2, 5), max_size=12)


def in_order(n: int, sizes: list[int]) -> list[list[int]]:
    """Groups of these sizes over the first of n clips, as many as there is room for."""
    groups, start = [], 0
    for size in sizes:
        if start + size <= n:
            groups.append(list(range(start, start + size)))
            start += size
    return groups


def pairs(n: int) -> Groups:
    """Clip 0 with 1, 2 with 3, and so on."""
    return lambda rng: in_order(n, [2] * (n // 2))


def together(places: list[int]) -> int:
    """How many clips of a batch have their other half in it, where clip 0 is paired with 1, 2 with 3, and so on."""
    return sum(place ^ 1 in places for place in places)


@settings(deadline=None)
@given(sizes=SIZES, seed=st.integers(0, 5), grouped=GROUP_SIZES, share=st.floats(0.01, 1))
def test_each_epoch_takes_a_place_at_most_once_and_drops_less_than_a_batch(
    sizes: tuple[int, int], seed: int, grouped: list[int], share: float
) -> None:
    n, batch = sizes
    per_epoch, groups = n // batch, in_order(sizes[0], grouped)
    keys = list(training_keys(n, batch, seed, range(3 * per_epoch), groups=lambda rng: groups, share=share))
    for epoch in range(3):
        places = [key for group in keys[epoch * per_epoch : (epoch + 1) * per_epoch] for key in group]
        assert all(key[0] == epoch for key in places)
        assert max(Counter(place for _, place in places).values()) == 1
        assert n - len(places) < batch


def test_an_epoch_that_fits_is_a_permutation_and_each_epoch_another() -> None:
    keys = list(training_keys(12, 4, 42, range(6)))
    epochs = [[place for group in keys[start : start + 3] for _, place in group] for start in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != epochs[1]


def test_random_batches_are_cut_from_one_permutation_as_they_always_were() -> None:
    order = np.random.default_rng([42, 1]).permutation(30)
    found = [[place for _, place in batch] for batch in training_keys(30, 8, 42, range(3, 6))]
    assert found == [order[start : start + 8].tolist() for start in (0, 8, 16)]


@pytest.mark.parametrize("groups", [None, pairs(30)], ids=["random", "pairs"])
@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_ranks_parts_make_the_batch(world: int, groups: Groups | None) -> None:
    whole = list(training_keys(30, 8, 1, range(7), groups=groups))
    parts = [list(training_keys(30, 8, 1, range(7), groups=groups, rank=rank, world=world)) for rank in range(world)]
    assert [list(chain(*shares)) for shares in zip(*parts, strict=True)] == whole


@settings(deadline=None)
@given(sizes=SIZES, start=st.integers(0, 20), paired=st.booleans())
def test_batches_can_be_resumed_from_any_number(sizes: tuple[int, int], start: int, paired: bool) -> None:
    groups = pairs(sizes[0]) if paired else None
    whole = list(training_keys(*sizes, 42, range(25), groups=groups))
    assert list(training_keys(*sizes, 42, range(start, 25), groups=groups)) == whole[start:]


@pytest.mark.parametrize(
    ("share", "paired"), [(1.0, [8] * 5), (0.5, [4] * 5), (0.25, [2] * 5), (0.05, [0, 0, 0, 0, 2])]
)
def test_the_share_of_every_batch_is_filled_with_whole_pairs(share: float, paired: list[int]) -> None:
    found = compose(400, 8, pairs(400)(np.random.default_rng()), share, np.random.default_rng(3))
    for places, count in zip(found.tolist(), paired * 10, strict=True):
        assert together(places[:count]) == count


def test_a_batch_of_odd_size_has_one_clip_alone() -> None:
    found = compose(42, 7, pairs(42)(np.random.default_rng()), 1.0, np.random.default_rng(0))
    assert sorted(found.ravel().tolist()) == list(range(42))
    assert all(together(places[:6]) == 6 for places in found.tolist())


def test_clips_without_a_group_are_spread_over_all_batches() -> None:
    groups = in_order(80, [2] * 30)  # 60 clips in pairs, 20 alone
    found = compose(80, 8, groups, 1.0, np.random.default_rng(0))
    alone = [sum(place >= 60 for place in places) for places in found.tolist()]
    assert alone == [2] * 10
    assert all(together(places) == 6 for places in (found[found < 60].reshape(10, 6)).tolist())


def test_a_group_that_is_larger_than_a_batch_fills_batches() -> None:
    found = compose(12, 3, [list(range(9))], 1.0, np.random.default_rng(0))
    assert sorted(found.ravel().tolist()) == list(range(12))
    assert sum(len({place // 3 for place in places}) == 1 for places in found.tolist()) >= 2


def test_twins_of_twins_are_one_group() -> None:
    assert connected({0: 5, 5: 0, 2: 7, 7: 9, 9: 2}) == [[0, 5], [2, 7, 9]]
    assert connected({3: 1, 2: 0, 0: 1}) == [[0, 1, 2, 3]]


def test_twins_are_those_of_the_annotation() -> None:
    clips = tuple(Clip(f"video{number}", ("a man",)) for number in range(6))
    train = Annotation("x", "train", clips, twins={0: 3, 3: 0, 1: 4, 4: 1})
    groups = training_groups(train, TrainConfig(batches="twins"))
    assert groups is not None
    assert groups(np.random.default_rng(0)) == [[0, 3], [1, 4]]
    assert training_groups(train, TrainConfig()) is None


def test_a_split_without_twins_is_sent_to_similar_clips(
    command: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(command(train__batches="twins"))
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "msrvtt/9k does not say which clips are twins" in line
    assert "--train.batches similar" in line


def test_a_run_with_twins_says_so_and_trains_otherwise(command: Callable[..., list[str]], folder: Path) -> None:
    split = load_annotation(folder, "9k", "msrvtt")
    save_annotation(replace(split, twins={place: place ^ 1 for place in range(12)}), folder)
    random = bench(command("random", root=folder))
    twins = bench(command("twins", root=folder, train__batches="twins"))
    half = bench(command("half", root=folder, train__batches="twins", train__similar=0.5))
    assert len({record.run for record in (random, twins, half)}) == 3
    assert "batches" not in random.protocol
    assert "|batches:twins|" in twins.protocol
    assert "|batches:twins-0.5|" in half.protocol
    assert len({str(record.curve) for record in (random, twins, half)}) == 3


def test_a_share_of_nothing_makes_no_other_run(command: Callable[..., list[str]]) -> None:
    first = bench(command())
    assert bench(command("again", train__similar=0.5)).run == first.run


def test_a_run_of_similar_clips_says_so(command: Callable[..., list[str]]) -> None:
    assert "|batches:similar|" in bench(command(train__batches="similar")).protocol
