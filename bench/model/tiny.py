"""The small pretrained weights that come with this package: `--init tiny`, for `--model.size tiny`.

A plain CLIP-ViP of 64 pixels, trained on moodclips-content alone: who, where, what and prop, no emotion seen or named.
scripts/pretrain_tiny makes the file.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from bench.errors import BenchError
from bench.utils.files import sha256
from bench.utils.tensor_files import metadata_of

FILE = Path(__file__).with_name("tiny.safetensors")
SHA256 = "a802af37ca4adc4dda40d49aa88abcaed617733e5eac8964ab808c81d5a991b0"
WORDS = "backbone.clipmodel.text_model.embeddings.token_embedding.weight"
WORD_STD = 0.02  # of a new word's first embedding, as CLIP draws its own


def read_tiny(vocabulary: Mapping[str, int] | int) -> tuple[dict[str, Tensor], str, tuple[()], tuple[()]]:
    """The weights by name, float32, for a tokenizer with these words and their numbers; their source; and, as of every
    checkpoint, what they were wrapped in and what lay beside them: nothing.

    A word that training on moodclips-content had keeps its embedding; any other one's is drawn at random, as the caller
    seeded torch. With a number alone the words are the file's own. BenchError: the file is missing or was altered.
    """
    if not FILE.is_file() or sha256(FILE) != SHA256:
        raise BenchError(f"{FILE} is missing or was altered. Install this package again.")
    state = {name: value.float() for name, value in load_file(FILE).items()}
    known, learned = tiny_tokenizer().get_vocab(), state[WORDS]
    words = known if isinstance(vocabulary, int) else vocabulary
    table = WORD_STD * torch.randn(max(words.values()) + 1, learned.shape[1])
    both = [word for word in words if word in known]
    table[[words[word] for word in both]] = learned[[known[word] for word in both]]
    state[WORDS] = table
    return state, f"tiny:{SHA256[:8]}", (), ()


def tiny_tokenizer() -> Tokenizer:
    """The one that the weights were trained with."""
    with safe_open(FILE, framework="pt") as file:
        return Tokenizer.from_str(metadata_of(file.metadata())["tokenizer"])
