"""The protocol signature: one line with all that must be equal before two numbers may be compared."""

from collections.abc import Mapping
from typing import Any

from bench.config import flat
from bench.errors import BenchError
from bench.model.model_names import hf_label, hf_source

PROTOCOL = 1  # the version of the evaluation's own rules, `v:` in the signature
EXTERNAL = "external"  # `model:` of scores that another program made

_OF_CONFIG = {  # part of the signature -> the settings that it is made of
    "test": ("dataset", "test"),
    "train": ("split",),
    "frames": ("video.frames",),
    "res": ("video.size",),
    "model": ("model.size",),
    "captions": ("captions",),
    "batches": ("train.batches", "train.similar"),
    "negatives": ("train.negatives",),
    "freeze": ("train.freeze",),
    "holdout": ("train.holdout",),
    "ckpt": ("train.select",),
    "seed": ("seed",),
}
_WRITTEN = {
    ("ckpt", "test"): "test-dsl",
    ("holdout", "0"): "",
    ("batches", "random-1"): "",
    ("batches", "twins-1"): "twins",
    ("batches", "similar-1"): "similar",
    ("negatives", "none"): "",
    ("freeze", "none"): "",
}


# What a part means that does not stand there.
LEFT_OUT = {"batches": "random", "negatives": "none", "freeze": "none", "holdout": "0"}


def parts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a signature that a config, as JSON, decides alone; "" is a part that is left out.

    Settings that a config of a former schema does not have decide nothing, and a model that a file describes goes by
    that file's digest, one of Hugging Face by its name.
    """
    settings = flat(config)
    parts = {}
    for part, names in _OF_CONFIG.items():
        if all(name in settings for name in names):
            values = [settings[name] for name in names]
            text = "-".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
            if part == "model" and (source := hf_source(text)) is not None:
                text = hf_label(source)
            if not (part == "model" and text.endswith(".json")):
                parts[part] = _WRITTEN.get((part, text), text)
    return parts


def positives_part(config: Mapping[str, Any], queries: int, videos: int) -> str:
    """What counts as a true answer, where it is not one video for one caption; see `bench.metrics.positives`.

    "own": of several captions of a video, each is true. "equal": so are the equal captions of other videos.
    """
    positives = str(config.get("positives", "own"))
    return positives if positives != "own" or queries != videos else ""


def _asked(config: Mapping[str, Any], queries: int, videos: int) -> dict[str, str]:
    """The first parts of every signature: what was asked of which clips, and how ranks are counted."""
    own = parts_of(config)
    return {
        "test": own["test"],
        "train": own["train"],
        "size": f"{queries}x{videos}",
        "positives": positives_part(config, queries, videos),
        "ties": "expected",
        "score": "fp32",
    }


def protocol_signature(
    config: Mapping[str, Any],
    *,
    queries: int,
    videos: int,
    model: str,
    init: str,
    clips: str = "",
    skipped: Mapping[str, int] | None = None,
    emotions: str = "",
) -> str:
    """One line with all that must be equal before two numbers may be compared, as sacreBLEU's signature.

    Example: msrvtt-1kA|train:7k|1000x1000|ties:expected|score:fp32|post:none|frames:12|res:224|model:b32|
    init:clip-vip:1a2b3c4d|captions:sampled|ckpt:last|seed:42|v:1 (without the line break).
    config: a whole one, as JSON; see `bench.config`.
    queries, videos: how many were scored.
    model: its size or name, or the digest of the file that describes it.
    init: where the weights started, with their digest.
    clips: which small copies were read, "6fps-jpeg" or, older ones in H.264, "6fps"; empty: the originals.
    skipped: how many clips of each split were left out because their video was missing or broken.
    emotions: the emotion source that the variant reads, with its version, where it is not `nrc`.
    Source: Post, A call for clarity in reporting BLEU scores, WMT 2018. BenchError if a part holds the separator.
    """
    own = parts_of(config)
    parts = {
        **_asked(config, queries, videos),
        "post": "none",
        "frames": own["frames"],
        "res": own["res"],
        "model": model,
        "init": init,
        "captions": own["captions"],
        "emotions": emotions,
        "clips": clips,
        "batches": own["batches"],
        "negatives": own["negatives"],
        "freeze": own["freeze"],
        "holdout": own["holdout"],
        "ckpt": own["ckpt"],
        "skipped": ",".join(f"{split}={count}" for split, count in sorted((skipped or {}).items()) if count),
        "seed": own["seed"],
        "v": str(PROTOCOL),
    }
    return join_signature({name: part for name, part in parts.items() if part})


def external_signature(config: Mapping[str, Any], *, queries: int, videos: int, init: str, post: str) -> str:
    """As `protocol_signature`, of scores that another program made: what is not known of its model is left out.

    Example: msrvtt-1k-A|train:9k|1000x1000|ties:expected|score:fp32|post:none|model:external|init:file:1a2b3c4d|
    seed:42|v:1 (without the line break).
    init: "file:" and the digest of what was scored. post: what its owner says was done to the scores.
    """
    own = parts_of(config)
    parts = {
        **_asked(config, queries, videos),
        "post": post,
        "model": EXTERNAL,
        "init": init,
        "seed": own["seed"],
        "v": str(PROTOCOL),
    }
    return join_signature({name: part for name, part in parts.items() if name != "positives" or part})


def join_signature(parts: Mapping[str, str]) -> str:
    """The line of these parts, in their order; `test` and `size` stand without their names."""
    for name, part in parts.items():
        if not part or "|" in part or not part.isprintable():
            raise BenchError(f"{name} {part!r} cannot stand in a protocol signature: empty or with '|'. Rename it.")
    return "|".join(part if name in ("test", "size") else f"{name}:{part}" for name, part in parts.items())


def parse_signature(signature: str) -> dict[str, str]:
    """The parts of a signature by name, in order. BenchError if it is none."""
    parts: dict[str, str] = {}
    for position, part in enumerate(signature.split("|")):
        name, colon, value = part.partition(":")
        if position == 0 or not colon:
            name, value = ("test" if position == 0 else "size"), part
        if name in parts:
            raise BenchError(f"the protocol {signature!r} names {name} twice.")
        parts[name] = value
    whole = {"test", "train", "size", "v"} <= parts.keys() and all(parts.values())
    if not whole or not signature.isprintable():
        raise BenchError(f"{signature!r} is no protocol signature.")
    return parts
