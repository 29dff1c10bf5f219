"""moodclips-content: what moodclips' start is trained on, and that it gives nothing of moodclips away."""

from collections import Counter

from bench.data.cards import load_card
from bench.data.importers import moodclips
from bench.data.importers.moodclips.shots import Plan, Shot
from bench.emotions.scores import score_captions


def content(shot: Shot) -> tuple[str, ...]:
    return tuple(shot.content[part] for part in ("who", "where", "what", "prop"))


def test_it_shows_and_names_no_emotion(content_plan: Plan):
    assert {shot.mood for shot in content_plan.shots} == {"neutral"}
    captions = [text for part in content_plan.annotations for clip in part.clips for text in clip.captions]
    assert not score_captions(captions).any()


def test_it_shares_no_content_with_moodclips(full: Plan, content_plan: Plan):
    assert not {content(shot) for shot in full.shots} & {content(shot) for shot in content_plan.shots}


def test_it_films_each_training_content_twice_and_tests_others(content_plan: Plan):
    trained = Counter(content(shot) for shot in content_plan.shots if shot.name.startswith("train"))
    tested = Counter(content(shot) for shot in content_plan.shots if shot.name.startswith("test"))
    assert (set(trained.values()), len(trained)) == ({2}, 1500)
    assert (set(tested.values()), len(tested)) == ({1}, 240)
    assert not trained.keys() & tested.keys()
    assert len({shot.look for shot in content_plan.shots if shot.name.startswith("train")}) == 3000


def test_it_has_the_sizes_of_its_card(content_plan: Plan):
    sizes = {part.split: len(part.clips) for part in content_plan.annotations}
    card = load_card("moodclips-content")
    assert {name: count for name, count in sizes.items() if count} == {n: f["videos"] for n, f in card.splits.items()}


def test_its_captions_have_the_known_checksum(content_plan: Plan):
    known, _ = moodclips.CHECKSUMS["moodclips-content", 0, 3000, 0, 240]
    assert moodclips.captions_checksum(content_plan) == known
