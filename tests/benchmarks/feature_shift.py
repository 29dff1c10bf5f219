"""How far additive_text moves text features from plain's before any training, by the scale its embeddings start with.

    PYTHONPATH=tests python tests/benchmarks/feature_shift.py

Real captions (the 1 000 of MSR-VTT 1k-A, of which those with an NRC emotion are used) through two text towers: the tiny
model in the published key format, and B/32 with random weights. For every start of the emotion embeddings: the norm of
what is added against the norm of the token embeddings, and the cosine of the caption's feature to plain's, as median
and 5th percentile over captions, over five draws. The last column is the yardstick: the median cosine between the
plain features of two different captions. Needs shared test data (BENCH_SHARED, default ../shared).
"""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from tokenizers import Tokenizer

from bench.data.batch import TextBatch
from bench.data.tokenizer import caption_tokenizer, clip_tokenizer, encode
from bench.emotions.scores import score_captions
from bench.model import variant_registry
from bench.model.checkpoints import read_tensors
from bench.model.clip_vip import ClipVip, clip_config
from bench.model.variant import Variant

SHARED = Path(os.environ.get("BENCH_SHARED", Path(__file__).parents[3] / "shared"))
STARTS = (1.0, 0.02, 0.0)
DRAWS = 5
GOLDEN_WORDS = 297  # the tiny model's vocabulary of 300 without [UNK], the start and the end


def captions() -> list[str]:
    """The 1 000 test captions of MSR-VTT 1k-A."""
    with (SHARED / "msrvtt" / "MSRVTT_JSFUSION_test.csv").open(newline="", encoding="utf-8") as file:
        return [row["sentence"] for row in csv.DictReader(file)]


def common_words(texts: list[str], count: int) -> Tokenizer:
    """A tokenizer with the `count` most frequent words; the others are [UNK]."""
    spoken = Counter(word for text in texts for word in text.lower().split() if word.isalpha())
    frequent = spoken.most_common(count)
    return caption_tokenizer(word for word, _ in frequent)


@torch.no_grad()
def features(variant: Variant, batch: TextBatch) -> torch.Tensor:
    """(n, P), in parts of 100 captions."""
    rows = range(0, len(batch), 100)
    assert batch.emotions is not None
    every = (batch.input_ids, batch.attention_mask, batch.emotions)
    parts = [TextBatch(*(value[i : i + 100] for value in every)) for i in rows]
    return torch.cat([variant.eval().encode_text(part) for part in parts])


def measure(name: str, backbone: ClipVip, batch: TextBatch) -> list[str]:
    """A line of the table for each start."""
    plain = features(variant_registry.build("plain", backbone, {}), batch)
    cosines = plain @ plain.T
    different = cosines[~torch.eye(len(plain), dtype=torch.bool)].median()
    norm = backbone.clipmodel.text_model.embeddings.token_embedding.weight.norm(dim=1).median()
    lines = []
    for std in STARTS:
        moved, added = [], []
        for seed in range(DRAWS if std else 1):
            torch.manual_seed(seed)
            variant = variant_registry.build("additive_text", backbone, {"init_std": std})
            added.append((batch.shares @ variant.emotion.weight).norm(dim=1).median())  # type: ignore[operator, union-attr]
            moved.append((features(variant, batch) * plain).sum(dim=1))
        cosine = torch.cat(moved)
        ratio = torch.stack(added).mean() / norm
        low = np.percentile(cosine.numpy(), 5)
        lines.append(f"{name:<14} {std:>8} {ratio:>14.2f} {cosine.median():>14.4f} {low:>8.4f} {different:>11.4f}")
    return lines


def batch_of(tokenizer: Tokenizer, texts: list[str], places: int) -> TextBatch:
    ids, mask = encode(tokenizer, texts, places)
    scores = torch.from_numpy(score_captions(texts)).float()
    return TextBatch(torch.from_numpy(ids), torch.from_numpy(mask), scores)


def main() -> None:
    texts = captions()
    emotional = [text for text, row in zip(texts, score_captions(texts), strict=True) if row.any()]
    print(f"{len(emotional)} of {len(texts)} captions name an emotion; {DRAWS} draws of the embeddings")
    print(
        f"{'text tower':<14} {'init_std':>8} {'added / token':>14} {'cosine, median':>14} {'5 %':>8} {'different':>11}"
    )

    tiny = ClipVip(golden_config(), frames=GOLDEN_FRAMES)
    tiny.load_state_dict(read_tensors(SHARED / "golden" / "clipvip_tiny.pt"), strict=False)  # beside old buffers
    print("\n".join(measure("tiny, golden", tiny, batch_of(common_words(texts, GOLDEN_WORDS), emotional, 16))))

    torch.manual_seed(0)
    b32 = ClipVip(clip_config("b32"), frames=12)
    bpe = clip_tokenizer(str(SHARED / "lexicons" / "bpe_simple_vocab_16e6.txt.gz"))
    print("\n".join(measure("b32, random", b32, batch_of(bpe, emotional, 50))))


if __name__ == "__main__":
    main()
