"""Annotation files of MSR-VTT that are damaged or hostile: one line, the file's name, nothing written or executed."""

import json
import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.layouts import dump, link

from bench.data.importers.annotation_files import Source
from bench.data.importers.msrvtt import prepare
from bench.data.importers.msrvtt_layouts import read_indices, read_pairs, read_test_csv
from bench.errors import BenchError, UsageError


@pytest.fixture(scope="session")
def real(shared: Path) -> Path:
    return shared / "msrvtt"


def fails(root: Path, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        prepare(root)
    assert "\n" not in str(caught.value)
    assert not list(root.glob("annotations/[1679E]*"))  # and nothing was written


def test_a_folder_without_annotations_names_what_is_wanted(tmp_path: Path) -> None:
    fails(tmp_path, "holds no MSR-VTT captions.*train_val_videodatainfo.json")


def test_no_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        prepare(tmp_path / "nowhere")


def test_json_that_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "MSRVTT_data.json").write_text('{"sentences": [{"capt')
    fails(tmp_path, r"MSRVTT_data.json is no valid JSON")


def test_json_of_something_else(tmp_path: Path) -> None:
    dump(tmp_path / "MSRVTT_data.json", {"cats": 3})
    fails(tmp_path, r"MSRVTT_data.json holds no list of objects under 'sentences'")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "MSRVTT_data.json").write_bytes(b"\xff\xfe\x00{")
    fails(tmp_path, r"MSRVTT_data.json is no UTF-8 text")


@pytest.mark.parametrize("caption", [None, 3, " "])
def test_a_caption_that_is_no_text(tmp_path: Path, caption: object) -> None:
    dump(tmp_path / "MSRVTT_data.json", {"sentences": [{"video_id": "video7", "sen_id": 0, "caption": caption}]})
    fails(tmp_path, "a caption of video7 is")


def test_a_sen_id_that_occurs_twice(tmp_path: Path) -> None:
    sentence = {"video_id": "video7", "sen_id": 5, "caption": "a cat"}
    dump(tmp_path / "MSRVTT_data.json", {"sentences": [sentence, sentence]})
    fails(tmp_path, "sen_id 5 occurs twice")


@pytest.mark.parametrize("video", ["../../etc/passwd", "video", "msr7", None, "video7/.."])
def test_an_id_that_is_no_video_of_msrvtt(tmp_path: Path, video: object) -> None:
    dump(tmp_path / "msrvtt_ret_train9k.json", [{"video": video, "caption": "a cat"}])
    fails(tmp_path, "is no MSR-VTT video")


def test_one_caption_too_few_names_the_video(tmp_path: Path, real: Path) -> None:
    with zipfile.ZipFile(real / "train_val_annotation.zip") as archive:
        content = json.loads(archive.read("train_val_videodatainfo.json"))
    content["sentences"] = [sentence for sentence in content["sentences"] if sentence["sen_id"] != 0]  # of video2960
    dump(tmp_path / "train_val_videodatainfo.json", content)
    fails(tmp_path, r"msrvtt/7k: video2960 has 19 captions, not 20 \(train_val_videodatainfo.json\)")


def test_a_list_that_lacks_a_video(tmp_path: Path, real: Path) -> None:
    lines = (real / "MSRVTT_train.9k.csv").read_text().splitlines()
    (tmp_path / "MSRVTT_train.9k.csv").write_text("\n".join(line for line in lines if line != "video12"))
    fails(
        link(tmp_path, real / "MSRVTT_JSFUSION_test.csv"),
        r"MSRVTT_train.9k.csv lacks video12, unlike the known msrvtt/9k",
    )


def test_a_list_that_trains_on_a_test_video(tmp_path: Path, real: Path) -> None:
    (tmp_path / "train_list_jsfusion.txt").write_text((real / "train_list_jsfusion.txt").read_text() + "\nvideo9770")
    fails(link(tmp_path, real / "MSRVTT_JSFUSION_test.csv"), r"train_list_jsfusion.txt names video9770, unlike")


def test_a_list_that_names_a_video_twice(tmp_path: Path, real: Path) -> None:
    (tmp_path / "MSRVTT_train.7k.csv").write_text("video_id\nvideo1\nvideo1\n")
    fails(link(tmp_path, real / "MSRVTT_JSFUSION_test.csv"), r"MSRVTT_train.7k.csv names video1 twice")


def test_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "train_list_jsfusion.txt").write_text("")
    fails(tmp_path, r"train_list_jsfusion.txt is empty")


def test_a_csv_without_sentences(tmp_path: Path) -> None:
    (tmp_path / "MSRVTT_JSFUSION_test.csv").write_text("key,video_id\nret0,video9770\n")
    fails(tmp_path, "MSRVTT_JSFUSION_test.csv: line 2 has no sentence")


def test_a_test_with_a_pair_too_few(tmp_path: Path, real: Path) -> None:
    lines = (real / "MSRVTT_JSFUSION_test.csv").read_text().splitlines()
    (tmp_path / "MSRVTT_JSFUSION_test.csv").write_text("\n".join(lines[:-1]))
    fails(tmp_path, "MSRVTT_JSFUSION_test.csv has 999 test videos, not 1000")


def test_a_test_video_with_two_captions(tmp_path: Path) -> None:
    dump(tmp_path / "msrvtt_ret_test1k.json", [{"video": "video1.mp4", "caption": ["a cat", "a dog"]}])
    fails(tmp_path, "has 2 captions of video1; a test video has one")


def test_a_changed_sentence_shows_in_the_count(tmp_path: Path, real: Path) -> None:
    text = (real / "MSRVTT_JSFUSION_test.csv").read_text()
    (tmp_path / "MSRVTT_JSFUSION_test.csv").write_text(text.replace("a fearful animation scene", "a scene"))
    fails(
        tmp_path,
        r"msrvtt/1k-A: emotional.\w+ is \d+, the card says \d+ \(1k-A sentences from MSRVTT_JSFUSION_test.csv\)",
    )


def test_a_zip_file_that_is_cut_off(tmp_path: Path, real: Path) -> None:
    (tmp_path / "train_val_annotation.zip").write_bytes((real / "train_val_annotation.zip").read_bytes()[:100_000])
    fails(tmp_path, r"train_val_annotation.zip is no whole zip file")


def test_a_zip_file_with_damaged_content(tmp_path: Path, real: Path) -> None:
    content = bytearray((real / "train_val_annotation.zip").read_bytes())
    content[1_000_000:1_000_100] = bytes(100)
    (tmp_path / "train_val_annotation.zip").write_bytes(content)
    fails(tmp_path, r"train_val_annotation.zip/train_val_videodatainfo.json cannot be read")


def test_a_link_in_a_zip_file_is_not_followed_out_of_it(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("a/MSRVTT_data.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "../../../etc/passwd")
    fails(tmp_path, "it is a link to '../../../etc/passwd', which is not in the zip file")


def test_a_link_in_a_zip_file_that_leads_to_itself(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("MSRVTT_data.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "MSRVTT_data.json")
    fails(tmp_path, "leads nowhere")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, real: Path) -> None:
    link(tmp_path, real / "MSRVTT_JSFUSION_test.csv").chmod(0o555)
    fails(tmp_path, "cannot be written")


def test_annotations_that_is_a_file(tmp_path: Path, real: Path) -> None:
    (link(tmp_path, real / "MSRVTT_JSFUSION_test.csv") / "annotations").write_text("in the way")
    fails(tmp_path, "annotations cannot be written")


# --- the pickle -----------------------------------------------------------------------------------------------------


class Malicious:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.fixture
def write_pickle(tmp_path: Path) -> Callable[..., Source]:
    def write(content: object, protocol: int = 3) -> Source:
        path = tmp_path / "jsfusion_val_caption_idx.pkl"
        path.write_bytes(pickle.dumps(content, protocol=protocol))
        return Source(path)

    return write


def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path: Path, write_pickle: Callable[..., Source]) -> None:
    source = write_pickle({"video1": Malicious(tmp_path / "evil")})
    with pytest.raises(BenchError, match=r"is refused: its \w+ instruction does not belong"):
        read_indices(source)
    assert not (tmp_path / "evil").exists()


def test_that_malicious_pickle_would_have_made_its_file(tmp_path: Path, write_pickle: Callable[..., Source]) -> None:
    pickle.loads(write_pickle(Malicious(tmp_path / "evil")).read())
    assert (tmp_path / "evil").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_table_of_indices_is_read_as_pickle_reads_it(write_pickle: Callable[..., Source], protocol: int) -> None:
    table = {"video9770": 11, "video7020": 0, "video7021": 300}
    if protocol == 0:
        with pytest.raises(BenchError, match="is refused"):  # text pickles spell numbers and dictionaries otherwise
            read_indices(write_pickle(table, protocol))
    else:
        assert read_indices(write_pickle(table, protocol)) == table


def test_the_real_pickle_is_read_as_pickle_reads_it(real: Path) -> None:
    path = real / "jsfusion_val_caption_idx.pkl"
    indices = read_indices(Source(path))
    assert list(indices.items()) == list(pickle.loads(path.read_bytes()).items())


@pytest.mark.parametrize(
    "content", [["video1", 2], {"video1": "video2"}, {1: 2}, {"video1": [1]}, {"video1": {}}, {"video1": 1.5}, 3]
)
def test_a_pickle_of_something_else_is_an_error(write_pickle: Callable[..., Source], content: object) -> None:
    with pytest.raises(BenchError, match=r"jsfusion_val_caption_idx.pkl (is refused|is no table|is empty)"):
        read_indices(write_pickle(content))


def test_a_pickle_that_is_cut_off_is_an_error(write_pickle: Callable[..., Source]) -> None:
    source = write_pickle({"video1": 2, "video3": 4})
    source.path.write_bytes(source.path.read_bytes()[:-4])
    with pytest.raises(BenchError, match="is no whole pickle"):
        read_indices(source)


def test_an_index_past_the_captions_is_an_error(tmp_path: Path, write_pickle: Callable[..., Source]) -> None:
    write_pickle({"video1": 2})
    dump(tmp_path / "MSR_VTT.json", {"annotations": [{"image_id": "video1", "caption": "a cat"}]})
    fails(tmp_path, "refers to caption 2 of video1, which has 1")


def test_a_line_with_more_fields_than_the_header_is_an_error_with_its_number(tmp_path: Path) -> None:
    """An unquoted comma would cut the sentence off, and the query would be another."""
    path = tmp_path / "MSRVTT_JSFUSION_test.csv"
    path.write_text("video_id,sentence\nvideo1,a cat\nvideo2,a happy, smiling man\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"test\.csv: line 3 has 3 fields, not 2\. Put a text with a comma in quotes"):
        read_test_csv(Source(path))


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    """Which of them holds the queries nobody can tell. Columns that are not read may be named as they like."""
    path = tmp_path / "MSRVTT_JSFUSION_test.csv"
    path.write_text("video_id,sentence,sentence\nvideo1,a cat,a dog\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"test\.csv: line 1 names the column sentence twice"):
        read_test_csv(Source(path))
    path.write_text("video_id,sentence,,\nvideo1,a cat,,\n", encoding="utf-8")
    assert read_test_csv(Source(path)) == {"video1": "a cat"}


def test_a_quoted_comma_and_a_quoted_line_break_are_part_of_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "MSRVTT_JSFUSION_test.csv"
    path.write_text('video_id,sentence\nvideo1,"a happy,\nsmiling man"\nvideo2,\n', encoding="utf-8")
    with pytest.raises(BenchError, match="line 4 has no sentence"):  # the file's line, not the row's number
        read_test_csv(Source(path))
    path.write_text('video_id,sentence\nvideo1,"a happy,\nsmiling man"\n', encoding="utf-8")
    assert read_test_csv(Source(path)) == {"video1": "a happy,\nsmiling man"}


def test_a_nul_in_a_csv_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "MSRVTT_JSFUSION_test.csv"
    path.write_text("video_id,sentence\nvideo1,a cat\nvideo2,a \0man\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"test\.csv: line 3 has a NUL"):
        read_test_csv(Source(path))


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x1c"])
def test_a_line_separator_inside_a_caption_does_not_end_a_line_of_jsonl(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "test1ka.jsonl"
    caption = f"a cat{separator}a dog"
    lines = [json.dumps({"clip_id": "video1", "text": caption}, ensure_ascii=separator == "\x1c")] * 2
    path.write_bytes("\r\n".join(lines).encode())
    assert read_pairs(Source(path)) == {"video1": (caption, caption)}
