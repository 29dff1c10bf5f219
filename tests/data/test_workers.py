"""How many processes decode, and frames that are kept in memory where they fit."""

import multiprocessing
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.config import RunConfig, VideoConfig
from bench.data import workers
from bench.data.cards import load_card
from bench.data.loading import TEST, Collator, Samples, open_data
from bench.data.tokenizer import caption_tokenizer
from bench.data.workers import count_workers, decode_all, load
from bench.errors import BenchError
from bench.model.variant import Variant
from bench.utils import messages

MB = 10**6
Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes this machine another one."""

    def make(cores: int, memory: int = 10**12, shared: int = 10**12, processes: int = 1) -> None:
        usage = namedtuple("usage", "free")
        monkeypatch.setattr(workers, "usable_cores", lambda: cores)
        monkeypatch.setattr(workers, "available_memory", lambda: memory)
        monkeypatch.setattr(workers, "processes_here", lambda: processes)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(shared))
        messages.say_once.cache_clear()

    return make


@pytest.fixture
def samples(small: Path) -> Callable[[VideoConfig], Samples]:
    """The training split's samples: 12 clips of 10 frames."""

    def make(video: VideoConfig) -> Samples:
        config = RunConfig(dataset="msrvtt", video=video, train=replace(RunConfig().train, batch=4))
        data = open_data(config, load_card("msrvtt"), small)
        return Samples(data.train, data.videos, config)

    return make


@pytest.mark.parametrize(("cores", "processes", "count"), [(1, 1, 1), (2, 1, 1), (16, 1, 15), (16, 8, 1), (64, 4, 15)])
def test_one_core_is_left_to_the_main_process(machine: Machine, cores: int, processes: int, count: int) -> None:
    machine(cores, processes=processes)
    assert count_workers("auto", batches=1000, batch_bytes=MB) == count


def test_there_are_no_more_workers_than_batches_or_cores(machine: Machine) -> None:
    machine(16)
    assert count_workers("auto", batches=3, batch_bytes=MB) == 3
    assert count_workers(4, batches=3, batch_bytes=MB) == 3
    assert count_workers(40, batches=99, batch_bytes=MB) == 16
    assert count_workers(0, batches=99, batch_bytes=MB) == 0


def test_workers_take_half_of_the_free_memory_at_most(machine: Machine) -> None:
    """A worker has three batches of 100 MB: two ready and one in its hands."""
    machine(16, memory=2000 * MB)
    assert count_workers("auto", batches=99, batch_bytes=100 * MB) == 3
    machine(16, shared=4000 * MB, processes=2)
    assert count_workers("auto", batches=99, batch_bytes=100 * MB) == 3


def test_where_shared_memory_is_as_small_as_docker_makes_it_the_main_process_decodes(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine(16, shared=64 * MB)
    monkeypatch.setattr(workers, "SHARED_MEMORY", tmp_path)
    assert count_workers("auto", batches=99, batch_bytes=115 * MB) == 0
    assert capsys.readouterr().err == (
        "clips are decoded in the main process, which is slow: batches of 115 MB need more than the 64 MB of shared "
        "memory that are free (docker run --shm-size 8g).\n"
    )


def test_frames_that_do_not_fit_are_not_kept(
    samples: Callable[[VideoConfig], Samples], machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """12 clips of 10 frames of 32 × 32 pixels are 368 640 bytes, which is more than 0.8 of 460 000."""
    video = VideoConfig(frames=4, size=32, workers=0, cache=True)
    machine(2, memory=460_000)
    without = samples(video)
    assert without.cached == {}
    assert capsys.readouterr().err == (
        "--video.cache: the frames of msrvtt/9k, 12 clips, take 0.4 MB of memory and 0.5 MB are free. Frames "
        "are not kept: clips are decoded when they are needed.\n"
    )
    machine(2, memory=461_000)
    kept = samples(video)
    assert sum(frames.nbytes for frames in kept.cached.values()) == 368_640
    assert np.array_equal(kept[3, 5][2], without[3, 5][2])


def test_processes_of_torchrun_share_the_memory_for_frames(machine: Machine) -> None:
    machine(4, memory=2000, processes=2)
    assert decode_all(lambda video: np.zeros(1000, np.uint8), {"a": 1000}, "some") == {}


@pytest.mark.parametrize("cores", [1, 2])
def test_all_frames_come_whatever_the_number_of_processes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    machine(cores)
    monkeypatch.setattr(workers, "CHUNK_BYTES", 40)
    found = decode_all(lambda video: np.full(20, int(video), np.uint8), {str(n): 20 for n in range(9)}, "some")
    assert {name: frames.tolist() for name, frames in found.items()} == {str(n): [n] * 20 for n in range(9)}
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_workers_that_start_anew_give_the_same(
    samples: Callable[[VideoConfig], Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there are no forks, on macOS and Windows."""
    made = samples(VideoConfig(frames=4, size=32))
    keys = [[(0, 1), (0, 2)], [(0, 3)]]
    monkeypatch.setattr(workers, "get_all_start_methods", lambda: ["spawn"])
    for batch, expected in zip(load(made, keys, list, 2), load(made, keys, list, 0), strict=True):
        assert all(np.array_equal(one[2], other[2]) for one, other in zip(batch, expected, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_keeps_the_order_of_the_keys(samples: Callable[[VideoConfig], Samples], workers: int) -> None:
    made = samples(VideoConfig(frames=4, size=32))
    texts = [caption for clip in made.clips for caption in clip.captions]
    collate = Collator(caption_tokenizer(texts), 32, Variant.phrase, None)
    keys = [[(0, 5), (0, 1)], [(TEST, 11), (TEST, 0)], [(2, 3)]]
    assert [places for places, _ in load(made, keys, collate.video, workers)] == [[5, 1], [11, 0], [3]]
    for group, (text, video, _) in zip(keys, load(made, keys, collate, workers), strict=True):
        assert torch.equal(text.input_ids, collate.text([made[key][1] for key in group]).input_ids)
        assert np.array_equal(video.pixels.numpy(), np.stack([made[key][2] for key in group]))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_clip_that_breaks_while_training_is_one_clear_line(
    samples: Callable[[VideoConfig], Samples], folder: Path, workers: int
) -> None:
    made = samples(VideoConfig(frames=4, size=32))
    made.videos.paths["video2"] = folder / "videos" / "video2.mp4"
    (folder / "videos" / "video2.mp4").write_bytes(b"")
    collate = Collator(caption_tokenizer(["a man"]), 32, Variant.phrase, None)
    with pytest.raises(BenchError, match=r"video2\.mp4") as error:
        list(load(made, [[(0, 2)], [(0, 3)]], collate, workers))
    assert "\n" not in str(error.value)
