"""A folder of one's own: what its table makes of it, and what is said of a table that does not fit its files."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.data import importers
from bench.data.annotation import load_annotation
from bench.data.cards import load_card, own_card
from bench.data.own_folder import prepare_folder
from bench.data.video import write_video
from bench.emotions import EMOTIONS
from bench.errors import BenchError, UsageError

NAMES = ("a.mp4", "b.mp4", "c.mp4", "sub/a.mp4", "sub/d.mp4")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos of 10 frames in 1 s; two share a stem."""
    folder = tmp_path_factory.mktemp("videos")
    for name in NAMES:
        write_video(folder / name, np.zeros((10, 64, 64, 3), np.uint8), 10)
    return folder


@pytest.fixture
def folder(videos: Path, tmp_path: Path) -> Path:
    return shutil.copytree(videos, tmp_path / "mine")


def table(folder: Path, *lines: str, header: str = "file_name,text") -> Path:
    (folder / "metadata.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    return folder


def names(folder: Path, split: str) -> list[str]:
    return [clip.video for clip in load_annotation(folder, split, load_card("mine", folder).name).clips]


def test_lines_of_one_clip_are_its_captions(folder: Path) -> None:
    table(
        folder,
        "a.mp4,one,train",
        "b.mp4,two,test",
        "a.mp4,  three  words here ,training",
        header="file_name,text,split",
    )
    prepare_folder(folder)
    [clip] = load_annotation(folder, "train", "mine").clips
    assert (clip.video, clip.captions) == ("a", ("one", "three words here"))
    assert names(folder, "test") == ["b"]


def test_files_that_share_a_stem_are_told_apart_by_their_paths(folder: Path) -> None:
    table(folder, "a.mp4,one", "sub/a.mp4,two", "sub\\d.mp4,three")
    prepare_folder(folder, test_share=1)
    assert names(folder, "test") == ["a.mp4", "sub/a.mp4", "d"]


def test_parts_and_ids_name_clips(folder: Path) -> None:
    rows = ["a.mp4,one,0,0.5,", "a.mp4,two,0:00.5,,", "b.mp4,x,0,1,mine", "c.mp4,y,0,0.2,twice", "c.mp4,z,0.2,1,twice"]
    table(folder, *rows, header="file_name,text,start,end,video_id")
    prepare_folder(folder, test_share=1)
    annotation = load_annotation(folder, "test", "mine")
    spans = {video: source.span for video, source in annotation.sources.items()}
    assert spans == {
        "a@0-0.5": (0, 0.5),
        "a@0.5-": (0.5, None),
        "mine": (0, 1),
        "twice@0-0.2": (0, 0.2),
        "twice@0.2-1": (0.2, 1),
    }


def test_the_draw_is_of_files_and_does_not_ask_for_the_order_of_lines(folder: Path) -> None:
    lines = [f"{name},part {place} of {name},{place / 10},{place / 10 + 0.1}" for name in NAMES for place in range(3)]
    table(folder, *lines, header="file_name,text,start,end")
    prepare_folder(folder, test_share=0.4, seed=3)
    drawn = set(names(folder, "test"))
    files = {source.file for source in load_annotation(folder, "test", "mine").sources.values()}
    assert (len(drawn), len(files)) == (6, 2)
    assert not files & {source.file for source in load_annotation(folder, "train", "mine").sources.values()}
    table(folder, *reversed(lines), header="file_name,text,start,end")
    prepare_folder(folder)  # share and seed are those of the card
    assert set(names(folder, "test")) == drawn


def test_true_emotions_become_subsets_and_moods(folder: Path) -> None:
    rows = ["a.mp4,happy,Joy", "a.mp4,glad,", "b.mp4,sad,neutral", "c.mp4,angry,anger"]
    prepared = prepare_folder(table(folder, *rows, header="file_name,text,mood"), test_share=1)
    annotation = load_annotation(folder, "test", "mine")
    assert annotation.subsets == {"emotion": (0, 1, 3), "joy": (0, 1), "neutral": (2,), "anger": (3,)}
    card = load_card("mine", folder)
    assert card.moods == ["joy", "anger", "neutral"]
    assert card.question == ["ranks:all", "ranks:emotion"]
    assert prepared.notes == ()


def test_other_emotions_are_no_truth_and_named(folder: Path) -> None:
    rows = ["a.mp4,one,joy", "b.mp4,two,bored", "c.mp4,three,"]
    prepared = prepare_folder(table(folder, *rows, header="file_name,text,emotion"), test_share=1)
    assert load_card("mine", folder).moods == []
    assert prepared.notes == (
        f"ignored, not an emotion: 'bored'; emotions are {', '.join(EMOTIONS)}, neutral",
        "2 of 3 test clips have no emotion stated: --emotions oracle is not possible",
    )


def test_without_a_column_emotions_are_what_the_filter_finds(folder: Path) -> None:
    prepare_folder(table(folder, "a.mp4,a happy and joyful child", "b.mp4,a table"), test_share=1)
    subsets = load_annotation(folder, "test", "mine").subsets
    assert subsets["emotion"] == subsets["joy"] == subsets["any-nrc"] == (0,)
    assert load_card("mine", folder).moods == []


def test_a_second_preparation_keeps_what_people_wrote_and_forgets_old_splits(folder: Path) -> None:
    prepare_folder(table(folder, "a.mp4,one", "b.mp4,two", "c.mp4,three"), "clips")
    card = folder / "card.yaml"
    card.write_text(card.read_text().replace("not stated", "CC-BY-4.0") + "  video: {frames: 6}\n", encoding="utf-8")
    table(folder, "a.mp4,one,test", "b.mp4,two,test", header="file_name,text,split")
    prepare_folder(folder)
    again = own_card(folder)
    assert again is not None
    assert (again.name, again.licence, again.recipe["video"]) == ("clips", "CC-BY-4.0", {"frames": 6})
    assert again.train == ""
    assert [path.name for path in (folder / "annotations").iterdir()] == ["test.json"]


@pytest.mark.parametrize(("written", "expected"), [(3, 4), (2, 2), ("many", "many"), ("", 4)])
def test_a_batch_follows_the_clips_unless_people_changed_it(folder: Path, written: object, expected: object) -> None:
    rows = ["c.mp4,none,test", "a.mp4,one,train", "b.mp4,two,train", "sub/d.mp4,three,train"]
    prepare_folder(table(folder, *rows, header="file_name,text,split"))
    card = folder / "card.yaml"
    assert "batch: 3" in card.read_text()
    card.write_text(card.read_text().replace("batch: 3", f"batch: {written}"), encoding="utf-8")
    prepare_folder(table(folder, *rows, "sub/a.mp4,four,train", header="file_name,text,split"))
    again = own_card(folder)
    assert again is not None
    assert again.recipe["train"]["batch"] == expected


def test_a_table_that_changed_stops_until_it_is_prepared_again(folder: Path) -> None:
    prepare_folder(table(folder, "a.mp4,one", "b.mp4,two"))
    assert importers.ensure("mine", folder) == folder
    table(folder, "a.mp4,one", "b.mp4,other")
    with pytest.raises(BenchError, match=r"metadata\.csv changed since the splits were made from it\. Make them again"):
        importers.ensure("mine", folder)
    (folder / "metadata.csv").unlink()
    with pytest.raises(BenchError, match=r"metadata\.csv is gone"):
        importers.ensure("mine", folder)


@pytest.mark.parametrize(
    ("header", "lines", "says"),
    [
        (
            "file_name,text",
            ["a.mp4,x", "e.mp4,y", "f.mp4,z"],
            r"line 3: there is no file e\.mp4 .* 1 other file is missing",
        ),
        ("file_name,text", ["../mine/a.mp4,x"], r"line 2: there is no file \.\./mine/a\.mp4"),
        (
            "file_name,text",
            ["a.mp4,x", "b.mp4,x", "a.mp4, x"],
            "line 4: a.mp4 has the same caption as on line 2. Remove one.",
        ),
        ("file_name,text,start,end", ["a.mp4,x,1,1"], "line 2: a part cannot go from 1 s to 1 s"),
        ("file_name,text,start,end", ["a.mp4,x,,-1"], "line 2: end is '-1', not seconds such as"),
        (
            "file_name,text,split",
            ["a.mp4,x,test", "b.mp4,y,tset"],
            "line 3: 'tset' is no split. There are train, val, test",
        ),
        ("file_name,text,split", ["a.mp4,x,test", "b.mp4,y,"], "line 3: the split is empty, and other lines name one"),
        ("file_name,text,split", ["a.mp4,x,train"], "no line has the split test"),
        (
            "file_name,text,split",
            ["a.mp4,x,test", "a.mp4,y,train"],
            "line 3: split is train, but line 2 says",
        ),
        (
            "file_name,text,mood",
            ["a.mp4,x,joy", "a.mp4,y,fear"],
            "line 3: emotion is fear, but line 2 says",
        ),
        ("file_name,text,video_id", ["a.mp4,x,one", "b.mp4,y,one"], "line 3: line 2 names another clip 'one', too"),
        ("file_name,text", ["a.mp4,x"], "clips of only one file, and a file is never divided"),
    ],
)
def test_what_does_not_fit_is_one_line_that_says_where(folder: Path, header: str, lines: list[str], says: str) -> None:
    with pytest.raises(BenchError, match=says) as error:
        prepare_folder(table(folder, *lines, header=header))
    assert "\n" not in str(error.value)
    assert not (folder / "card.yaml").exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "msrvtt"}, "'msrvtt' is a dataset that comes with bench. Name it"),
        ({"name": "a/b"}, "'a/b' cannot be the name of a folder"),
        ({"test_share": 0.0}, "--test-share takes a share above 0 and up to 1, not 0.0"),
        ({"test_share": 1.5}, "not 1.5"),
        ({"seed": -1}, "--seed takes a number of at least 0, not -1"),
    ],
)
def test_values_that_do_not_fit(folder: Path, asked: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare_folder(table(folder, "a.mp4,x", "b.mp4,y"), **asked)


def test_a_table_with_splits_takes_no_draw(folder: Path) -> None:
    with pytest.raises(UsageError, match="leave out --test-share and --seed"):
        prepare_folder(table(folder, "a.mp4,x,test", header="file_name,text,split"), test_share=0.5)


def test_nothing_of_the_user_s_is_replaced(folder: Path) -> None:
    (folder / "card.yaml").write_text("mine: true\n")
    with pytest.raises(UsageError, match="holds no card that bench wrote"):
        prepare_folder(table(folder, "a.mp4,x", "b.mp4,y"))
    assert (folder / "card.yaml").read_text() == "mine: true\n"


def test_a_hostile_annotation_names_no_file_outside(folder: Path) -> None:
    prepare_folder(table(folder, "a.mp4,x"), test_share=1)
    path = folder / "annotations" / "test.json"
    path.write_text(path.read_text().replace('"a.mp4"', '"../a.mp4"'))
    with pytest.raises(BenchError, match=r"'\.\./a\.mp4' is no file inside of the folder"):
        load_annotation(folder, "test", "mine")


def test_a_card_that_was_cut_short_says_how_to_make_it_again(folder: Path) -> None:
    prepare_folder(table(folder, "a.mp4,x"), test_share=1)
    card = folder / "card.yaml"
    card.write_text(card.read_text().split("metadata:")[0])
    with pytest.raises(BenchError, match=r"does not say what its splits were made from\. Remove it, and make it"):
        load_card("mine", folder)
