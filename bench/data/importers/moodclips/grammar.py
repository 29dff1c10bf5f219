"""The captions: what people might say of a clip, with and without naming the emotion.

The words of the content carry none of the eight NRC emotions; a word for an emotion carries it (tests hold both against
the lexicon). That rules out some plain words: "boy" is disgust to the lexicon, "beach" joy, "sad" nothing at all.
"""

from random import Random
from typing import TypeVar

T = TypeVar("T")
Words = dict[str, tuple[str, ...]]  # kind, a key of HOW -> words

WHO = {
    "schoolboy": ("lad", "schoolboy", "brown-haired kid"),
    "girl": ("girl", "schoolgirl", "little girl"),
    "old man": ("old man", "grandpa", "elderly man"),
    "red-haired woman": ("red-haired woman", "redhead", "red-haired lady"),
    "robot": ("robot", "android", "metal robot"),
    "chef": ("chef", "cook", "chef in a tall hat"),
    "cowboy": ("cowboy", "rancher", "cowboy in a hat"),
    "astronaut": ("astronaut", "spaceman", "astronaut in a suit"),
}
WHERE = {
    "seaside": ("at the seaside", "on the shore", "by the sea"),
    "forest": ("in the forest", "in the woods", "among the trees"),
    "kitchen": ("in a kitchen", "in the kitchen", "by the stove"),
    "street": ("in the street", "in the city", "downtown"),
    "snow": ("in the snow", "on a snowy field", "out in winter"),
    "moon": ("on the moon", "on the lunar surface", "in space"),
    "barn": ("by a red barn", "in a farmyard", "in front of a barn"),
    "library": ("in a library", "in front of bookshelves", "between shelves of books"),
}
WHAT = {
    "walking": ("is walking along", "walks along", "strolls"),
    "waving": ("is waving", "waves a hand", "waves hello"),
    "sitting": ("is sitting on a chair", "sits on a chair", "is seated"),
    "climbing": ("is climbing a ladder", "climbs a ladder", "goes up a ladder"),
    "riding": ("is riding a scooter", "rides a scooter", "goes along on a scooter"),
    "painting": ("is painting at an easel", "paints a picture", "is painting a canvas"),
    "lifting": ("is lifting a barbell", "lifts a barbell", "is lifting weights"),
    "drumming": ("is drumming", "plays a drum", "is playing the drum"),
}
PROP = {
    "ball": ("a ball", "a soccer ball"),
    "balloon": ("a balloon", "a floating balloon"),
    "plant": ("a potted plant", "a flowerpot"),
    "suitcase": ("a suitcase", "some luggage"),
    "lamp": ("a lamp", "a lit lamp"),
    "cat": ("a cat", "a tabby cat"),
    "pumpkin": ("a pumpkin", "an orange pumpkin"),
    "umbrella": ("an umbrella", "a parasol"),
}
BESIDE = ("with {}", "next to {}", "beside {}", "near {}")

HOW = {"adjective": ", looking {},", "participle": ", {},", "noun": " with {}", "adverb": " {}"}

# Each word carries its emotion by the NRC lexicon. Adjectives and participles stand before the person or
# as HOW says.
SEEN: dict[str, Words] = {
    "joy": {
        "adjective": ("happy", "joyful", "glad"),
        "participle": ("smiling",),
        "noun": ("joy", "happiness"),
        "adverb": ("happily",),
    },
    "trust": {"adjective": ("faithful", "friendly", "loving"), "noun": ("trust", "friendship", "affection")},
    "fear": {"adjective": ("fearful", "frightened", "timid"), "noun": ("fear", "fright"), "adverb": ("fearfully",)},
    "surprise": {"adjective": ("surprised", "bewildered"), "noun": ("surprise", "bewilderment")},
    "sadness": {
        "adjective": ("gloomy", "tearful"),
        "participle": ("crying",),
        "noun": ("sadness", "sorrow"),
        "adverb": ("sadly",),
    },
    "disgust": {"adjective": ("nauseous", "sick"), "noun": ("disgust", "distaste", "displeasure")},
    "anger": {"adjective": ("angry", "furious", "mad"), "noun": ("anger", "rage"), "adverb": ("furiously",)},
    "anticipation": {"adjective": ("expectant", "eager", "hopeful"), "noun": ("anticipation", "expectation", "hope")},
}
# No training or validation caption has these, nor a word of the same stem.
UNSEEN: dict[str, Words] = {
    "joy": {"adjective": ("elated", "merry", "jovial", "blissful"), "noun": ("glee", "mirth")},
    "trust": {"adjective": ("sincere", "steadfast", "tender"), "noun": ("loyalty", "honesty", "confidence")},
    "fear": {"adjective": ("horrified",), "participle": ("trembling",), "noun": ("panic", "terror", "dread")},
    "surprise": {"adjective": ("stunned",), "noun": ("astonishment", "shock", "a gasp")},
    "sadness": {
        "adjective": ("forlorn", "miserable"),
        "participle": ("weeping",),
        "noun": ("grief", "heartache", "melancholy"),
    },
    "disgust": {"adjective": ("squeamish",), "noun": ("revulsion", "loathing", "aversion", "antipathy")},
    "anger": {"adjective": ("irate", "indignant", "livid"), "participle": ("fuming",), "noun": ("wrath", "annoyance")},
    "anticipation": {"adjective": ("impatient", "ready"), "noun": ("curiosity", "yearning", "suspense")},
}


def caption(rng: Random, content: dict[str, str], words: Words | None, *, prop: bool = True) -> str:
    """One sentence on a clip.

    content: the keys who, where, what and prop, with keys of the tables above. words: those of the clip's emotion, or
    None for a caption that does not mention it. prop: whether the prop is named.
    """
    who, where = pick(rng, WHO[content["who"]]), pick(rng, WHERE[content["where"]])
    what, thing = pick(rng, WHAT[content["what"]]), pick(rng, PROP[content["prop"]])
    beside = pick(rng, BESIDE).format(thing)
    order = rng.random()
    how = ""
    if words:
        kind = pick(rng, [kind for kind, some in words.items() for _ in some])  # every word equally often
        word = pick(rng, words[kind])
        if kind in ("adjective", "participle") and rng.random() < 0.5:
            who = f"{word} {who}"
        else:
            how = HOW[kind].format(word)
    someone = f"{'an' if who[0] in 'aeiou' else 'a'} {who}"
    if order < 0.25:
        return _tidy(f"{where}, {someone} {what}{how} {beside if prop else ''}")
    if order < 0.4 and prop:
        return _tidy(f"there is {thing} beside {someone} who {what}{how} {where}")
    return _tidy(f"{someone} {what}{how} {where} {beside if prop else ''}")


def pick(rng: Random, items: list[T] | tuple[T, ...]) -> T:
    """One of the items. `Random.random` alone is promised to give the same numbers in every version of Python."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: Random, items: list[T]) -> list[T]:
    """The items in random order, as `pick` built on nothing but `Random.random`."""
    rest, order = list(items), []
    while rest:
        order.append(rest.pop(int(rng.random() * len(rest))))
    return order


def _tidy(sentence: str) -> str:
    return sentence.strip().rstrip(",")
