"""--dataset, --only and --exclude."""

import pytest
from helpers.records import make_control, make_record

from bench.compare.selection import select
from bench.errors import UsageError

TWINS = {"train": {"batches": "twins"}}
PLAIN, TWIN_PLAIN = make_record(), make_record(config=TWINS)
FILM, TWIN_FILM = make_record(variant="film_text"), make_record(variant="film_text", config=TWINS)
FACE, OTHER = make_record(variant="face_tokens"), make_record(variant="face_tokens", dataset="msrvtt", test="1k-A")
SHUFFLED = make_control(variant="film_text", emotions="shuffled")
ALL = [PLAIN, TWIN_PLAIN, FILM, TWIN_FILM, FACE, OTHER, SHUFFLED]


def test_without_a_name_all_stay() -> None:
    assert select(ALL) == ALL


def test_only_a_variant_keeps_the_baseline_and_controls() -> None:
    assert select(ALL, only=["film_text"], baseline="plain") == [PLAIN, TWIN_PLAIN, FILM, TWIN_FILM, SHUFFLED]
    assert select(ALL, only=["film_text"]) == [FILM, TWIN_FILM, SHUFFLED]


def test_only_a_run_keeps_its_controls() -> None:
    assert select(ALL, only=[FILM.run]) == [FILM, SHUFFLED]


def test_a_star_stands_for_any_letters() -> None:
    assert select(ALL, only=["f*"]) == [FILM, TWIN_FILM, FACE, OTHER, SHUFFLED]


def test_a_part_of_the_protocol_names_runs_also_where_it_is_left_out_as_usual() -> None:
    assert select(ALL, only=["batches:twins"], baseline="plain") == [TWIN_PLAIN, TWIN_FILM]
    assert select(ALL, only=["batches:random"]) == [PLAIN, FILM, FACE, OTHER, SHUFFLED]


def test_a_variant_and_a_part_must_both_fit() -> None:
    assert select(ALL, only=["film_text", "batches:twins"], baseline="plain") == [TWIN_PLAIN, TWIN_FILM]


def test_exclude_wins() -> None:
    assert select(ALL, only=["f*"], exclude=["face_*", "batches:twins"]) == [FILM, SHUFFLED]


def test_a_dataset_leaves_the_others_out() -> None:
    assert select(ALL, dataset="msrvtt") == [OTHER]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"only": ["film_txt"]}, "'film_txt' fits no run. Did you mean film_text?"),
        ({"exclude": ["batches:similar"]}, "a part of the protocol such as batches:twins"),
        ({"dataset": "msrvt"}, "no record is of the dataset 'msrvt'. Did you mean msrvtt?"),
        ({"exclude": ["*"]}, "leave no run"),
    ],
)
def test_a_name_that_fits_nothing_is_one_line(settings: dict, line: str) -> None:
    with pytest.raises(UsageError) as error:
        select(ALL, **settings)
    assert line in str(error.value)
