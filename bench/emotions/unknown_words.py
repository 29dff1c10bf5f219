"""Words of a caption that a lexicon does not know: that "a sad cook" names no emotion may be the lexicon's fault.

Only words that could carry emotion are of interest, so articles, prepositions, pronouns and their like are left out.
"""

from collections.abc import Callable

_LISTED = (
    "a an the this that these those some any each every all both another other such no not n't "
    "i me my mine you your yours he him his she her hers it its we us our ours they them their theirs who whom whose "
    "which what where when while why how there here "
    "of in on at by to for from with without into onto over under above below behind before after between among around "
    "about across along against through during near beside next off out up down as than "
    "and or but nor so if then because though although "
    "is are was were be been being am 's 're 'm 've 'd 'll do does did has have had having can could will would may "
    "might must shall should get gets one two three four five six seven eight nine ten several many few more most very "
    "too also just"
)
FUNCTION_WORDS = frozenset(_LISTED.split())


def unknown_words(text: str, known: Callable[[str], bool]) -> list[str]:
    """The words of a text that are no function words and not known, each once and in order.

    known: says whether the lexicon has a word, capitals as they stand.
    """
    from bench.emotions.tokenize import words

    return [
        word
        for word in dict.fromkeys(words(text))
        if word.lower() not in FUNCTION_WORDS and any(map(str.isalpha, word)) and not known(word)
    ]
