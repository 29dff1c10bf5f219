"""What the towers cost: the original's way, ours, and ours compiled, in turns in one run; and what a recipe takes.

    python tests/benchmarks/compute.py [--device cuda|cpu] [--json FILE] [--clock wall|process] [--quick] [--only TEXT]

On a GPU: everything that docs/performance.md asks of one, in under ten minutes on a bare machine. On a CPU: small
batches, in minutes. Weights and frames are random, captions have 8 to 25 tokens. Of a batch, "train" is the towers, the
loss and the backward pass, and on a GPU an eighth of an optimizer step, which the published recipe makes once for 8
batches; "forward" is the towers without gradient. Rates are of the median round. "kept" is what a batch keeps for its
backward pass; "peak" the GPU's memory, with weights and optimizer. "start" is what the first batch took longer than
later ones: the compiler's time. --clock process counts the process's own time, for a machine that is busy with other
work; set OMP_NUM_THREADS=1 for it. --quick: the tiny model, two rounds, nothing really compiled: to see that it runs.
--only TEXT and --ways original,ours leave rows out, --batch N is for machines that are slow.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from statistics import median
from typing import Any

import end_to_end
import numpy as np
import torch
from reference import Reference
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from video import make_clips

from bench.data.compress import compress
from bench.data.pixels import resize_crop
from bench.data.video import list_videos, probe, read_frames, sample_indices
from bench.engine import compiling
from bench.engine.compiling import compiled
from bench.engine.environment import environment
from bench.engine.train import parameter_groups
from bench.model.clip_vip import ClipVip, clip_config
from bench.model.losses import contrastive_loss

ACCUMULATION = 8  # batches an optimizer step, in the published recipe
PAIRS, GALLERY = 9000 * 5, 1000  # of the published recipe: 9k clips, 5 epochs; and its test
LIMIT = 6 * 60  # seconds after which no row of the towers is begun: the recipe is trained after them
WAYS = ("original", "ours", "compiled")


@dataclass(frozen=True)
class Work:
    """A row of the table."""

    kind: str  # train, forward
    size: str
    precision: str
    batch: int
    rounds: int = 5
    repeats: int = 1  # batches in a round
    tf32: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} {self.size} {self.precision}{' (TF32)' if self.tf32 else ''}, batch {self.batch}"


GPU = (
    Work("train", "b32", "bf16", 64, repeats=4),
    Work("train", "b32", "bf16", 16, repeats=10),
    Work("forward", "b32", "bf16", 64, repeats=8),
    Work("train", "b16", "bf16", 32, repeats=2),
    Work("train", "b32", "fp32", 64),
    Work("train", "b32", "fp32", 64, tf32=True),
    Work("train", "b32", "bf16", 256),
)
CPU = (
    Work("train", "b32", "fp32", 4),
    Work("train", "b32", "bf16", 4),
    Work("forward", "b32", "fp32", 8),
    Work("forward", "b32", "bf16", 8),
    Work("train", "tiny", "fp32", 16),
)
QUICK = (
    Work("train", "tiny", "fp32", 2, rounds=2),
    Work("forward", "tiny", "bf16", 2, rounds=2),
)


class Way:
    """One way of computing, with a model, an optimizer and batches of its own; all ways have the same weights."""

    def __init__(self, name: str, work: Work, device: torch.device):
        self.name, self.work, self.device = name, work, device
        config = clip_config(work.size)
        vision, words = config.vision_config, config.text_config.vocab_size
        frames = 8 if work.size == "tiny" else 12
        torch.manual_seed(0)
        kind = Reference if name == "original" else ClipVip
        self.model = kind(config, frames=frames).to(device).train()
        fused = (device.type == "cuda" or None) if name != "original" else None
        if work.kind == "train":
            self.optimizer = torch.optim.AdamW(parameter_groups(self.model, 0.2), lr=1e-6, fused=fused)
        shape = (work.batch, frames, 3, vision.image_size, vision.image_size)
        self.pixels = torch.randn(shape, device=device)
        self.texts = [texts(work.batch, words, seed, device) for seed in range(3)]
        self.turn = 0

    def batch(self) -> None:
        """Towers; in training the loss and the backward pass, too."""
        ids, mask = self.texts[self.turn % len(self.texts)]
        self.turn += 1
        train = self.work.kind == "train"
        with torch.set_grad_enabled(train):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.work.precision == "bf16"):
                text = self.model.encode_text(ids, mask, lambda tokens: tokens)
                video = self.model.encode_video(self.pixels, lambda tokens: tokens)
            if train:
                contrastive_loss(text, video, self.model.logit_scale.exp(), lambda t, v: t @ v.T).backward()

    def update(self) -> None:
        """An optimizer step with the gradients that are there; none for "forward"."""
        if self.work.kind != "train":
            return
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def texts(n: int, vocabulary: int, seed: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Captions of 8 to 25 random tokens, as long as the longest: ids and mask, (n, L)."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(8, 26, (n,), generator=generator)
    place = torch.arange(int(lengths.max()))
    ids = torch.randint(vocabulary - 2, (n, len(place)), generator=generator)
    ids = ids.where(place < lengths[:, None] - 1, vocabulary - 1)  # the end token, which fills up, too
    return ids.to(device), (place < lengths[:, None]).long().to(device)


class Clock:
    """Seconds that work takes, from its start to its end on the device."""

    def __init__(self, device: torch.device, kind: str):
        self.device, self.now = device, time.process_time if kind == "process" else time.perf_counter

    def __call__(self, work: Callable[[], None], repeats: int = 1) -> float:
        self._wait()
        start = self.now()
        for _ in range(repeats):
            work()
        self._wait()
        return (self.now() - start) / repeats

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def kept(way: Way) -> float:
    """GB that one batch keeps for its backward pass, beside the weights."""
    known = {tensor.untyped_storage().data_ptr() for tensor in way.model.parameters()}
    seen: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in known:
            seen[place] = tensor  # held, so that no other tensor takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        way.batch()
    return sum(tensor.untyped_storage().nbytes() for tensor in seen.values()) / 1e9


def measure(work: Work, device: torch.device, clock: Clock, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row of the table for every way."""
    cuda, train = device.type == "cuda", work.kind == "train"
    rows = {name: {"work": work.name, "way": name} for name in names}
    ways: list[Way] = []
    batches, updates = ({name: [] for name in names} for _ in range(2))
    torch.set_float32_matmul_precision("high" if work.tf32 else "highest")
    with ExitStack() as stack:
        for name, row in rows.items():
            before = torch.cuda.memory_allocated() if cuda else 0
            try:
                way = Way(name, work, device)
                stack.enter_context(compiled(way.model, name == "compiled"))
                kept_gb: list[float] = []
                row["first_ms"] = 1000 * clock(lambda way=way, found=kept_gb: found.append(kept(way)))
                if train:
                    row["kept_gb"] = kept_gb[0]
                if cuda:
                    torch.cuda.reset_peak_memory_stats()
                    way.batch()
                    way.update()
                    row["peak_gb"] = (torch.cuda.max_memory_allocated() - before) / 1e9
                ways.append(way)
            except torch.OutOfMemoryError:
                row["failed"] = "out of memory"
                way = None
                torch.cuda.empty_cache()
        for _ in range(work.rounds):
            for way in ways:
                batches[way.name].append(clock(way.batch, work.repeats))
                print(f"{work.name}: {way.name} {1000 * batches[way.name][-1]:.1f} ms", file=sys.stderr)
                if cuda and train:
                    updates[way.name].append(clock(way.update))
    for way in ways:
        seconds, update = median(batches[way.name]), median(updates[way.name] or [0.0])
        rows[way.name] |= {
            "batch_ms": 1000 * seconds,
            **({"update_ms": 1000 * update} if update else {}),
            "start_s": rows[way.name]["first_ms"] / 1000 - seconds,
            "rounds_ms": [1000 * one for one in batches[way.name]],
            "pairs_per_s": work.batch / (seconds + update / ACCUMULATION),
        }
    return list(rows.values())


class Copies(Dataset):
    """12 frames of a clip, as training reads them; the same few clips again and again."""

    def __init__(self, paths: list[Path], n: int):
        self.paths, self.n = paths, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, place: int) -> np.ndarray:
        path = self.paths[place % len(self.paths)]
        return resize_crop(read_frames(path, sample_indices(probe(path).frames, 12)), 224)


def reading(clips: int = 8, seconds: int = 15, reads: int = 40) -> dict[str, Any]:
    """Clips a second that all cores read from copies of made clips. reads: of every core."""
    workers = cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch:
        originals = Path(scratch) / "originals"
        originals.mkdir()
        make_clips(originals, clips, seconds)
        copies = list_videos(compress(originals, Path(scratch) / "copies").out)
        read = Copies(copies, reads * workers)
        start = time.perf_counter()
        done = sum(map(len, DataLoader(read, batch_size=min(16, reads), num_workers=workers)))
        spent = time.perf_counter() - start
    return {"work": f"reading copies, {workers} processes", "way": "ours", "pairs_per_s": done / spent}


def recipe(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds that the published recipe's batches take, its start and its test included, once clips are there."""
    found = []
    for way in WAYS:
        rates = {row["work"]: row for row in rows if row["way"] == way and "pairs_per_s" in row}
        train, test = rates.get("train b32 bf16, batch 64"), rates.get("forward b32 bf16, batch 64")
        if train and test:
            seconds = train["start_s"] + PAIRS / train["pairs_per_s"] + GALLERY / test["pairs_per_s"]
            found.append({"work": "9k x 5 epochs, b32, batch 64 (extrapolated)", "way": way, "seconds": seconds})
    return found


def show(row: dict[str, Any], original: float) -> None:
    """A line of the table."""
    if "pairs_per_s" not in row:
        print(f"{row['work']:46}{row['way']:10}{row.get('failed') or format(row['seconds'], '.0f') + ' s'}", flush=True)
        return
    ratio = f"{row['pairs_per_s'] / original:.2f} x" if original else ""
    parts = [row.get("batch_ms"), row.get("update_ms"), row.get("start_s"), row.get("kept_gb"), row.get("peak_gb")]
    numbers = "".join(f"{'' if number is None else format(number, '.2f'):>11}" for number in parts)
    print(f"{row['work']:46}{row['way']:10}{row['pairs_per_s']:9.2f}{ratio:>9}{numbers}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--clock", choices=("wall", "process"), default="wall")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--batch", type=int, default=0, help="of every row, in place of its own")
    asked = parser.parse_args()
    if asked.quick:
        compiling.COMPILER = {"backend": "eager"}  # traced alone
    device, begun = torch.device(asked.device), time.monotonic()
    cuda = device.type == "cuda"
    work = [one for one in (QUICK if asked.quick else GPU if cuda else CPU) if asked.only in one.name]
    if asked.batch:
        work = [replace(one, batch=asked.batch) for one in work]
    accelerators = [torch.cuda.get_device_name(device)] if cuda else []
    made_with = environment(accelerators) | {"threads": torch.get_num_threads(), "clock": asked.clock}
    print(
        f"{accelerators or made_with['hardware']['cpu']}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    heads = ("batch ms", "update ms", "start s", "kept GB", "peak GB")
    print(f"{'':46}{'way':10}{'pairs/s':>9}{'ratio':>9}" + "".join(f"{head:>11}" for head in heads))
    rows: list[dict[str, Any]] = []
    for one in work:
        if time.monotonic() - begun > LIMIT:
            rows.append({"work": one.name, "way": "all", "failed": "not run: no time left"})
            show(rows[-1], 0)
            continue
        found = measure(one, device, Clock(device, asked.clock), asked.ways.split(","))
        for row in found:
            show(row, found[0].get("pairs_per_s", 0))
        rows += found
    if (cuda or asked.quick) and not asked.only:
        rows.append(reading(1, 1, 2) if asked.quick else reading())
        show(rows[-1], 0)
    if cuda and not asked.only:  # the published recipe itself, from the first step to the last
        rows += end_to_end.measure(PAIRS // 5, 0, ["--model", "b32", "--train.epochs", "5"])
        end_to_end.show(rows[-1:])
    for row in recipe(rows):
        rows.append(row)
        show(row, 0)
    if asked.json:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        asked.json.write_text(json.dumps({"date": date, **made_with, "rows": rows}, indent=1), encoding="utf-8")
    print(f"took {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
