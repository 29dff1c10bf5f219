"""Token ids, against the ids that OpenAI's own tokenizer is known to give."""

from pathlib import Path

import pytest

from bench.data.tokenizer import caption_tokenizer, check_vocabulary, clip_tokenizer, encode, vocabulary_size
from bench.errors import BenchError


def test_clip_s_vocabulary_gives_openai_s_ids(shared: Path) -> None:
    tokenizer = clip_tokenizer(str(shared / "lexicons" / "bpe_simple_vocab_16e6.txt.gz"))
    ids, mask = encode(tokenizer, ["a photo of a cat", "Hello World!"], 77)
    assert ids.tolist() == [[49406, 320, 1125, 539, 320, 2368, 49407], [49406, 3306, 1002, 256] + [49407] * 3]
    assert mask.tolist() == [[1] * 7, [1] * 5 + [0] * 2]


def test_a_long_caption_keeps_its_end_token() -> None:
    tokenizer = caption_tokenizer(["one two three four five"])
    ids, mask = encode(tokenizer, ["one two three four five"], 4)
    assert ids.shape == (1, 4)
    assert ids[0, -1] == tokenizer.token_to_id("[END]")
    assert mask.all()


def test_the_end_token_has_the_highest_id() -> None:
    tokenizer = caption_tokenizer(["zebra [END] zz"])
    assert tokenizer.token_to_id("[END]") == tokenizer.get_vocab_size() - 1


def test_words_are_lower_cased_and_unknown_ones_share_a_token() -> None:
    tokenizer = caption_tokenizer(["a happy man"])
    ids, _ = encode(tokenizer, ["Happy woman", "happy king"], 10)
    assert ids[0].tolist() == ids[1].tolist()


def test_the_vocabulary_does_not_depend_on_the_order_of_captions() -> None:
    assert caption_tokenizer(["b a", "c"]).get_vocab() == caption_tokenizer(["c", "a b"]).get_vocab()


def test_a_truncated_vocabulary_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bpe.txt").write_text("#version\ni n\nt h\n")
    with pytest.raises(BenchError, match=r"no CLIP tokenizer at .* does not hold CLIP's 48894 merges"):
        clip_tokenizer(str(tmp_path / "bpe.txt"))


def test_a_missing_vocabulary_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"--model\.tokenizer"):
        clip_tokenizer(str(tmp_path / "none.txt.gz"))


def test_a_folder_without_a_vocabulary_is_an_error(shared: Path) -> None:
    """There transformers makes a tokenizer of two tokens, in which every word is the end of the text."""
    with pytest.raises(BenchError, match=r"no CLIP tokenizer at .* \(there is no vocabulary\)") as error:
        clip_tokenizer(str(shared / "failing" / "clip_no_tokenizer"))
    assert "\n" not in str(error.value)


def test_a_tokenizer_of_another_family_is_an_error(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=caption_tokenizer(["a man"])).save_pretrained(tmp_path)
    with pytest.raises(BenchError, match=r"no CLIP tokenizer at .* lacks <\|startoftext\|>"):
        clip_tokenizer(str(tmp_path))


@pytest.mark.parametrize(
    ("rows", "trained", "fits"),
    [
        (5, True, True),
        (4, True, False),
        (4, False, False),  # too large a vocabulary has no rows
        (132, True, True),  # rounded up to a multiple of 128 and no more
        (133, True, False),
        (133, False, True),  # too small: the weights were trained with another
    ],
)
def test_a_vocabulary_fits_a_text_tower_or_is_an_error(rows: int, trained: bool, fits: bool) -> None:
    tokenizer = caption_tokenizer(["a man"])
    assert vocabulary_size(tokenizer) == 5
    if fits:
        check_vocabulary(tokenizer, rows, "here", trained=trained)
    else:
        with pytest.raises(BenchError, match=rf"the tokenizer from here has 5 tokens, the text tower {rows}\."):
            check_vocabulary(tokenizer, rows, "here", trained=trained)
