"""What is filmed and what is said of it: the list of shots and the annotations, without drawing anything."""

from dataclasses import dataclass
from itertools import product
from random import Random

from bench.data.annotation import Annotation, Clip
from bench.data.importers.moodclips.grammar import PROP, SEEN, UNSEEN, WHAT, WHERE, WHO, Words, caption, shuffled
from bench.emotions import EMOTIONS
from bench.errors import UsageError

NAME = "moodclips"
CONTENT = "moodclips-content"  # clips without mood, to learn who, where and what from before any emotion
VERSION = 2  # a change to any caption or pixel is a new version
MOODS = (*EMOTIONS, "neutral")
CAPTIONS = 20  # a training clip
MENTIONS = 11  # of them name the emotion: with the neutral clips, 49 % of all training captions
SIDES = 8  # values of who, where, what and prop each
# A content belongs to a split by the sum of its parts' numbers, modulo SIDES. The two datasets share none.
SUMS = {
    NAME: {"test": (0,), "val": (1,), "train": (2, 3)},
    CONTENT: {"train": (4, 5, 6), "test": (7,)},
}


@dataclass(frozen=True)
class Shot:
    """One clip: its name, its content, its emotion (or neutral), and a seed for where things stand and their shades."""

    name: str
    content: dict[str, str]
    mood: str
    look: str


@dataclass(frozen=True)
class Plan:
    """All clips of a dataset in order of name, and the annotations of its splits: train, val, test."""

    shots: tuple[Shot, ...]
    annotations: tuple[Annotation, ...]


def plan(seed: int, train: int, val: int, test: int, dataset: str = NAME) -> Plan:
    """Draws contents, emotions and captions. A size that the contents cannot fill is a UsageError.

    dataset: NAME, or CONTENT, whose clips are all neutral.
    No content is in two splits, nor in both datasets: with the four parts numbered 0..7, a content goes by their sum
    modulo 8, see SUMS. So two test contents differ in at least two parts, and what the test asks for was never seen
    together in training, in any emotion.
    """
    shots: list[Shot] = []
    annotations = []
    for split, count in (("train", train), ("val", val), ("test", test)):
        rng = Random(f"{dataset} {VERSION} {seed} {split}")
        filmed = _filmed(rng, dataset, split, count)
        shots += [
            Shot(f"{split}{number:04d}", content, mood, f"{dataset} {VERSION} {seed} {split} {look}")
            for number, (content, mood, look, _) in enumerate(filmed)
        ]
        annotations.append(_annotate(rng, dataset, split, filmed, seed))
    return Plan(tuple(shots), tuple(annotations))


Filmed = tuple[dict[str, str], str, int, int | None]  # content, mood, look, number of the twin pair


def _filmed(rng: Random, dataset: str, split: str, count: int) -> list[Filmed]:
    """Contents and emotions of a split, in an order that tells nothing."""
    contents = _contents(rng, dataset, split)
    pairs = (count + 1) // 2 if split == "train" else 0 if dataset == CONTENT else count * 9 // 20
    needed = pairs if split == "train" else count - pairs
    if needed > len(contents):
        raise UsageError(f"{dataset}: {count} {split} clips need {needed} contents and there are {len(contents)}.")
    clips: list[Filmed] = []
    if split == "train":  # each content is filmed twice: in two moods, or for CONTENT in two looks
        for number in range(count):
            pair, second = divmod(number, 2)
            mood = (pair + second * (1 + pair // len(MOODS) % (len(MOODS) - 1))) % len(MOODS)
            clips.append((contents[pair], "neutral" if dataset == CONTENT else MOODS[mood], number, pair))
    else:  # 45 % twice: nine clips in ten carry an emotion
        n = len(EMOTIONS)
        for pair in range(pairs):
            last = pair >= pairs // n * n  # opposite emotions for the rest, so that all stay equally frequent
            one, step = pair % n, n // 2 if last else 1 + pair // n % (n - 1)
            for emotion in (one, (one + step) % n):
                clips.append((contents[pair], EMOTIONS[emotion], pair, pair))
        clips += [(contents[place], "neutral", place, None) for place in range(pairs, needed)]
    return shuffled(rng, clips)


def _contents(rng: Random, dataset: str, split: str) -> list[dict[str, str]]:
    """The split's share of who x where x what x prop, shuffled."""
    tables = (tuple(WHO), tuple(WHERE), tuple(WHAT), tuple(PROP))
    share = []
    for numbers in product(range(SIDES), repeat=4):
        if sum(numbers) % SIDES in SUMS[dataset].get(split, ()):
            who, where, what, prop = (table[number] for table, number in zip(tables, numbers, strict=True))
            share.append({"who": who, "where": where, "what": what, "prop": prop})
    return shuffled(rng, share)


def _annotate(rng: Random, dataset: str, split: str, filmed: list[Filmed], seed: int) -> Annotation:
    clips: list[Clip] = []
    twins: dict[int, int] = {}
    partner: dict[int, int] = {}
    subsets: dict[str, list[int]] = {mood: [] for mood in MOODS}
    seen: dict[str, list[int]] = {"seen-words": [], "unseen-words": []}
    for index, (content, mood, _, pair) in enumerate(filmed):
        name = f"{split}{index:04d}"
        if split == "train":
            captions = _training_captions(rng, content, mood)
        else:
            unseen = (
                split == "test" and mood != "neutral" and len(subsets[mood]) % 3 == 2
            )  # every third: order is random
            words = None if mood == "neutral" else (UNSEEN if unseen else SEEN)[mood]
            captions = [caption(rng, content, words)]
        clips.append(Clip(name, tuple(captions)))
        if split == "test":
            subsets[mood].append(index)
            if mood != "neutral":
                seen["unseen-words" if unseen else "seen-words"].append(index)
        if dataset == NAME and split in ("train", "test") and pair is not None:
            if pair in partner:
                twins[index], twins[partner[pair]] = partner[pair], index
            else:
                partner[pair] = index
    if split == "test" and dataset == NAME:
        emotion = sorted(index for mood in EMOTIONS for index in subsets[mood])
        subsets = {"emotion": emotion, "twins": sorted(twins), **seen, **subsets}
    else:
        subsets = {}
    facts = {"version": VERSION, "seed": seed, "clips": len(clips), "captions": sum(len(c.captions) for c in clips)}
    return Annotation(dataset, split, tuple(clips), {k: tuple(v) for k, v in subsets.items()}, twins, facts)


def _training_captions(rng: Random, content: dict[str, str], mood: str) -> list[str]:
    words: Words | None = None if mood == "neutral" else SEEN[mood]
    mentions = shuffled(rng, [number < MENTIONS for number in range(CAPTIONS)])
    return [caption(rng, content, words if mention else None, prop=rng.random() < 0.9) for mention in mentions]
