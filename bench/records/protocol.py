"""The protocol signature: one line with all that must be equal before two numbers may be compared."""

from collections.abc import Mapping

from bench.errors import BenchError

PROTOCOL = 1  # the version of the evaluation's own rules, `v:` in the signature


def protocol_signature(
    *,
    dataset: str,
    test: str,
    train: str,
    queries: int,
    videos: int,
    frames: int,
    resolution: int,
    model: str,
    init: str,
    captions: str,
    checkpoint: str,
    seed: int,
    holdout: int = 0,
    clips: str = "",
    skipped: Mapping[str, int] | None = None,
) -> str:
    """One line with all that must be equal before two numbers may be compared, as sacreBLEU's signature.

    Example: msrvtt-1kA|train:7k|1000x1000|ties:expected|score:fp32|post:none|frames:12|res:224|model:b32|
    init:clip-vip:1a2b3c4d|captions:sampled|ckpt:last|seed:42|v:1 (without the line break).
    holdout: videos kept out of training for validation. clips: "6fps" where compressed copies were read.
    skipped: how many clips of each split were left out because their video was missing or broken.
    Source: Post, A call for clarity in reporting BLEU scores, WMT 2018. BenchError if a part holds the separator.
    """
    parts = {
        "train": train,
        "size": f"{queries}x{videos}",
        "ties": "expected",
        "score": "fp32",
        "post": "none",
        "frames": str(frames),
        "res": str(resolution),
        "model": model,
        "init": init,
        "captions": captions,
        "clips": clips,
        "holdout": str(holdout or ""),
        "ckpt": checkpoint,
        "skipped": ",".join(f"{split}={count}" for split, count in sorted((skipped or {}).items()) if count),
        "seed": str(seed),
        "v": str(PROTOCOL),
    }
    return join_signature({"test": f"{dataset}-{test}", **{name: part for name, part in parts.items() if part}})


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
    if not {"test", "train", "size", "v"} <= parts.keys() or not all(parts.values()):
        raise BenchError(f"{signature!r} is no protocol signature.")
    return parts
