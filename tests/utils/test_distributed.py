"""What processes that train together agree on, in which order they go, and who of them speaks; here in one process."""

import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

from bench.utils import distributed


@pytest.fixture
def as_rank(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this process one of four on two machines, by what torchrun sets."""

    def become(rank: int, **more: str) -> None:
        values = {"RANK": str(rank), "LOCAL_RANK": str(rank % 2), "WORLD_SIZE": "4", **more}
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return become


def test_a_process_alone_waits_for_nobody_and_agrees_with_itself() -> None:
    distributed.wait()
    distributed.agree({"torch": "2"})
    assert distributed.gather("mine") == ["mine"]
    assert distributed.from_main("mine") == "mine"
    assert distributed.may_speak()
    with distributed.in_turns(), distributed.together():
        pass


@pytest.mark.parametrize(
    ("rank", "order"), [(0, "work wait wait"), (1, "wait wait work"), (2, "wait work wait"), (3, "wait wait work")]
)
def test_the_first_process_goes_first_then_one_of_each_machine_then_the_rest(
    rank: int, order: str, as_rank: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_rank(rank)
    done: list[str] = []
    monkeypatch.setattr(distributed, "wait", lambda: done.append("wait"))
    with distributed.in_turns():
        done.append("work")
    assert " ".join(done) == order


def views(*of: dict[str, str]) -> Callable[[object], list]:
    return lambda mine: [(f"rank {rank} on node{rank // 2}", view) for rank, view in enumerate(of)]


def test_equal_views_agree(as_rank: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(0)
    monkeypatch.setattr(distributed, "gather", views(*[{"torch": "2", "9k": "12 clips"}] * 4))
    distributed.agree({"torch": "2"})


def test_the_first_that_differs_is_named_with_what_it_has(as_rank: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(0)
    same = {"torch": "2", "9k": "12 clips"}
    monkeypatch.setattr(distributed, "gather", views(same, same, {"torch": "3", "9k": "12 clips"}, {}))
    with pytest.raises(distributed.Differ) as error:
        distributed.agree(same)
    assert str(error.value) == (
        "rank 2 on node1 differs from rank 0 on node0 (torch: 3, not 2). Make them alike, then repeat the command."
    )


def test_what_one_lacks_or_has_beside_differs_too_and_many_are_counted(
    as_rank: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_rank(0)
    monkeypatch.setattr(distributed, "gather", views({"a": "1", "b": "1", "c": "1"}, {"d": "1"}))
    with pytest.raises(
        distributed.Differ, match=re.escape("(a: none, not 1; b: none, not 1; c: none, not 1; and 1 more)")
    ):
        distributed.agree({})


@pytest.fixture
def store(as_rank: Callable) -> Iterator[Callable[..., None]]:
    """Makes this process a rank beside torchrun's store."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    kept = TCPStore("localhost", port, is_master=True, timeout=timedelta(seconds=20), wait_for_workers=False)
    where = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    yield lambda rank, restart=0: as_rank(rank, **where, TORCHELASTIC_RESTART_COUNT=str(restart))
    del kept


def test_one_speaks_for_all_and_again_after_a_restart(store: Callable) -> None:
    spoken = []
    for restart in (0, 1):
        for rank in (2, 0, 3):
            store(rank, restart)
            spoken.append(distributed.may_speak())
    assert spoken == [True, False, False] * 2


def test_without_the_store_every_rank_speaks(as_rank: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_STORE_WAIT", timedelta(seconds=1))
    with socket.socket() as closed:
        closed.bind(("localhost", 0))
        port = str(closed.getsockname()[1])
    as_rank(3, MASTER_ADDR="localhost", MASTER_PORT=port, TORCHELASTIC_USE_AGENT_STORE="True")
    assert distributed.may_speak()


@pytest.mark.parametrize(
    ("message", "raised"),
    [
        ("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer", distributed.LostRank),
        ("mat1 and mat2 shapes cannot be multiplied", RuntimeError),
    ],
)
def test_a_lost_process_is_told_from_a_fault_of_the_model(
    message: str, raised: type[Exception], as_rank: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is what gloo says in PyTorch 2.13 when the process at the other end was killed."""
    as_rank(1)
    monkeypatch.setattr(distributed, "end_with_parent", lambda parent, by: None)
    with pytest.raises(raised) as error, distributed.together():
        raise RuntimeError(message)
    assert type(error.value) is raised
