"""One visible loop: batches in, contrastive loss, step, curve, checkpoint. One process or many, started by torchrun.

    torchrun --nproc-per-node 2 -m bench run --variant additive_text

A step is a function of the config and of its number alone (see `bench.data.batches`), so a checkpoint needs only the
weights, the optimizer, the random states and the curve so far.
"""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs, set_seed
from torch import Tensor, nn

from bench.config import TrainConfig
from bench.data.batches import training_groups, training_keys
from bench.data.loading import Collator, Samples
from bench.data.workers import load
from bench.engine.checkpoint import Progress, Training, resume, save_best, save_checkpoint
from bench.engine.compiling import compilable, compiled, pays
from bench.engine.environment import installed
from bench.engine.opening import Opened
from bench.engine.step import backward
from bench.engine.tracking import log_point
from bench.errors import BenchError, UsageError
from bench.model.variant import Variant
from bench.utils import distributed
from bench.utils.device import AUTO, choose_device, has_bf16
from bench.utils.progress import progress

MAX_LOGIT_SCALE = math.log(200)


class Interrupted(BenchError):
    """Ctrl-C, after the step in hand was finished and kept."""

    exit_code = 130
    of_all = True


@dataclass(frozen=True)
class Validation:
    """What is scored at the end of every epoch, and after the last step.

    name: its key in the curve. points: scores the weights as they are, by metric. choose_by: the metric whose best
    weights are kept; none are if it is not given.
    """

    name: str
    points: Callable[[], dict[str, float]]
    choose_by: str | None = None


def make_accelerator(config: TrainConfig, device: str = AUTO) -> Accelerator:
    """The devices and processes of this run. A process that torchrun started but that would train alone is an error.

    device: as in `choose_device`. UsageError: there is none, or several processes would share it. Differ: the processes
    have not the same code, libraries or kind of device.
    """
    chosen, world = choose_device(device), distributed.world()
    if world > 1 and (chosen.index is not None or chosen.type == "mps"):
        raise UsageError(f"--device {device} is one device, and {world} processes were started. Take cpu or cuda.")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if chosen.type == "cuda" and here > (gpus := torch.cuda.device_count()):
        raise UsageError(
            f"{here} processes were started on this machine, which has {gpus} GPUs. --nproc-per-node {gpus}"
        )
    if chosen.index is not None:
        torch.cuda.set_device(chosen)
    mixed = "bf16" if config.precision == "bf16" or (config.precision == "auto" and has_bf16(chosen)) else "no"
    if world == 1 and AcceleratorState._shared_state:  # an earlier run of this process may have had another device
        AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(
        cpu=chosen.type == "cpu",
        mixed_precision=mixed,
        gradient_accumulation_steps=config.accumulation,
        step_scheduler_with_optimizer=False,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=distributed.STEP)],
    )
    if accelerator.num_processes != world:
        raise BenchError(f"{world} processes were started but only {accelerator.num_processes} train together.")
    if config.batch % world:
        raise UsageError(
            f"--train.batch {config.batch} cannot be shared by {world} processes. Take a multiple of {world}."
        )
    if world > 1:
        distributed.agree({"device": f"{chosen.type}, {precision(accelerator)}", **installed()})
    return accelerator


def precision(accelerator: Accelerator) -> str:
    """What the towers compute in: bf16 or fp32. Weights, features and scores are fp32 in any case."""
    return "bf16" if accelerator.mixed_precision == "bf16" else "fp32"


def total_steps(config: TrainConfig, clips: int) -> int:
    """Optimizer steps of a run over a training split."""
    if config.steps or not config.epochs:
        return config.steps
    return max(1, config.epochs * (clips // config.batch) // config.accumulation)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: biases and the logit scale are not decayed; layer-norm weights are, as in CLIP-ViP's recipe."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    free = [p for name, p in named if name.endswith(("bias", "logit_scale"))]
    decayed = [p for name, p in named if not name.endswith(("bias", "logit_scale"))]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def learning_rate(step: int, total: int, warmup: float) -> float:
    """The factor on `lr` at step 0, 1, …: up in a line over the first `warmup` of the steps, then down a cosine."""
    rise = math.ceil(warmup * total)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def train(
    opened: Opened,
    samples: Samples,
    collate: Collator,
    validation: Validation | None,
    accelerator: Accelerator,
    folder: Path,
) -> Progress:
    """Trains the variant in place and returns the curve; goes on from the checkpoint in `folder` if there is one.

    Every optimizer step adds a point to the curve: step, epoch, loss (mean over the accumulated batches), lr (the one
    it was made with), logit_scale (before exp, after the step). At an epoch's end validation adds its points.
    A loss or a gradient that is not finite is a BenchError, as are the faults of checkpoints that `resume` names.
    Interrupted on Ctrl-C or a signal to end.
    """
    variant, config, recipe = opened.variant, opened.config, opened.config.train
    set_seed(config.seed)
    total = total_steps(recipe, len(samples))
    if recipe.recompute:
        variant.backbone.recompute()
    optimizer = torch.optim.AdamW(
        parameter_groups(variant, recipe.weight_decay),
        lr=recipe.lr,
        betas=(recipe.beta1, recipe.beta2),
        fused=accelerator.device.type == "cuda" or None,  # on a CPU it saves 1 % of a step and rounds otherwise
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, total, recipe.warmup))
    distributed.wait()  # for those that decoded longer
    model, optimizer, schedule = accelerator.prepare(variant, optimizer, schedule)
    training = Training(variant, optimizer, schedule, {**opened.checksums, "init": opened.loaded.source})
    now = resume(training, folder, accelerator)
    if now.step and accelerator.is_main_process:
        print(f"going on after step {now.step} of {total}", file=sys.stderr)
    start = time.monotonic() - now.seconds

    with distributed.in_turns():  # one process looks for similar clips, the others read what it found
        groups = training_groups(opened.data.train, recipe)
    numbers = range(now.step * recipe.accumulation, total * recipe.accumulation)
    keys = list(
        training_keys(
            len(samples),
            recipe.batch,
            config.seed,
            numbers,
            groups=groups,
            share=recipe.similar,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
        )
    )
    per_epoch = len(samples) // recipe.batch  # batches
    steps: Any = range(now.step + 1, total + 1)
    if accelerator.is_main_process:
        show_loss = lambda: f"loss {now.curve[-1]['loss']:.3f}"  # noqa: E731
        steps = progress(steps, total=total, what="training", unit="step", done=now.step, note=show_loss)

    model.train()
    compiles = pays(recipe.compile, accelerator.device, len(numbers), len(compilable(variant)))
    with (
        _interruptible() as interrupted,
        closing(load(samples, keys, collate, samples.workers(keys))) as batches,
        compiled(variant, compiles) as in_use,
    ):
        for step in steps:
            losses: list[Tensor] = []
            for _ in range(recipe.accumulation):
                asked = time.monotonic()
                batch = next(batches)
                now.waited += time.monotonic() - asked
                with accelerator.accumulate(model):
                    losses.append(backward(model, variant, batch, accelerator, recipe.chunk))
                    if accelerator.sync_gradients:
                        norm = accelerator.clip_grad_norm_(model.parameters(), recipe.grad_norm)
                    optimizer.step()
                    optimizer.zero_grad()
            with torch.no_grad():
                variant.backbone.logit_scale.clamp_(max=MAX_LOGIT_SCALE)
            now.step, now.compiled = step, now.compiled + in_use()
            now.seconds = time.monotonic() - start
            now.curve.append(
                _point(step, step * recipe.accumulation / per_epoch, losses, norm, schedule, variant, accelerator)
            )
            schedule.step()
            into_epoch = step * recipe.accumulation % per_epoch  # batches; fewer than a step's: an epoch has ended
            if validation is not None and (into_epoch < recipe.accumulation or step == total):
                _validate(variant, validation, accelerator, now, folder)
                model.train()
            log_point(now.curve[-1], accelerator)
            stop = _any(interrupted, accelerator)
            if step % recipe.checkpoint_every == 0 or step == total or stop:
                save_checkpoint(training, now, folder, accelerator)
            if stop:
                raise Interrupted(f"stopped after step {step} of {total}. Repeat the command to resume.")
    return now


def _point(
    step: int,
    epoch: float,
    losses: list[Tensor],
    norm: Tensor,
    schedule: Any,
    variant: Variant,
    accelerator: Accelerator,
) -> dict[str, Any]:
    mean = accelerator.reduce(torch.stack(losses).mean(), "mean")
    scale = variant.backbone.logit_scale.detach().reshape(())
    loss, length, logit_scale = torch.stack([mean, norm, scale]).tolist()  # at once: one wait for the GPU a step
    if not (math.isfinite(loss) and math.isfinite(length)):
        raise BenchError(
            f"at step {step} the loss is {loss} and the gradient's norm {length}. "
            "Lower --train.lr, or look at the data: bench doctor"
        )
    return {
        "step": step,
        "epoch": round(epoch, 4),
        "loss": loss,
        "lr": schedule.get_last_lr()[0],
        "logit_scale": logit_scale,
    }


def _validate(variant: Variant, validation: Validation, accelerator: Accelerator, now: Progress, folder: Path) -> None:
    """Adds the points to the curve; keeps the weights if they are the best so far, by the points of rank 0."""
    points = now.curve[-1][validation.name] = distributed.from_main(validation.points())
    by = validation.choose_by
    if by and points[by] > now.best.get(by, -1):
        now.best = {"step": now.step, by: points[by]}
        save_best(variant, now, folder, accelerator)


@contextmanager
def _interruptible(signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)) -> Iterator[list[int]]:
    """Turns the first Ctrl-C, or a scheduler's signal to end, into a note for the loop; a second one acts at once.

    Not so under torchrun, which hands on what a scheduler has sent to every process already, and kills what does not
    end in time.
    """
    noted: list[int] = []
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: object) -> None:
        noted.append(number)
        if distributed.world() == 1:
            signal.signal(number, before[signal.Signals(number)])

    for number in signals:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number in signals:
            signal.signal(number, before[number])


def _any(noted: list[int], accelerator: Accelerator) -> bool:
    """Whether any process was interrupted: all must stop after the same step."""
    if accelerator.num_processes == 1:
        return bool(noted)
    flag = torch.tensor(float(bool(noted)), device=accelerator.device)
    return bool(accelerator.reduce(flag, "sum") > 0)
