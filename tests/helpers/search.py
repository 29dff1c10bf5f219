"""What the tests of the search share: clips of one colour, a model that sees colours, tiny models on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from helpers.golden import golden_config
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from bench.cli import main
from bench.data.video import write_video
from bench.search.models import Described, Encoder
from bench.search.reading import WindowFrames

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def clip(path: Path, *colours: str, seconds: float = 2.0, fps: int = 5) -> Path:
    """A video that shows each colour for that long."""
    frames = [np.full((32, 32, 3), COLOURS[colour], np.uint8) for colour in colours for _ in range(int(seconds * fps))]
    write_video(path, frames, fps, crf=0)
    return path


class SeesColours:
    """An encoder whose features are a window's mean colour and a query's colour word; it counts what it is given."""

    dot = True

    def __init__(self, name: str = "clip:colours", digest: str = "1") -> None:
        self.described = Described(name, "a model that sees colours", digest, 4, 32, 3, "")
        self.seen = 0

    def text(self, query: str) -> np.ndarray:
        return np.array([word in query for word in COLOURS], np.float32)

    def windows(self, seen: Sequence[WindowFrames]) -> np.ndarray:
        self.seen += len(seen)
        means = np.stack([one.frames.reshape(-1, 3).mean(axis=0) for one in seen])
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def score(self, text: np.ndarray, windows: np.ndarray) -> np.ndarray:
        return windows @ text


def as_encoder(model: SeesColours) -> Encoder:
    return model


def tiny_clip(folder: Path) -> Path:
    """A CLIP as Hugging Face keeps it: random weights, and a tokenizer that knows single letters."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    shape = golden_config().to_dict()
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    shape["text_config"] |= {"vocab_size": len(words), "max_position_embeddings": 40, **ends}
    torch.manual_seed(3)
    CLIPModel(CLIPConfig.from_dict(shape)).save_pretrained(folder)
    CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[]).save_pretrained(folder)
    return folder


def trained(small: Path, results: Path, variant: str, **settings: object) -> str:
    """The id of a run over `small` that took seconds; its record and weights are under `results`."""
    words: dict[str, object] = {"variant": variant, "dataset": "msrvtt", "root": small, "init": "random"}
    words |= {"results": results, "model.size": "tiny", "model.tokenizer": "captions", "model.tokens": 32}
    words |= {"video.size": 64, "video.frames": 4, "video.workers": 0}
    words |= {"train.batch": 4, "train.accumulation": 1, "train.steps": 2, "train.lr": 1e-3, **settings}
    before = set(results.glob("*/*/*/*.json"))
    main(["run", *(word for name, value in words.items() for word in (f"--{name}", str(value)))])
    [path] = set(results.glob("*/*/*/*.json")) - before
    return path.stem
