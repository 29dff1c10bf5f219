"""The edits of captions, and what the word list promises of its words."""

import json
import re
from functools import cache

import pytest

from bench.data.importers.moodclips.grammar import SEEN, UNSEEN
from bench.data.importers.moodclips.shots import plan
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import EDITS, counterfactual, emotional_words, plain_adjectives, target
from bench.emotions.lexicons import nrc

# Words that name an emotion to people and none to the NRC lexicon, which has few inflected forms.
UNKNOWN = re.findall(
    r"\w+",
    "smiles grins laughs giggles cheers enjoys cries weeps sobs mourns frowns laments rejoices adores grieves sobbing "
    "joyfully cheerfully nervously anxiously tearfully angrily indignantly scared terrified astonished amazed shocked "
    "startled amazement sad queasy disgusted enraged annoyed irritated curious",
)
# The grammar of moodclips' training captions has one participle of joy and of sadness, and one adverb of each emotion.
ALONE = {"smiling", "crying", "happily", "fearfully", "sadly", "furiously"}


@cache
def annotations():
    return plan(0, 1200, 120, 800).annotations


def edits(caption: str) -> dict[str, str | None]:
    found = counterfactual(caption)
    assert found is not None
    return found.edited


@pytest.mark.parametrize(
    ("caption", "swapped"),
    [
        ("a happy man", "an angry man"),
        ("an angry man", "a happy man"),
        ("An angry man", "A happy man"),
        ("HAPPY people", "ANGRY people"),
        ("Happy people dance", "Angry people dance"),
        ("an irate cook", "an elated cook"),
        ("a merry chef strolls", "a livid chef strolls"),
        ("a man waves with joy", "a man waves with anger"),
        ("a girl, crying, sits", "a girl, smiling, sits"),
        ("a very happy man", "a very angry man"),
        ("a woman laughs", "a woman cries"),
        ("sad, then happy", "happy, then angry"),
        ("with a gasp", "with a yearning"),
    ],
)
def test_a_swap_names_another_emotion(caption: str, swapped: str):
    assert edits(caption)["swap"] == swapped


@pytest.mark.parametrize(
    "caption",
    [
        "a man walks",
        "an unhappily married man",
        "the happy-go-lucky band",
        "user-friendly software",
        "snow-white",
        "joy's house",
        "gladiators",
        "",
    ],
)
def test_only_whole_words_count(caption: str):
    assert counterfactual(caption) is None


@pytest.mark.parametrize(
    ("caption", "left"),
    [
        ("a happy man", "a man"),
        ("a happy old man", "an old man"),
        ("an angry man", "a man"),
        ("An angry astronaut walks", "An astronaut walks"),
        ("Happy people dance", "People dance"),
        ("a very happy man", "a man"),
        ("an angry university student", "a university student"),
        ("a girl walks, looking happy, in the snow", "a girl walks in the snow"),
        ("a girl walks, looking happy", "a girl walks"),
        ("a man looking very happy in a car", "a man in a car"),
        ("a girl walks, crying, in the snow", "a girl walks in the snow"),
        ("a girl walks, crying", "a girl walks"),
        ("a crying girl walks", "a girl walks"),
        ("a baby laughing in a chair", "a baby in a chair"),
        ("smiling people dance", "people dance"),
        ("a man walks with joy by the sea", "a man walks by the sea"),
        ("a man walks with a gasp downtown", "a man walks downtown"),
        ("a man screams in terror.", "a man screams."),
        ("a child full of joy", "a child"),
        ("he happily waves", "he waves"),
        ("Sadly, he left", "He left"),
        ("a happy man and an angry woman", "a man and a woman"),
    ],
)
def test_a_deletion_leaves_a_sentence(caption: str, left: str):
    assert edits(caption)["deletion"] == left


@pytest.mark.parametrize(
    "caption",
    [
        "happy",
        "a man is happy",
        "a man is looking happy",
        "the man gets angry at a dog",
        "a happy and healthy man",
        "a tall, happy man",
        "a baby is laughing",
        "a baby laughing at a dog",
        "a baby laughing and playing",
        "a woman laughs",
        "with hope for peace",
        "the fear of flying",
        "a joy division song",
        "loudly and angrily",
        "athletes are getting ready and run",
    ],
)
def test_where_a_deletion_leaves_no_sentence_there_is_none(caption: str):
    assert edits(caption)["deletion"] is None


@pytest.mark.parametrize(
    ("caption", "changed"),
    [
        ("a happy old man", "a happy little man"),
        ("a happy man near an orange pumpkin", "a happy man near a red pumpkin"),
        ("an old happy man, a big ball", "a little happy man, a big ball"),
        ("a glad Red-haired man", "a glad Brown-haired man"),
        ("a happy man", None),
    ],
)
def test_the_adjective_changes_the_look_alone(caption: str, changed: str | None):
    assert edits(caption)["adjective"] == changed


def test_source_and_target_are_those_of_the_first_word():
    found = counterfactual("a sad man meets a happy girl")
    assert found is not None
    assert (found.words, found.source, found.target) == (("sad", "happy"), "sadness", "joy")


def test_happy_becomes_angry_and_smiling_becomes_crying():
    assert target("joy", "adjective") == "anger" and target("joy", "participle") == "sadness"


def test_but_for_joy_and_anger_the_targets_are_plutchiks_opposites():
    pairs = {"trust": "disgust", "fear": "anger", "surprise": "anticipation", "disgust": "trust"}
    pairs |= {"sadness": "joy", "anticipation": "surprise"}  # Plutchik 1980
    assert {emotion: target(emotion, "noun") for emotion in pairs} == pairs


def test_every_word_carries_its_emotion_by_the_lexicon_or_is_named_here():
    lexicon = nrc().words
    for word, entry in emotional_words().items():
        for said, emotion in ((word, entry.emotion), (entry.swap, entry.target), (entry.synonym, entry.emotion)):
            assert emotion in lexicon.get(said, ()) or said in UNKNOWN, (word, said, emotion)


def test_words_that_are_named_as_exceptions_are_ones():
    assert [word for word in UNKNOWN if set(nrc().words.get(word, ())) & set(EMOTIONS)] == []


def test_no_swapped_in_word_carries_the_emotion_it_replaces():
    lexicon = nrc().words
    kept = [word for word, entry in emotional_words().items() if entry.emotion in lexicon.get(entry.swap, ())]
    assert kept == []


def test_a_listed_word_is_swapped_for_one_of_the_same_form():
    entries = emotional_words()
    for word, entry in entries.items():
        for said, emotion in ((entry.swap, entry.target), (entry.synonym, entry.emotion)):
            if said in entries:
                assert (entries[said].form, entries[said].emotion) == (entry.form, emotion), (word, said)
        assert word not in (entry.swap, entry.synonym)


def test_adjectives_carry_no_emotion():
    lexicon = nrc().words
    words = {*plain_adjectives(), *plain_adjectives().values()}
    assert [word for word in words if set(lexicon.get(word, ())) & set(EMOTIONS)] == []
    assert not words & emotional_words().keys()


def test_the_list_knows_every_emotion_word_of_moodclips_with_its_form():
    for table in (SEEN, UNSEEN):
        for emotion, kinds in table.items():
            for form, some in kinds.items():
                for word in some:
                    entry = emotional_words()[word.removeprefix("a ")]
                    assert (entry.form, entry.emotion) == (form, emotion)


@pytest.mark.parametrize("seen", [True, False])
def test_moodclips_words_are_exchanged_for_such_as_training_has_or_has_not_too(seen: bool):
    trained = {word.strip(",") for clip in annotations()[0].clips for text in clip.captions for word in text.split()}
    for kinds in (SEEN if seen else UNSEEN).values():
        for word in (word.removeprefix("a ") for some in kinds.values() for word in some):
            entry = emotional_words()[word]
            assert (entry.swap in trained) is seen, (word, entry)
            assert (entry.synonym in trained) is seen or word in ALONE, (word, entry)


def test_every_emotional_query_of_moodclips_has_a_well_formed_swap_synonym_and_deletion():
    test = annotations()[2]
    for place in test.subsets["emotion"]:
        caption = test.clips[place].captions[0]
        found = counterfactual(caption)
        assert found is not None and len(found.words) == 1
        assert place in test.subsets[found.source]
        for edit in EDITS[:3]:
            text = found.edited[edit]
            assert text and text != caption
            assert not re.search(r"  |^ | $| ,|,,|,$|\ba [aeiou]|\ban [^aeiou]", text), text
        gone = found.edited["deletion"]
        assert gone is not None and counterfactual(gone) is None
        assert not re.search(r"looking|\bwith (?!an? |some )", gone), gone
        assert not re.search(r", (?!a |an )", gone), gone  # of the commas only that behind a place stays


def test_a_neutral_query_of_moodclips_has_no_edit():
    test = annotations()[2]
    assert [counterfactual(test.clips[place].captions[0]) for place in test.subsets["neutral"]] == [None] * 80


def test_how_many_queries_of_moodclips_have_each_edit():
    found = [counterfactual(clip.captions[0]) for clip in annotations()[2].clips]
    counts = {edit: sum(bool(one and one.edited[edit]) for one in found) for edit in EDITS}
    queries = [annotations()[2].clips[place].captions[0].split() for place in annotations()[2].subsets["emotion"]]
    looks = sum(bool(plain_adjectives().keys() & words) for words in map(set, queries))
    assert counts == {"swap": 720, "synonym": 720, "deletion": 720, "adjective": looks}


def test_how_many_queries_of_1ka_have_each_edit(shared):
    queries = json.loads((shared / "msrvtt" / "msrvtt_ret_test1k.json").read_text(encoding="utf-8"))
    found = [counterfactual(query["caption"]) for query in queries]
    counts = {edit: sum(bool(one and one.edited[edit]) for one in found) for edit in EDITS}
    assert counts == {"swap": 26, "synonym": 26, "deletion": 2, "adjective": 3}
