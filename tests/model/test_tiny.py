"""The small weights that come with the package: what keeps its embedding, what is drawn, what is refused."""

from pathlib import Path

import pytest
import torch

from bench.data.importers.moodclips.grammar import SEEN, WHO
from bench.errors import BenchError, UsageError
from bench.model import tiny
from bench.model.checkpoints import initialize
from bench.model.tiny import WORD_STD, WORDS, read_tiny, tiny_tokenizer

OWN = {"[UNK]": 0, "robot": 1, "happy": 2, "zebra": 3, "[START]": 4, "[END]": 5}


def start(init: str, vocabulary: dict[str, int] | int = 300):
    torch.manual_seed(1)
    return initialize("plain", {}, init=init, size="tiny", frames=8, vocabulary=vocabulary, results=Path())


def test_words_that_were_trained_keep_their_embedding_and_others_are_drawn():
    torch.manual_seed(3)
    table = read_tiny(OWN)[0][WORDS]
    trained, known = read_tiny(0)[0][WORDS], tiny_tokenizer().get_vocab()
    for word in ("[UNK]", "robot", "[START]", "[END]"):
        assert torch.equal(table[OWN[word]], trained[known[word]]), word
    drawn = table[[OWN["happy"], OWN["zebra"]]]
    assert not {"happy", "zebra"} & known.keys()
    assert 0.5 * WORD_STD < drawn.std() < 2 * WORD_STD
    torch.manual_seed(4)
    assert not torch.equal(read_tiny(OWN)[0][WORDS][2], table[2])


def test_its_words_are_those_of_contents_and_none_of_an_emotion():
    known = tiny_tokenizer().get_vocab()
    assert {
        word for some in WHO.values() for phrase in some for word in phrase.split() if "-" not in word
    } <= known.keys()
    named = {word for some in SEEN.values() for kind in some.values() for phrase in kind for word in phrase.split()}
    assert not named & known.keys()


def test_everything_but_the_words_is_loaded_in_float32():
    variant, loaded = start("tiny", OWN)
    assert loaded.source == f"tiny:{tiny.SHA256[:8]}" and not loaded.new and not loaded.unused
    state = read_tiny(OWN)[0]
    assert all(value.dtype == torch.float32 for value in state.values())
    own = variant.state_dict()
    assert all(torch.equal(own[name], value) for name, value in state.items() if name != WORDS)


def test_a_variant_s_own_parameters_are_new():
    torch.manual_seed(1)
    settings = {"init": "tiny", "size": "tiny", "frames": 8, "vocabulary": OWN, "results": Path()}
    _, loaded = initialize("additive_text", {}, **settings)
    assert loaded.new == ("emotion.weight",)


def test_an_altered_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = bytearray(tiny.FILE.read_bytes())
    content[-1] ^= 1
    (tmp_path / "tiny.safetensors").write_bytes(content)
    monkeypatch.setattr(tiny, "FILE", tmp_path / "tiny.safetensors")
    with pytest.raises(BenchError, match=r"tiny.safetensors is missing or was altered. Install this package again."):
        start("tiny")


def test_another_size_than_tiny_does_not_fit():
    with pytest.raises(BenchError, match=r"--init tiny does not fit this variant and size"):
        initialize("plain", {}, init="tiny", size="b32", frames=8, vocabulary=300, results=Path())


def test_tiny_takes_no_file():
    with pytest.raises(UsageError, match="none of random, tiny, clip-vip:FILE"):
        start("tiny:weights.safetensors")
