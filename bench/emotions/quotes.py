"""Quotation marks and apostrophes of what a person types, in a form that the word counts understand."""

import re

_STRAIGHT = str.maketrans(dict.fromkeys("‘’‚‛ʼ′´`＇‹›", "'") | dict.fromkeys("“”„‟″«»＂", '"'))
_DOUBLE = re.compile(r'(?<!\w)"(?=\S)(.+?)(?<=\S)"(?!\w)')
_SINGLE = re.compile(r"(?<!\w)'(?=\S)(.+?)(?<=\S)'(?!\w)")  # an apostrophe inside a word is none


def plain_quotes(text: str) -> str:
    """The text with straight apostrophes, and without quotation marks around words.

    "don’t" becomes "don't": the word tokenizer knows contractions by the straight apostrophe alone, and makes "don", a
    word of trust, of the other. "‘sad’" becomes "sad": VADER knows no word with a mark on either side. For texts that a
    person types; captions of datasets are counted as they stand, as the published counts were.
    """
    return _SINGLE.sub(r"\1", _DOUBLE.sub(r"\1", text.translate(_STRAIGHT)))
