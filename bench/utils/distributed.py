"""Ranks: the processes that torchrun starts, one or more on each machine, and that train one model together.

They wait for one another, compare what they see before it can part them, and one of them speaks for all. In a process
that was started alone none of this does anything. What a rank sends to others goes through gloo, whatever the gradients
go through: it waits long, and notices at once when another process ends.
"""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from bench.errors import BenchError
from bench.utils.processes import end_with_parent

T = TypeVar("T")

WAIT = timedelta(hours=6)  # for another rank that renders, looks at all videos, or writes
STEP = timedelta(minutes=10)  # in a step of training or in encoding, where all ranks have the same to do
SHOWN = 3  # differences that a line names
_STORE_WAIT = timedelta(seconds=5)


class LostRank(BenchError):
    """Another rank is gone."""

    of_all = True


class Differ(BenchError):
    """Ranks do not see the same."""

    of_all = True


def world() -> int:
    """How many processes torchrun started, on all machines; 1 where it did not start this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this process is; 0 speaks and writes."""
    return int(os.environ.get("RANK", "0"))


def here() -> str:
    """This process by rank and machine."""
    return f"rank {rank()} on {socket.gethostname()}"


def wait() -> None:
    """Returns when every rank has called it."""
    if world() > 1:
        import torch.distributed as dist

        dist.barrier(group=_group())


def gather(value: T) -> list[T]:
    """The values of all ranks, in their order."""
    if world() == 1:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * world()
    dist.all_gather_object(values, value, group=_group())
    return values


def from_main(value: T) -> T:
    """Rank 0's value, on every rank."""
    if world() == 1:
        return value
    import torch.distributed as dist

    values: list[Any] = [value]
    dist.broadcast_object_list(values, src=0, group=_group(), device=_cpu())
    return values[0]


@contextmanager
def in_turns() -> Iterator[None]:
    """What is inside is done by rank 0, then by one rank of each other machine, then by the rest.

    For what is made once and found made by the others, in a folder that machines share or that each has for itself.
    """
    turn = 0 if rank() == 0 else 1 if os.environ.get("LOCAL_RANK") == "0" else 2
    for _ in range(turn):
        wait()
    yield
    for _ in range(2 - turn):
        wait()


def agree(seen: Mapping[str, str]) -> None:
    """Differ, on every rank, if one of these is not the same on all; the line names the rank and what it has.

    seen: a name in words, such as "torch", and what this rank has, such as "2.13.0".
    """
    if world() == 1:
        return
    places, views = zip(*gather((here(), dict(seen))), strict=True)
    for place, view in zip(places, views, strict=True):
        names = [name for name in {**views[0], **view} if view.get(name) != views[0].get(name)]
        if names:
            named = "; ".join(
                f"{name}: {view.get(name, 'none')}, not {views[0].get(name, 'none')}" for name in names[:SHOWN]
            )
            more = f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise Differ(f"{place} differs from {places[0]} ({named}{more}). Make them alike, then repeat the command.")


@contextmanager
def together() -> Iterator[None]:
    """A command that runs in ranks: what is raised when another rank is gone becomes LostRank.

    A rank ends, as if a scheduler had asked it to, when the torchrun that started it is gone.
    """
    if world() == 1:
        yield
        return
    end_with_parent(os.getppid(), signal.SIGTERM)
    try:
        yield
    except RuntimeError as error:
        if not _is_of_lost_rank(error):
            raise
        raise LostRank(
            "another process of this run ended or cannot be reached any more (killed, out of memory, or its machine or "
            "network failed). Repeat the command to go on from the last checkpoint."
        ) from error


def may_speak() -> bool:
    """Whether this rank says why the run ends: the first that asks does, the others end in its wake.

    Where torchrun's store is out of reach every rank does.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or world() == 1:
        return True
    import torch.distributed as dist

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    try:
        store = dist.TCPStore(  # type: ignore[attr-defined]  # it comes out of an extension module
            host, port, is_master=False, timeout=_STORE_WAIT, wait_for_workers=False
        )
        return int(store.add(f"bench/said/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", 1)) == 1
    except RuntimeError:
        return True


def _is_of_lost_rank(error: RuntimeError) -> bool:
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error)  # gloo's own are plain RuntimeErrors


@cache
def _group() -> Any:
    """The ranks, to wait and to compare in. All ranks must ask for it at the same point."""
    import torch.distributed as dist

    return dist.new_group(backend="gloo", timeout=WAIT)


def _cpu() -> Any:
    import torch

    return torch.device("cpu")
