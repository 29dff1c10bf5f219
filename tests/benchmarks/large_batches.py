"""What a large contrastive batch takes in memory and time: whole, in chunks, and with layers computed again.

    python tests/benchmarks/large_batches.py [--size tiny] [--batch 16] [--times 8] [--device cpu] [--json FILE]
    python tests/benchmarks/large_batches.py --size b32 --batch 64 --device cuda        batch 512 as well; needs a GPU

Each case is a process of its own. Memory is the peak of one training step with AdamW beyond what lies there before it
(weights and the batch as bytes): of the process on a CPU, of torch's allocator on CUDA. Seconds are the median of
several further steps. The last column is the largest difference of any gradient from that of the whole large batch, as
a share of the largest gradient; in fp32, so that chunks, not bf16, are what it shows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from platform import processor
from statistics import median
from typing import Any

import torch
from accelerate import Accelerator

from bench.data.batch import TextBatch, VideoBatch
from bench.engine.step import TrainingBatch, backward
from bench.model import variant_registry
from bench.model.clip_vip import ClipVip, clip_config, towers

WORDS, STEPS = 12, 3
EXACT = {"MALLOC_MMAP_THRESHOLD_": str(2**18)}  # glibc gives back what is freed: the peak is of what is used at once


def made_batch(pairs: int, model: ClipVip, frames: int) -> TrainingBatch:
    """Random captions and clips."""
    generator = torch.Generator().manual_seed(1)
    size = towers(model.config)[1].image_size
    ids = torch.randint(model.vocabulary - 2, (pairs, WORDS), generator=generator)
    ids[:, -1] = model.vocabulary - 1
    clips = torch.randint(256, (pairs, frames, size, size, 3), dtype=torch.uint8, generator=generator)
    return TextBatch(ids, torch.ones_like(ids)), VideoBatch(clips), None


def peak(device: torch.device) -> int:
    """Bytes: the most so far, since torch's counter was last reset on CUDA."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """Bytes and seconds of a step; the gradients of the first go to a file. {"fits": False}: out of memory."""
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=case["device"] == "cpu")
    model = ClipVip(clip_config(case["size"]), frames=case["frames"])
    batch = made_batch(case["pairs"], model, case["frames"])
    if case["recompute"]:
        model.recompute()
    variant = accelerator.prepare(variant_registry.build("plain", model, {}).train())
    optimizer = torch.optim.AdamW(variant.parameters(), lr=1e-9)
    backward(variant, variant, made_batch(2, model, case["frames"]), accelerator)  # what the first step alone needs
    optimizer.step()
    optimizer.zero_grad()
    if accelerator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if accelerator.device.type == "cuda" else peak(accelerator.device)
    seconds = []
    try:
        for step in range(1 + STEPS):
            start = time.perf_counter()
            backward(variant, variant, batch, accelerator, case["chunk"])
            if step == 0:
                torch.save([value.grad.cpu() for value in variant.parameters()], case["gradients"])
            optimizer.step()
            optimizer.zero_grad()
            if accelerator.device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
    except torch.cuda.OutOfMemoryError:
        return {"fits": False}
    return {"fits": True, "bytes": peak(accelerator.device) - before, "seconds": median(seconds[1:])}


def difference(one: Path, other: Path) -> float | None:
    """The largest between two gradients, as a share of the largest; None if one was never computed."""
    if not (one.is_file() and other.is_file()):
        return None
    left, right = torch.load(one), torch.load(other)
    largest = max(value.abs().max().item() for value in right)
    return max((a - b).abs().max().item() for a, b in zip(left, right, strict=True)) / largest


def plan(size: str, batch: int, times: int, frames: int, device: str, folder: Path) -> list[dict[str, Any]]:
    common = {"size": size, "frames": frames, "device": device, "recompute": False, "chunk": 0}
    large = {**common, "pairs": batch * times}
    found = [
        {**common, "name": "small batch, whole", "pairs": batch},
        {**large, "name": "large batch, whole"},
        {**large, "name": "large batch, chunks", "chunk": batch},
        {**large, "name": "large batch, layers again", "recompute": True},
        {**large, "name": "large batch, both", "chunk": batch, "recompute": True},
    ]
    return [{**case, "gradients": str(folder / f"{number}.pt")} for number, case in enumerate(found)]


def main() -> None:
    if sys.argv[1:2] == ["--case"]:
        print(json.dumps(measure(json.loads(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    hardware = torch.cuda.get_device_name() if asked.device == "cuda" else processor() or "CPU"
    print(f"{asked.size}, {asked.frames} frames, fp32, {hardware}, {torch.get_num_threads()} threads, {date.today()}")
    print(f"{'case':<26} {'pairs':>5} {'chunk':>5} {'peak MiB':>9} {'s/step':>7} {'pairs/s':>8}  gradients apart")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for case in plan(asked.size, asked.batch, asked.times, asked.frames, asked.device, Path(name)):
            words = [sys.executable, __file__, "--case", json.dumps(case)]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **EXACT})
            found = {**case, **json.loads(done.stdout)}
            if case["pairs"] != asked.batch:
                found["apart"] = difference(Path(case["gradients"]), Path(name) / "1.pt")
            rows.append({key: value for key, value in found.items() if key != "gradients"})
            if found["fits"]:
                apart = "" if found.get("apart") is None else f"{found['apart']:.1e}"
                speed = case["pairs"] / found["seconds"]
                memory = f"{found['bytes'] / 2**20:9.0f} {found['seconds']:7.2f} {speed:8.1f}  {apart}"
            else:
                memory = "does not fit"
            print(f"{case['name']:<26} {case['pairs']:>5} {case['chunk'] or '':>5} {memory}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"hardware": hardware, "date": str(date.today()), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
