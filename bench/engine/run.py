"""One run from its config to its record: open, train, score, write.

run            a config -> its record, found or made
opening.py     what a run works with: data, variant, tokenizer, faces
frozen.py      towers that are not trained, and what is kept of them
train.py       the training loop
step.py        its inner step
scoring.py     the scores of the test split
recording.py   what goes into the record
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from numpy.typing import NDArray

from bench.config import RunConfig
from bench.data.loading import FACES_FILE, Collator
from bench.engine.checkpoint import Progress, leftovers, load_best, remove_checkpoints
from bench.engine.evaluate import Scores, evaluate
from bench.engine.frozen import freeze_towers
from bench.engine.opening import Opened, open_run
from bench.engine.recording import make_control_record, make_record, ranks_as_json
from bench.engine.reopen import reopen_as
from bench.engine.run_config import complete, run_name, training_control
from bench.engine.scoring import BY_DSL, points_after_dsl, scorer, with_rescoring
from bench.engine.tracking import check_tracker, log_metrics, tracked
from bench.engine.train import Validation, make_accelerator, train
from bench.errors import BenchError, UsageError
from bench.metrics import ranking
from bench.model.checkpoints import save_weights
from bench.model.contract import check_quickly
from bench.records import store
from bench.records.artifacts import artifacts_of
from bench.records.feature_files import Features, read_features, save_features
from bench.records.record import Record
from bench.utils import distributed
from bench.utils.files import remove_empty, sha256
from bench.utils.lock import locked
from bench.utils.machine import CpuTimes, say_if_busy
from bench.utils.messages import say_once
from bench.utils.run_files import features_path, folder_of, record_path, weights_path

STARVED = 0.1  # of the time of a training: its wait for clips, from which on a line says so


@dataclass(frozen=True)
class Run:
    """A run that is done: its record, the path of that, and whether it was there already."""

    record: Record
    path: Path
    was_done: bool

    @property
    def metrics(self) -> dict[str, Any]:
        """The record's: `metrics["all"]["t2v"]["R@1"]["value"]`; subsets by name in place of "all"."""
        return self.record.metrics

    def ranks(self, direction: str = "t2v") -> NDArray[Any]:
        """(N,) float64, the rank of every query's true answer, 1 is best; ties share: halves occur.

        direction: "t2v", captions in search of their clip, or "v2t"; where clips have several captions "v2t" is of the
        first true one for each clip, and "v2t-all" of every one. UsageError: none of these.
        """
        if direction not in self.record.directions:
            raise UsageError(f"'{direction}' is no direction. There are {', '.join(self.record.directions)}.")
        asked = self.record.answers(direction)
        return ranking.ranks(asked.greater, asked.equal)

    def features(self) -> Features:
        """`text`, (N, …), and `video`, (M, …), float32; row i of one is the answer to row i of the other, unless clips
        have several captions: then `record.video_of` says which.

        BenchError: they are gone, or the run is a control, which keeps none.
        """
        found = read_features(self.path, self.record)
        if found is None:
            raise BenchError(f"{self.record.run} has no features: {features_path(self.path)} is not there.")
        return found


def run(config: RunConfig, results: Path, since: CpuTimes | None = None) -> Run:
    """Trains and scores a variant, or finds that this was done; the record goes under the folder `results`.

    A run that was interrupted goes on from its last checkpoint. Of several processes the main one writes. since: when
    the command began; if other programs kept the machine busy from then on, that is said. BenchError: another command
    makes the same run at this moment; a process is lost; processes do not see the same.
    """
    with distributed.together():
        config, _ = complete(config)
        check_tracker(config.track)
        if distributed.rank() == 0:
            check_writable(results)
        accelerator = make_accelerator(config.train, config.device)
        if since:
            say_if_busy(since)
        _check_shared(results)
        done = ensure(config, results, accelerator)
        accelerator.end_training()
        return done


def check_writable(results: Path) -> None:
    """Makes the results folder. UsageError: that cannot be, or nothing can be written there."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=results).close()
    except OSError as error:
        raise UsageError(f"--results {results} cannot be written ({error.strerror}). Name a folder of yours.") from None


def _check_shared(results: Path) -> None:
    """Differ: a process does not see what the main one writes to the results folder."""
    if distributed.world() == 1:
        return
    main = distributed.rank() == 0
    with tempfile.NamedTemporaryFile(dir=results, prefix=".bench-") if main else nullcontext() as file:
        name = distributed.from_main(Path(file.name).name if file else "")
        for place, sees in distributed.gather((distributed.here(), (results / name).is_file())):
            if not sees:
                raise distributed.Differ(
                    f"{place} does not see what rank 0 writes to --results {results}. Name a folder that all machines "
                    "share."
                )


def ensure(config: RunConfig, results: Path, accelerator: Accelerator) -> Run:
    """The run of a completed config: found, or made. A control of the evaluation first ensures the true run."""
    path = record_path(results, config.dataset, config.split, config.variant, run_name(config))
    distributed.agree({"the run": path.stem})
    was_done = distributed.from_main(path.is_file())
    if not was_done:
        try:
            with locked(folder_of(path), path.stem) if accelerator.is_main_process else nullcontext():
                was_done = distributed.from_main(path.is_file())  # another command may have finished it before the lock
                if not was_done:
                    _make(config, path, results, accelerator)
        finally:
            if accelerator.is_main_process:
                remove_empty(path.parent, results)  # where it stopped before it left anything
    elif accelerator.is_main_process:
        _tidy(path)
    record = distributed.from_main(store.load_run(path) if accelerator.is_main_process else None)
    assert record is not None
    if was_done:
        _same_faces(config, record, path)
    return Run(record, path, was_done)


def _make(config: RunConfig, path: Path, results: Path, accelerator: Accelerator) -> None:
    """Trains and scores, or for a control scores again, and writes the record to `path`."""
    if config.emotions == "true":
        check_quickly(config.variant, config.hp, in_chunks=config.train.chunk > 0)
        with tracked(config, path.stem, folder_of(path), accelerator):
            record = train_and_score(config, path, results, accelerator)
            if record is not None:
                log_metrics(record, accelerator)
    else:
        true_config = replace(config, emotions="true")
        _say_what_comes_first(true_config, config.emotions, results, accelerator)
        true = ensure(true_config, results, accelerator)
        record = score_again(config, true, accelerator)
    if accelerator.is_main_process:
        assert record is not None
        store.save(record, results)
        remove_checkpoints(folder_of(path))


def _say_what_comes_first(true: RunConfig, control: str, results: Path, accelerator: Accelerator) -> None:
    """That a control's true run is not there: what takes minutes is said before."""
    run = run_name(true)
    if accelerator.is_main_process and not record_path(results, true.dataset, true.split, true.variant, run).is_file():
        print(
            f"run {run}, whose weights are scored with {control} emotions, does not exist yet: it is trained first",
            file=sys.stderr,
        )


def _tidy(path: Path) -> None:
    """Removes the checkpoints of a run that is done, where a kill came first; another process may be at it."""
    if leftovers(folder_of(path)):
        with suppress(BenchError), locked(folder_of(path), path.stem):
            remove_checkpoints(folder_of(path))


def _same_faces(config: RunConfig, record: Record, path: Path) -> None:
    """Stops where the folder's facial expressions are others by now: the id tells apart only files that are named."""
    now = config.root / FACES_FILE if config.root and not config.faces.file else None
    if record.faces and now and now.is_file() and sha256(now) != record.faces["sha256"]:
        raise BenchError(
            f"{path} was made with other faces ({record.faces['source']}) than {now} holds. Remove that record, or "
            f"make a second one by naming the file: --faces.file {now}"
        )


def train_and_score(config: RunConfig, path: Path, results: Path, accelerator: Accelerator) -> Record | None:
    """The run itself, with its checkpoints, weights and features beside `path`.

    Only the main process gets the record.
    """
    timings = {}
    clock = time.monotonic()
    opened = open_run(config, results)
    if config.train.frozen_towers:
        opened = freeze_towers(opened, accelerator)
    variant, data, control = opened.variant, opened.data, training_control(config)
    if accelerator.is_main_process:
        print(opened.loaded, file=sys.stderr)
    samples = opened.samples(data.train, control)
    collate = opened.collator(opened.texts(data.train, data.validation), control, opened.swaps())
    score = scorer(opened, accelerator)
    validation = _validation(opened, score, collate, accelerator)
    timings["data"] = time.monotonic() - clock

    trained = train(opened, samples, collate, validation, accelerator, folder_of(path))
    timings |= {"train": trained.seconds - trained.waited, "waiting": trained.waited}
    say_if_starved(trained)

    clock = time.monotonic()
    last_step: dict[str, Any] = {}
    if config.train.select == "test":  # what the last step would have given, for the optimism to be a number
        last_step = {"rule": "last", "step": trained.step, "ranks": ranks_as_json(score().ranks)}
    if config.train.select != "last":
        load_best(variant, trained, folder_of(path))
    evaluation = with_rescoring(score(), opened, accelerator)
    timings["evaluate"] = time.monotonic() - clock
    if not accelerator.is_main_process:
        return None
    save_weights(variant, opened.tokenizer, weights_path(path))
    matrix = evaluation.scores.matrix
    save_features(path, Features(matrix.text.cpu().numpy(), matrix.video.cpu().numpy()))
    return make_record(opened, trained, last_step, evaluation, artifacts_of(path), timings, accelerator)


def say_if_starved(trained: Progress) -> None:
    """One line if training waited for clips for more than a tenth of its time, and for more than ten seconds."""
    if trained.waited > max(STARVED * trained.seconds, 10):
        say_once(
            f"training waited {trained.waited:.0f} of {trained.seconds:.0f} s for decoded clips. Small copies are read "
            "faster (bench data compress), frames in memory fastest (--video.cache); more cores help, too."
        )


def _validation(
    opened: Opened, score: Callable[[], Scores], collate: Collator, accelerator: Accelerator
) -> Validation | None:
    """What is scored at every epoch's end: held-out videos; or the test videos, if the weights are chosen on those."""
    config, held_out = opened.config, opened.data.validation
    if config.train.select == "test":
        return Validation("test", lambda: points_after_dsl(score()), BY_DSL)
    if not held_out:
        return None
    samples = opened.samples(held_out, training_control(config))
    return Validation(
        "val",
        lambda: evaluate(opened.variant, samples, collate, config, accelerator).points(),
        "T2V R@1" if config.train.select == "val" else None,
    )


def score_again(config: RunConfig, true: Run, accelerator: Accelerator) -> Record | None:
    """Scores the weights of the run with true emotions under another control. Only the main process gets the record."""
    clock = time.monotonic()
    opened = reopen_as(config, true.path, accelerator)
    timings = {"data": time.monotonic() - clock}
    clock = time.monotonic()
    evaluation = with_rescoring(scorer(opened, accelerator)(), opened, accelerator)
    timings["evaluate"] = time.monotonic() - clock
    if not accelerator.is_main_process:
        return None
    return make_control_record(true.record, opened, evaluation, timings, accelerator)
