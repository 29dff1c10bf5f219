"""Is everything there that a run needs? What is installed, a dataset's clips, a checkpoint's tensors, a first score."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from bench.config import RunConfig
from bench.data.cards import Card, load_card, what_it_needs
from bench.errors import BenchError, UsageError
from bench.model.variant_registry import entries
from bench.utils import paths
from bench.utils.text import wrapped

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from bench.data.loading import Data
    from bench.model.checkpoints import Loaded
    from bench.model.variant import Variant

DISTRIBUTION = "emotion-video-bench"
GATE_PAIRS = 100
LONG = 3  # times the median length: a clip that was probably not cut


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fail`: a run with these settings would stop there."""

    level: Literal["ok", "note", "fail"]
    what: str
    detail: str

    def __str__(self) -> str:
        """In columns; the detail wraps within the last, paths stay whole."""
        start = f"{self.level:<5}{self.what:<10} "
        return "\n".join(wrapped(self.detail, len(start), start)) or start.rstrip()


def examine(config: RunConfig, results: Path) -> Iterator[Finding]:
    """Looks at everything that `bench run` with the same settings would need, cheapest first."""
    yield from _readers()
    yield from _lexicons()
    yield from _device(config)
    yield from _cache()
    data = None
    for finding in _dataset(config):
        if isinstance(finding, Finding):
            yield finding
        else:
            data = finding
    yield from _weights(config, data, results)
    yield from _extras()


def _readers() -> Iterator[Finding]:
    readers = [f"{name} {_version(name)}" for name in ("decord", "av") if _version(name)]
    yield Finding("ok" if readers else "fail", "readers", ", ".join(readers) or "none. pip install av")


def _extras() -> Iterator[Finding]:
    extras: dict[str, list[str]] = {}
    for line in (requires(DISTRIBUTION) if _version(DISTRIBUTION) else None) or []:
        requirement = Requirement(line)
        for extra in ("faces", "cluster", "test", "dev"):
            if requirement.marker and requirement.marker.evaluate({"extra": extra}) and not _version(requirement.name):
                extras.setdefault(extra, []).append(requirement.name)
    for extra, missing in extras.items():
        mend = f"pip install -c constraints.txt -e '.[{extra}]'"
        yield Finding("note", f"[{extra}]", f"not installed: {', '.join(missing)}. {mend}")


def _lexicons() -> Iterator[Finding]:
    from bench.emotions.lexicons import lexicon_versions

    try:
        found = lexicon_versions()
        yield Finding("ok", "lexicons", "; ".join(what.split(", sha256")[0] for what in found.values()))
    except BenchError as error:
        yield Finding("fail", "lexicons", str(error))


def _device(config: RunConfig) -> Iterator[Finding]:
    import torch

    from bench.utils.device import choose_device, has_bf16

    try:
        device = choose_device(config.device)
    except UsageError as error:
        yield Finding("fail", "device", str(error))
        return
    if device.type == "cuda":
        half = "bf16" if has_bf16(device) else "fp32"
        yield Finding("ok", "device", f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}, {half}")
    elif device.type == "mps":
        yield Finding("ok", "device", "Apple GPU (mps), fp32")
    else:
        said = {"tiny": "; enough for tiny"} | {
            size: f"; {size} trains for weeks without an accelerator" for size in ("b32", "b16")
        }
        level: Literal["ok", "note"] = "note" if config.model.size in ("b32", "b16") else "ok"
        yield Finding(level, "device", f"CPU, threads: {torch.get_num_threads()}{said.get(config.model.size, '')}")


def _cache() -> Iterator[Finding]:
    folder = paths.home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
        yield Finding("ok", "cache", str(folder))
    except OSError as error:
        mend = "Runs work without it, but more slowly. To have one, set BENCH_HOME to a folder of yours."
        yield Finding("note", "cache", f"{folder} cannot be written ({error.strerror}). {mend}")


def _dataset(config: RunConfig) -> "Iterator[Finding | Data]":
    """Findings about the folder and, at the end, the opened data if it can be opened."""
    from bench.data import importers
    from bench.data.video import list_videos

    card = load_card(config.dataset, config.root)
    try:
        folder = importers.ensure(config.dataset, config.root)
    except (BenchError, OSError) as error:
        yield Finding("fail", config.dataset, str(error))
        return
    splits = sorted(path.stem for path in (folder / "annotations").glob("*.json"))
    if splits and not card.splits.keys() & set(splits):
        known = f"{', '.join(splits)}, and {card.name} has {', '.join(card.splits)}"
        mend = f"Say which dataset it is, or write those: bench data prepare {card.name} --root {folder}"
        yield Finding("fail", card.name, f"{folder} has the annotations {known}. {mend}")
        return
    if not splits:
        mend = f"bench data prepare {card.name} --root {folder}"
        needs = what_it_needs(card, folder)
        yield Finding("fail", card.name, f"{folder} has no annotations. Write them: {mend}.{needs}")
        return
    yield Finding("ok", card.name, f"{folder}: {', '.join(splits)}")
    named: dict[str, list[str]] = {}
    for path in [] if card.metadata else list_videos(folder):  # a table names files by their paths
        named.setdefault(path.stem, []).append(str(path))
    for paths_of_one in (found for found in named.values() if len(found) > 1):
        yield Finding("fail", "duplicate", f"{' and '.join(paths_of_one)}. Remove or rename all but one.")
    data, trouble = _open(config, card, folder)
    if trouble:
        yield Finding("fail", "clips", trouble)
        data, _ = _open(replace(config, missing="skip"), card, folder)  # what is there can be looked at all the same
    if data is None:
        return
    skipped = ", ".join(f"{count} of {split}" for split, count in data.skipped.items())
    left_out = f", left out: {skipped}" if skipped else ""
    if not trouble:
        yield Finding("ok", "clips", f"{len(data.videos.frames)} can be read{left_out}")
    for why in data.broken.values():
        yield Finding("note", "broken", why)
    middle = statistics.median(data.videos.seconds.values())
    for video, seconds in data.videos.seconds.items():
        if seconds > LONG * middle:
            yield Finding("note", "long", f"{data.videos.paths[video]}: {seconds:.0f} s, the median is {middle:.0f} s")
    if not trouble:
        yield from _faces(config, data, folder)
        yield data


def _faces(config: RunConfig, data: "Data", folder: Path) -> Iterator[Finding]:
    """For variants that read expressions: what made them. A variant that is unknown is reported with its weights."""
    from bench.data.loading import open_faces

    if config.variant not in entries() or not entries()[config.variant].video_needs:
        return
    try:
        yield Finding("ok", "faces", open_faces(config, folder, data).source)
    except BenchError as error:
        yield Finding("fail", "faces", str(error))


def _open(config: RunConfig, card: Card, folder: Path) -> "tuple[Data | None, str]":
    """The data, or what a run would say instead."""
    from bench.data.loading import open_data

    try:
        return open_data(config, card, folder), ""
    except (BenchError, OSError) as error:
        return None, str(error)


def _weights(config: RunConfig, data: "Data | None", results: Path) -> Iterator[Finding]:
    from bench.engine.opening import make_variant
    from bench.engine.run_config import complete
    from bench.model.checkpoints import initialize

    try:
        if data is None:  # a split that is not there was named before, and weights know none
            config = replace(config, split="", test="")
        config, card = complete(config)
        if data is None:  # the folder is at fault, but the checkpoint can be looked at all the same
            _, loaded = initialize(
                config.variant,
                config.hp,
                init=config.init,
                size=config.model.size,
                frames=config.video.frames,
                vocabulary=1000,
                results=results,
            )
            yield Finding("ok", "weights", str(loaded))
            return
        variant, loaded, tokenizer = make_variant(config, data, results)
        _check_texts(config, variant, tokenizer)
    except BenchError as error:
        yield Finding("fail", "weights", str(error))
        return
    yield Finding("ok", "weights", str(loaded))
    expected = card.expected.get("zero_shot", {}).get(config.model.size)
    if config.init.startswith("clip-vip:") and expected:
        yield _gate(config, card, data, variant, loaded, tokenizer, expected)


def _check_texts(config: RunConfig, variant: "Variant", tokenizer: "Tokenizer") -> None:
    """BenchError if the weights and the tokenizer give different texts the same features."""
    import torch

    from bench.data.loading import Collator
    from bench.model.checkpoints import DIFFERENT_TEXTS, check_texts_differ

    texts = list(DIFFERENT_TEXTS)
    known = texts if variant.text_needs else None
    collate = Collator(tokenizer, config.model.tokens, variant.phrase, known, control="zeroed")  # their words count
    with torch.inference_mode():
        features = [variant.eval().encode_text(collate.text([text])) for text in texts]
    check_texts_differ(features, f"--init {config.init}")


def _gate(
    config: RunConfig,
    card: Card,
    data: "Data",
    variant: "Variant",
    loaded: "Loaded",
    tokenizer: "Tokenizer",
    expected: float,
) -> Finding:
    """Scores the untrained weights on the first test pairs: a smaller gallery can only be easier than the full one.

    So R@1 on it should not lie below what is published for the full test, whatever the draw of the pairs.
    """
    from bench.data import importers
    from bench.data.annotation import keep
    from bench.data.loading import open_faces
    from bench.engine.opening import Opened
    from bench.engine.scoring import scorer
    from bench.engine.train import make_accelerator
    from bench.metrics.statistics import wilson

    pairs = keep(data.test, {clip.video for clip in data.test.clips[:GATE_PAIRS]})
    data = replace(data, test=pairs)
    accelerator = make_accelerator(config.train, config.device)
    folder = importers.ensure(config.dataset, config.root)
    faces = open_faces(config, folder, data) if variant.video_needs else None
    opened = Opened(config, card, folder, data, variant.to(accelerator.device), loaded, tokenizer, faces)
    recall = scorer(opened, accelerator)().points()["T2V R@1"]
    n = len(pairs.clips)
    high = 100 * wilson(recall * n / 100, n)[1]
    said = f"zero-shot T2V R@1 {recall:.1f} % on {n} test pairs; published: {expected} % on all of {card.test}"
    if high < expected:
        return Finding("fail", "gate", f"{said}. Far too low: check the checkpoint, the tokenizer and the videos.")
    return Finding("ok", "gate", said)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
