"""Quotation marks and apostrophes as phones and word processors write them, brought to those of the captions."""

_STRAIGHT = str.maketrans(dict.fromkeys("‘’‚‛ʼ′", "'") | dict.fromkeys("“”„‟″", '"'))


def straight_quotes(text: str) -> str:
    """The text with straight quotes: what a person types, before its words are counted.

    The word tokenizer knows contractions by the straight apostrophe alone: of "don’t" it makes "don", a word of trust,
    and "t". Captions of data sets are never changed, so that published counts stay as they are.
    """
    return text.translate(_STRAIGHT)
