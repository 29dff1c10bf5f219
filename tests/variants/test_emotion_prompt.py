"""The words that are tokenized."""

import pytest

from bench.data.loading import Collator
from bench.data.tokenizer import caption_tokenizer
from bench.model.variant_registry import get


@pytest.mark.parametrize(
    ("emotions", "phrase"),
    [((), "a man"), (("joy",), "joy: a man"), (("trust", "anger"), "trust, anger: a man")],
)
def test_emotions_stand_before_the_caption(emotions: tuple[str, ...], phrase: str) -> None:
    assert get("emotion_prompt").phrase("a man", emotions) == phrase


def test_the_collator_tokenizes_the_phrase_of_the_control_it_was_given() -> None:
    texts = ["a happy man", "a table"]
    tokenizer = caption_tokenizer([*texts, "joy trust anticipation : ,"])
    true, zeroed = (
        Collator(tokenizer, 16, get("emotion_prompt").phrase, texts, control=control).text(texts)
        for control in ("true", "zeroed")
    )
    words = [tokenizer.id_to_token(number) for number in true.input_ids[0] if number < tokenizer.get_vocab_size() - 1]
    assert words == ["[START]", "joy", ",", "trust", ",", "anticipation", ":", "a", "happy", "man"]
    assert zeroed.input_ids.shape[1] == 5
