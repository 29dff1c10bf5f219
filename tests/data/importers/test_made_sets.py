"""Layouts of the field's test sets of which no files are at hand, made here: VATEX, LSMDC, DiDeMo's own, MSVD's pickle.

The shapes are the published ones (FACTS.md section 5 and the datasets' pages); damaged files are one line.
"""

import gzip
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.data import importers
from bench.data.annotation import load_annotation
from bench.data.importers import Importer
from bench.data.importers.annotation_files import Source, find_files
from bench.data.importers.captioned import CaptionedClips, SplitsRead
from bench.errors import BenchError


def read(name: str, root: Path) -> SplitsRead:
    """What the importer reads, before any number is held against the card."""
    importer: Importer = importers.importer(name)
    assert isinstance(importer, CaptionedClips)
    return importer.read(find_files(root, importer.files))


def dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def lines(path: Path, *texts: str) -> None:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


# --- VATEX ----------------------------------------------------------------------------------------------------------

A, B, C = "aaaaaaaaaaa_000012_000022", "-bbbbbbbbbb_000001_000011", "c_c_c_c_c_c_000090_000100"
SAID = {A: ["a man sings", "he is happy"], B: ["a dog"], C: ["a boat", "the sea"]}


def lay_official(root: Path) -> None:
    for name, clips in {"vatex_training_v1.0.json": [A], "vatex_validation_v1.0.json": [C, B]}.items():
        dump(root / name, [{"videoID": clip, "enCap": SAID[clip], "chCap": ["狗"]} for clip in clips])


def lay_one_file(root: Path) -> None:
    dump(root / "vatex_data.json", {clip: {"enCap": texts, "chCap": ["狗"]} for clip, texts in SAID.items()})
    lines(root / "train_list.txt", A)


def lay_references(root: Path) -> None:
    dump(root / "ref_captions.json", SAID)
    lines(root / "train_list.txt", A)


@pytest.mark.parametrize("lay", [lay_official, lay_one_file, lay_references])
def test_every_layout_of_vatex_with_lists_gives_the_same(lay: Callable[[Path], None], tmp_path: Path) -> None:
    lay(tmp_path)
    lines(tmp_path / "val_list.txt", B)
    lines(tmp_path / "test_list.txt", C)
    found = read("vatex", tmp_path)
    assert found.splits == {name: {clip: tuple(SAID[clip])} for name, clip in zip(found.splits, (A, B, C), strict=True)}
    assert list(found.splits) == ["train", "val", "test"] and not found.skipped


def test_vatex_as_lists_of_descriptions_has_no_validation(tmp_path: Path) -> None:
    dump(tmp_path / "descs_ret_train.json", [{"video_id": A, "desc": SAID[A]}])
    dump(tmp_path / "descs_ret_test.json", [{"video_id": C, "desc": SAID[C]}])
    found = read("vatex", tmp_path)
    assert found.splits == {"train": {A: tuple(SAID[A])}, "test": {C: tuple(SAID[C])}}
    assert found.skipped == {"val": "needs val_list.txt and a file of captions"}


def test_the_test_of_vatex_is_prepared_with_its_subsets(tmp_path: Path) -> None:
    said = [{"video_id": f"v{n}", "desc": ["a happy man"] + ["a chair"] * 9} for n in range(1500)]
    dump(tmp_path / "descs_ret_test.json", said)
    importers.prepare("vatex", tmp_path)
    test = load_annotation(tmp_path, "test", "vatex")
    assert (len(test.clips), len(test.queries)) == (1500, 15_000)
    assert test.subsets["emotion"] == tuple(range(0, 15_000, 10))  # "happy" is in the filter's pattern


def test_a_file_of_vatex_with_other_numbers_writes_nothing(tmp_path: Path) -> None:
    dump(tmp_path / "descs_ret_test.json", [{"video_id": C, "desc": SAID[C]}])
    with pytest.raises(BenchError, match=r"vatex/test: videos is 1, the card says 1500"):
        importers.prepare("vatex", tmp_path)
    assert not (tmp_path / "annotations").exists()


# --- LSMDC ----------------------------------------------------------------------------------------------------------

TEST = "LSMDC16_challenge_1000_publictect.csv"


def clip(number: int, sentence: str) -> str:
    times = "00.00.32.072\t00.00.40.094\t00.00.32.072\t00.00.40.094"
    return f"1004_Juno_00.{number:02}.32.072-00.{number:02}.40.094\t{times}\t{sentence}"


def test_lsmdc_is_read_line_by_line(tmp_path: Path) -> None:
    said = 'SOMEONE smiles; "Oh," he says, and leaves.'
    lines(tmp_path / "LSMDC16_annos_training.csv", clip(1, said), clip(2, "A car."), clip(1, "She's angry."))
    assert read("lsmdc", tmp_path).splits == {
        "train": {
            "1004_Juno_00.01.32.072-00.01.40.094": (said, "She's angry."),
            "1004_Juno_00.02.32.072-00.02.40.094": ("A car.",),
        }
    }


def test_numbers_of_lsmdc_that_nobody_counted_are_let_through_and_said(tmp_path: Path) -> None:
    lines(tmp_path / "LSMDC16_annos_training.csv", clip(1, "A car."))
    lines(tmp_path / TEST, *(f"clip{n}\t0\t1\t0\t1\tSOMEONE smiles." for n in range(1000)))
    said = importers.prepare("lsmdc", tmp_path)
    assert "train: its numbers in the card were not checked on real files" in said
    assert "val was not written: needs LSMDC16_annos_val.csv" in said
    assert len(load_annotation(tmp_path, "test", "lsmdc").clips) == 1000


def test_a_line_of_lsmdc_with_another_number_of_fields_is_named(tmp_path: Path) -> None:
    lines(tmp_path / TEST, clip(1, "A car."), "1004_Juno\tA car.")
    with pytest.raises(BenchError, match=rf"{TEST}: line 2 has 2 fields between tabs, not 6"):
        read("lsmdc", tmp_path)


# --- DiDeMo ---------------------------------------------------------------------------------------------------------


def test_descriptions_of_didemo_are_joined_in_the_order_of_the_file(tmp_path: Path) -> None:
    described = [
        {"video": "12@N01_1_ab.mov", "description": "a cat appears ", "num_segments": 6},
        {"video": "12@N01_2_cd.", "description": "a man waves", "num_segments": 6},
        {"video": "12@N01_1_ab.mov", "description": "the cat leaves", "num_segments": 6},
    ]
    dump(tmp_path / "test_data.json", described)
    assert read("didemo", tmp_path).splits == {
        "test-1004": {"12@N01_1_ab": ("a cat appears the cat leaves",), "12@N01_2_cd": ("a man waves",)}
    }


def test_the_list_of_didemo_leaves_training_videos_out_and_checks_the_others(tmp_path: Path) -> None:
    described = [{"video": f"{name}.mp4", "description": "a cat"} for name in ("a", "b")]
    for part in ("train", "test"):
        dump(tmp_path / f"{part}_data.json", described)
        lines(tmp_path / f"{part}_list.txt", "b.mp4")
    with pytest.raises(BenchError, match=r"test_list\.txt lacks a, which .*test_data\.json describes"):
        read("didemo", tmp_path)
    (tmp_path / "test_list.txt").unlink()
    splits = read("didemo", tmp_path).splits
    assert (list(splits["train-8392"]), list(splits["test-1004"])) == (["b"], ["a", "b"])


def test_a_listed_video_without_descriptions_is_named(tmp_path: Path) -> None:
    dump(tmp_path / "train_data.json", [{"video": "a.mp4", "description": "a cat"}])
    lines(tmp_path / "train_list.txt", "a.mp4", "z.mov")
    with pytest.raises(BenchError, match=r"train_list\.txt names z, for which there are no captions"):
        read("didemo", tmp_path)


# --- MSVD's pickle --------------------------------------------------------------------------------------------------

WORDS = {"v_1_2": [["a", "man", "is", "happy"], ["a", "man"]], "w_3_4": [["a", "dog"]]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_words_in_a_pickle_are_captions(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(WORDS, protocol))
    lines(tmp_path / "test_list.txt", "v_1_2", "w_3_4")
    found = read("msvd", tmp_path)
    assert found.splits == {"test": {"v_1_2": ("a man is happy", "a man"), "w_3_4": ("a dog",)}}
    assert found.skipped == {"train": "needs train_list.txt", "val": "needs val_list.txt"}


def test_the_json_of_msvd_goes_before_its_pickle(tmp_path: Path) -> None:
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(WORDS))
    dump(tmp_path / "captions_msvd.json", {"v_1_2": ["one cat"]})
    lines(tmp_path / "test_list.txt", "v_1_2")
    assert read("msvd", tmp_path).splits == {"test": {"v_1_2": ("one cat",)}}


class Malicious:
    """Makes a folder when it is unpickled the careless way."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused(protocol: int, tmp_path: Path) -> None:
    content = {"v": [["a"]], "w": Malicious(tmp_path / "made")}
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(content, protocol))
    lines(tmp_path / "test_list.txt", "v")
    with pytest.raises(BenchError, match=r"raw-captions\.pkl is no pickle of plain captions \(it asks for "):
        read("msvd", tmp_path)
    assert not (tmp_path / "made").exists()


def test_a_damaged_pickle_is_one_line(tmp_path: Path) -> None:
    whole = pickle.dumps(WORDS)
    lines(tmp_path / "test_list.txt", "v_1_2")
    for end in range(len(whole)):
        (tmp_path / "raw-captions.pkl").write_bytes(whole[:end])
        with pytest.raises(BenchError, match=r"raw-captions\.pkl (is no pickle|holds no lists)"):
            read("msvd", tmp_path)


# --- what files are packed in ---------------------------------------------------------------------------------------


def test_a_file_is_found_loose_gzipped_and_in_a_zip(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"v": ["a cat"]}')
    for folder in ("gz", "zip", "gz-in-zip"):
        (tmp_path / folder).mkdir()
    (tmp_path / "gz" / "captions_msvd.json.gz").write_bytes(packed)
    for folder, name, content in (
        ("zip", "captions_msvd.json", gzip.decompress(packed)),
        ("gz-in-zip", "captions_msvd.json.gz", packed),
    ):
        with zipfile.ZipFile(tmp_path / folder / "all.zip", "w") as archive:
            archive.writestr(f"msvd/{name}", content)
    for folder in ("gz", "zip", "gz-in-zip"):
        [(name, source)] = find_files(tmp_path / folder, ["captions_msvd.json"]).items()
        assert (name, source.name, source.json()) == (name, "captions_msvd.json", {"v": ["a cat"]})


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"[]")[:-9], b""], ids=["other", "cut", "empty"])
def test_a_damaged_gzip_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train.json.gz").write_bytes(content)
    with pytest.raises(BenchError, match=r"train\.json\.gz (cannot be read|is no valid JSON)"):
        Source(tmp_path / "train.json.gz").json()


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.data.importers.annotation_files.MOST_ANYWAY", 1000)
    (tmp_path / "train.json.gz").write_bytes(gzip.compress(b" " * 1001))
    with pytest.raises(BenchError, match="unpack to more than 1000"):
        Source(tmp_path / "train.json.gz").read()


@pytest.mark.parametrize(
    ("dataset", "name", "content", "said"),
    [
        ("msvd", "captions_msvd.json", ["a"], "holds no table from video to list"),
        ("msvd", "captions_msvd.json", {"v": ["a", 3]}, "a caption of v is 3, not a text"),
        ("msvd", "raw-captions.pkl", {"v": [["a"], 3]}, "a caption of v is 3, not a text"),
        ("didemo", "descs_ret_test.json", [{"video_id": "v"}], "'desc' is None, not a text"),
        ("didemo", "descs_ret_test.json", [{"video_id": "v", "desc": "a"}] * 2, "names v twice"),
        ("activitynet", "val_1.json", {"v": {"sentences": "a"}}, "holds no table from video to list"),
        ("activitynet", "val_1.json", {"v": {"sentences": ["a", " "]}}, "a caption of v is ' ', not a text"),
        ("activitynet", "val_1.json", [], "holds no table from video to list"),
        ("vatex", "descs_ret_test.json", [{"video_id": "v", "desc": "a"}], "has no list of captions of v"),
        ("vatex", "descs_ret_test.json", [{"desc": ["a"]}], "'video_id' is None, not a text"),
        ("vatex", "descs_ret_test.json", {}, "is empty"),
    ],
)
def test_files_of_another_shape_are_one_line(
    dataset: str, name: str, content: object, said: str, tmp_path: Path
) -> None:
    if name.endswith(".pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(content))
    else:
        dump(tmp_path / name, content)
    lines(tmp_path / "test_list.txt", "v")
    with pytest.raises(BenchError, match=said) as caught:
        importers.prepare(dataset, tmp_path)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["msvd", "didemo", "activitynet", "vatex", "lsmdc"])
def test_a_folder_without_annotations_says_what_to_get_and_where_it_goes(name: str, tmp_path: Path) -> None:
    for root in (tmp_path, None):
        with pytest.raises(BenchError) as caught:
            importers.prepare(name, root)
        assert f"under {root or 'DIR'}/videos" in str(caught.value) and "\n" not in str(caught.value)
        assert str(caught.value).count(".json") or name == "lsmdc"
