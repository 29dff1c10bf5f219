"""Captions to token ids: CLIP's own vocabulary for b32 and b16, a small one built from the captions for `tiny`.

Everything is a `tokenizers.Tokenizer` that puts a start token before and an end token behind; the end token has the
highest id and is also the padding, as in CLIP.
"""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from bench.errors import BenchError, first_line

UNKNOWN = "[UNK]"
CLIP_MERGES = 49152 - 256 - 2  # of the file's 262 144 lines CLIP reads this many, to a vocabulary of 49 408
CLIP_ENDS = ("<|startoftext|>", "<|endoftext|>")
CLIP_SMALLEST = 2 * 256 + len(CLIP_ENDS)  # every byte, inside and at the end of a word: a vocabulary without merges
SPARE_ROWS = 128  # the largest number that embeddings are rounded up to a multiple of


def caption_tokenizer(captions: Iterable[str]) -> Tokenizer:
    """One token for every lower-cased word and mark that the captions have; any other word is `[UNK]`."""
    normalizer, splitter = Lowercase(), Whitespace()
    words = {word for text in captions for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))}
    vocabulary = {token: number for number, token in enumerate([UNKNOWN, *sorted(words), "[START]", "[END]"])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    return _with_ends(tokenizer, "[START]", "[END]")


def clip_tokenizer(source: str) -> Tokenizer:
    """CLIP's tokenizer from `bpe_simple_vocab_16e6.txt.gz`, a local Hugging Face folder, or a Hugging Face name."""
    from transformers import AutoTokenizer, CLIPTokenizer

    try:
        if source.endswith((".txt.gz", ".txt")):
            vocabulary, merges = _read_merges(Path(source))
            made = CLIPTokenizer(vocab=vocabulary, merges=merges)  # type: ignore[arg-type]  # pairs are right
            tokenizer = made.backend_tokenizer
        else:
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False).backend_tokenizer
        if lacking := [token for token in CLIP_ENDS if tokenizer.token_to_id(token) is None]:
            raise ValueError(f"its vocabulary lacks {lacking[0]}")
        if vocabulary_size(tokenizer) < CLIP_SMALLEST:  # what transformers makes up where no vocabulary is found
            raise ValueError("there is no vocabulary")
    except Exception as error:  # odd values in tokenizer.json end anywhere in transformers
        reason = first_line(error)
        raise BenchError(
            f"no CLIP tokenizer at '{source}' ({reason}). It takes a Hugging Face name, a folder with the tokenizer's "
            "files, or the path of bpe_simple_vocab_16e6.txt.gz (--model.tokenizer)."
        ) from None
    return _with_ends(tokenizer, *CLIP_ENDS)


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """How many rows an embedding of these tokens needs: the highest id and one."""
    return 1 + max(tokenizer.get_vocab().values())


def check_vocabulary(tokenizer: Tokenizer, rows: int, where: str, *, trained: bool = True) -> None:
    """BenchError unless a tokenizer is the one for a text tower whose embedding has that many rows.

    where: what the tokenizer was taken from. A tower may have a few rows more, for some round their number up.
    trained: the tower's rows mean something, so that far too small a vocabulary is another one; an untrained tower can
    learn any that fits in.
    """
    tokens = vocabulary_size(tokenizer)
    if tokens > rows or (trained and rows - tokens >= SPARE_ROWS):
        raise BenchError(
            f"the tokenizer from {where} has {tokens} tokens, the text tower {rows}. "
            "Take the tokenizer that the weights were trained with."
        )


def encode(tokenizer: Tokenizer, captions: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and attention mask, both (n, L) int64, L the longest caption here but at most `length`.

    A caption that is too long loses words at its end, never the end token. Which other captions are in the batch
    changes only the padding.
    """
    tokenizer.enable_truncation(length)
    rows = [row.ids for row in tokenizer.encode_batch(list(captions))]
    ids = np.full((len(rows), max(map(len, rows))), tokenizer.get_vocab_size() - 1, dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def token_keys(ids: np.ndarray, mask: np.ndarray) -> list[bytes]:  # (n, L), (n, L)
    """Each text's tokens without padding, to find it by: equal for texts that a tower cannot tell apart."""
    return [row[:length].tobytes() for row, length in zip(ids, mask.sum(axis=1), strict=True)]


def _with_ends(tokenizer: Tokenizer, start: str, end: str) -> Tokenizer:
    numbers = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    tokenizer.post_processor = TemplateProcessing(single=f"{start} $A {end}", special_tokens=numbers)
    return tokenizer


def _read_merges(path: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's vocabulary as its merge file defines it: 256 bytes, the same at a word's end, the merges, two specials."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError("it is no file")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[1 : CLIP_MERGES + 1]
    merges = [tuple(line.split()) for line in lines]
    if len(merges) != CLIP_MERGES or any(len(pair) != 2 for pair in merges):
        raise ValueError(f"{path.name} does not hold CLIP's {CLIP_MERGES} merges")
    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    tokens += CLIP_ENDS
    return {token: number for number, token in enumerate(tokens)}, [(one, other) for one, other in merges]
