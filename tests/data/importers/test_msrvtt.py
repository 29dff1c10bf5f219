"""MSR-VTT from every layout. Golden numbers: FACTS.md section 1 and the published labels, never our own output."""

import hashlib
import json
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.layouts import dump, link
from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

from bench.data.annotation import Annotation, load_annotation
from bench.data.importers.captioned import Prepared
from bench.data.importers.msrvtt import prepare
from bench.errors import BenchError

TESTS = ("1k-A", "Emotion-34", "68")
OF_ALL_CAPTIONS = ("1k-A-20", "full")  # tests in which each is a query
SPLITS = ("7k", "full-train", "full-val", "9k", "6k-emotion", *TESTS, *OF_ALL_CAPTIONS)
COUNTED = [("1k-A-20", 745, 760, 9233), ("full", 2161, 2183, 27_609)]  # ours by VADER, vaderSentiment's, any NRC
NRC = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation")


@pytest.fixture(scope="session")
def real(shared: Path) -> Path:
    return shared / "msrvtt"


@pytest.fixture(scope="session")
def official(real: Path) -> dict[str, list[dict]]:
    """Both official files as one: `videos` and `sentences`."""
    both: dict[str, list[dict]] = {"videos": [], "sentences": []}
    for archive, member in (
        ("train_val_annotation.zip", "train_val_videodatainfo.json"),
        ("test_videodatainfo.json.zip", "test_videodatainfo.json"),
    ):
        with zipfile.ZipFile(real / archive) as file:
            content = json.loads(file.read(member))
        both["videos"] += content["videos"]
        both["sentences"] += content["sentences"]
    return both


@pytest.fixture(scope="session")
def captions(official: dict[str, list[dict]]) -> dict[str, list[str]]:
    by_video: dict[str, list[str]] = {}
    for sentence in sorted(official["sentences"], key=lambda sentence: sentence["sen_id"]):
        by_video.setdefault(sentence["video_id"], []).append(sentence["caption"])
    return by_video


@pytest.fixture(scope="session")
def prepared(real: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    """The folder as people have it, a mixture of layouts, prepared once."""
    root = link(tmp_path_factory.mktemp("mixture"), *real.iterdir())
    return root, prepare(root)


@pytest.fixture(scope="session")
def splits(prepared: tuple[Path, Prepared]) -> dict[str, Annotation]:
    return {split: load_annotation(prepared[0], split, "msrvtt") for split in SPLITS}


# --- the real data, to the last video -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "videos", "count"),
    [
        ("7k", 7010, 140_200),
        ("9k", 9000, 180_000),
        ("6k-emotion", 6137, 6137 * 20),
        ("1k-A", 1000, 1000),
        ("Emotion-34", 34, 34),
        ("68", 68, 68),
        ("full-train", 6513, 130_260),
        ("full-val", 497, 9940),
        ("1k-A-20", 1000, 20_000),
        ("full", 2990, 59_800),
    ],
)
def test_sizes_are_the_known_ones(splits: dict[str, Annotation], split: str, videos: int, count: int) -> None:
    clips = splits[split].clips
    assert (len(clips), sum(len(clip.captions) for clip in clips)) == (videos, count)


@pytest.mark.parametrize(
    ("split", "fact", "counts"),
    [
        ("7k", "emotional", (4685, 783, 117, 4802)),
        ("9k", "emotional", (5984, 1019, 153, 6137)),
        ("1k-A", "emotional", (29, 7, 5, 34)),
        ("1k-A", "emotional_joined", (663, 98, 18, 681)),
    ],
)
def test_the_filter_finds_the_published_counts(
    splits: dict[str, Annotation], split: str, fact: str, counts: tuple[int, ...]
) -> None:
    assert tuple(splits[split].facts[fact][part] for part in ("vader", "pattern", "pattern_only", "either")) == counts


def test_the_official_splits_are_those_that_the_official_files_name(
    splits: dict[str, Annotation], official: dict[str, list[dict]], shared: Path
) -> None:
    for split, field in {"full-train": "train", "full-val": "validate", "full": "test"}.items():
        videos = [clip.video for clip in splits[split].clips]
        assert sorted(videos) == sorted(video["video_id"] for video in official["videos"] if video["split"] == field)
        name = f"MSRVTT_{field.replace('validate', 'val')}.full.csv"
        assert videos == (shared / "retrieval" / "msrvtt_full" / name).read_text().split()[1:]


def test_the_parts_of_7k_pass_the_filter_as_often_as_the_published_whole(splits: dict[str, Annotation]) -> None:
    train, val, whole = (splits[split].facts["emotional"] for split in ("full-train", "full-val", "7k"))
    assert {part: train[part] + val[part] for part in whole} == whole


@pytest.mark.parametrize("split", OF_ALL_CAPTIONS)
def test_the_queries_are_all_captions_of_the_videos(
    splits: dict[str, Annotation], captions: dict[str, list[str]], split: str
) -> None:
    assert splits[split].queries == [text for clip in splits[split].clips for text in captions[clip.video]]
    assert [clip.video for clip in splits["1k-A-20"].clips] == [clip.video for clip in splits["1k-A"].clips]


@pytest.mark.parametrize(("split", "emotional", "by_other_lexicon", "named"), COUNTED)
def test_as_many_queries_carry_emotion_as_were_counted_elsewhere(
    splits: dict[str, Annotation], split: str, emotional: int, by_other_lexicon: int, named: int
) -> None:
    """FACTS section 5, by vaderSentiment, whose lexicon and code differ: 30 instead of 29 on 1k-A, so 3 % more."""
    subsets = splits[split].subsets
    assert (len(subsets["emotion"]), len(subsets["any-nrc"])) == (emotional, named)
    assert 0.97 * by_other_lexicon <= emotional <= by_other_lexicon
    assert set(subsets["any-nrc"]) == set().union(*(subsets[emotion] for emotion in NRC))


# As FACTS section 1 has it, without what other alternatives find already.
PATTERN = "happy|sad|afraid|fear|surprise|joy|disgust|annoy| anger|angry|excit(?:e|ing)|scare|scary|fright"


@pytest.mark.parametrize("split", OF_ALL_CAPTIONS)
def test_the_pattern_reads_each_query_alone(splits: dict[str, Annotation], split: str) -> None:
    queries = splits[split].queries
    matched = [place for place, query in enumerate(queries) if re.search(PATTERN, query)]
    assert len(matched) == splits[split].facts["emotional"]["pattern"]
    assert set(matched) <= set(splits[split].subsets["emotion"])


@pytest.mark.slow
@pytest.mark.parametrize("split", OF_ALL_CAPTIONS)
def test_nltk_s_own_vader_finds_the_same_queries(splits: dict[str, Annotation], shared: Path, split: str) -> None:
    analyzer = SentimentIntensityAnalyzer.__new__(SentimentIntensityAnalyzer)  # its own start reads no plain file
    with zipfile.ZipFile(shared / "lexicons" / "vader_lexicon.zip") as archive:
        analyzer.lexicon_file = archive.read("vader_lexicon/vader_lexicon.txt").decode()
    analyzer.constants, analyzer.lexicon = VaderConstants(), analyzer.make_lex_dict()
    queries = splits[split].queries
    passed = {place for place, query in enumerate(queries) if abs(analyzer.polarity_scores(query)["compound"]) > 0.6}
    assert len(passed) == splits[split].facts["emotional"]["vader"]
    passed |= {place for place, query in enumerate(queries) if re.search(PATTERN, query)}
    assert passed == set(splits[split].subsets["emotion"])


def test_the_34_are_those_of_the_published_labels(splits: dict[str, Annotation], real: Path) -> None:
    labels = json.loads((real / "msrvtt_test1k.json").read_text())  # the 34 come first there
    assert {clip.video for clip in splits["Emotion-34"].clips} == {label["video_id"] for label in labels[:34]}


@pytest.mark.parametrize("emotion", NRC)
def test_the_subset_of_an_emotion_is_that_of_the_published_labels(
    splits: dict[str, Annotation], real: Path, emotion: str
) -> None:
    labels = json.loads((real / "msrvtt_test1k.json").read_text())
    test = splits["1k-A"]
    found = {test.clips[index].video for index in test.subsets[emotion]}
    assert found == {label["video_id"] for label in labels if label[emotion] > 0}


def test_nine_of_the_34_have_no_nrc_emotion(splits: dict[str, Annotation]) -> None:
    assert len(splits["Emotion-34"].subsets["any-nrc"]) == 34 - 9


def test_the_emotion_subset_of_1k_a_is_the_34(splits: dict[str, Annotation]) -> None:
    test = splits["1k-A"]
    assert [test.clips[index] for index in test.subsets["emotion"]] == list(splits["Emotion-34"].clips)


def test_half_of_the_68_are_the_34(splits: dict[str, Annotation]) -> None:
    test = splits["68"]
    assert [test.clips[index] for index in test.subsets["emotion"]] == list(splits["Emotion-34"].clips)


def test_the_others_of_the_68_can_be_drawn_again_from_what_the_readme_says(splits: dict[str, Annotation]) -> None:
    emotional = {clip.video for clip in splits["Emotion-34"].clips}
    others = [clip.video for clip in splits["1k-A"].clips if clip.video not in emotional]
    others.sort(key=lambda video: hashlib.sha256(f"42:{video}".encode()).hexdigest())
    assert {clip.video for clip in splits["68"].clips} == emotional | set(others[:34])


def test_1k_a_keeps_the_order_of_its_csv(splits: dict[str, Annotation], real: Path) -> None:
    rows = (real / "MSRVTT_JSFUSION_test.csv").read_text().splitlines()[1:]
    assert [f"{clip.video},{clip.captions[0]}" for clip in splits["1k-A"].clips] == [r.split(",", 2)[2] for r in rows]


def test_captions_stand_in_the_order_of_sen_id(splits: dict[str, Annotation], captions: dict[str, list[str]]) -> None:
    assert all(list(clip.captions) == captions[clip.video] for clip in splits["9k"].clips)


def test_no_test_video_is_in_training(splits: dict[str, Annotation]) -> None:
    tests = {clip.video for clip in splits["1k-A"].clips}
    assert not any(clip.video in tests for split in ("7k", "9k", "6k-emotion") for clip in splits[split].clips)
    official = [{clip.video for clip in splits[split].clips} for split in ("full-train", "full-val", "full")]
    assert len(set().union(*official)) == sum(map(len, official)) == 10_000


def test_what_was_found_and_read_is_said(prepared: tuple[Path, Prepared]) -> None:
    _, outcome = prepared
    assert outcome.layouts == ("official", "CLIP4Clip", "LAVIS", "Frozen")
    assert outcome.sources["captions"].startswith("train_val_annotation.zip/train_val_videodatainfo.json, ")
    assert outcome.sources["1k-A sentences"] == "MSRVTT_JSFUSION_test.csv"
    assert outcome.skipped == {}


def test_the_checksums_that_are_said_are_those_on_disk(
    prepared: tuple[Path, Prepared], splits: dict[str, Annotation]
) -> None:
    assert {one.split: one.sha256 for one in prepared[1].splits} == {name: s.digest for name, s in splits.items()}


def test_facts_name_no_folder_of_this_machine(prepared: tuple[Path, Prepared], splits: dict[str, Annotation]) -> None:
    assert str(prepared[0]) not in json.dumps(splits["9k"].facts)


# --- what else is known of the test videos ---------------------------------------------------------------------------


def spelled(caption: str) -> list[str]:
    """The words of a caption as the published sentences spell them."""
    return "".join(letter if letter.isalnum() else " " for letter in caption).split()


@pytest.mark.parametrize("split", TESTS)
def test_the_other_captions_of_a_test_video_are_kept_without_any_copy_of_its_query(
    splits: dict[str, Annotation], captions: dict[str, list[str]], split: str
) -> None:
    kept = splits[split].facts["other_captions"]
    assert kept == {
        clip.video: [text for text in captions[clip.video] if spelled(text) != spelled(clip.captions[0])]
        for clip in splits[split].clips
    }


def test_other_captions_are_no_part_of_a_splits_checksum(splits: dict[str, Annotation]) -> None:
    without = {name: fact for name, fact in splits["1k-A"].facts.items() if name != "other_captions"}
    assert replace(splits["1k-A"], facts=without).digest == splits["1k-A"].digest


def test_without_the_captions_of_the_test_videos_none_are_kept(tmp_path: Path, real: Path) -> None:
    prepare(link(tmp_path, real / "MSRVTT_JSFUSION_test.csv", real / "train_val_annotation.zip"))
    assert "other_captions" not in load_annotation(tmp_path, "1k-A", "msrvtt").facts


def test_a_sentence_that_is_none_of_its_videos_captions_is_an_error(
    tmp_path: Path, real: Path, official: dict[str, list[dict]]
) -> None:
    sentences = [
        {**one, "caption": "something else"} if one["video_id"] == "video9770" else one for one in official["sentences"]
    ]
    dump(tmp_path / "MSRVTT_data.json", {**official, "sentences": sentences})
    with pytest.raises(BenchError, match=r"test sentence of video9770, .* is none of its captions"):
        prepare(link(tmp_path, real / "MSRVTT_JSFUSION_test.csv"))


# --- every layout gives the same splits -----------------------------------------------------------------------------


def lay_official(root: Path, real: Path, official: dict, captions: dict) -> None:
    for start, name in ((0, "train_val_videodatainfo.json"), (140_200, "test_videodatainfo.json")):
        dump(
            root / name, {"sentences": [s for s in official["sentences"] if s["sen_id"] // 140_200 == start // 140_200]}
        )
    link(root, real / "MSRVTT_JSFUSION_test.csv")


def lay_clip4clip(root: Path, real: Path, official: dict, captions: dict) -> None:
    dump(root / "msrvtt_data" / "MSRVTT_data.json", {**official, "sentences": official["sentences"][::-1]})
    names = ("MSRVTT_train.9k.csv", "MSRVTT_train.7k.csv", "MSRVTT_JSFUSION_test.csv")
    link(root / "msrvtt_data", *(real / name for name in names))


def train_9k(real: Path) -> list[str]:
    return (real / "MSRVTT_train.9k.csv").read_text().split()[1:]


def lay_lavis_by_video(root: Path, real: Path, official: dict, captions: dict) -> None:
    items = [{"video": f"{video}.mp4", "caption": captions[video], "duration": 10.0} for video in train_9k(real)]
    dump(root / "annotations" / "msrvtt_ret_train9k.json", items)
    link(root / "annotations", real / "msrvtt_ret_test1k.json")


def lay_lavis_by_caption(root: Path, real: Path, official: dict, captions: dict) -> None:
    items = [{"video": f"{video}.mp4", "caption": text} for video in train_9k(real) for text in captions[video]]
    dump(root / "msrvtt_ret_train9k.json", items)
    link(root, real / "msrvtt_ret_test1k.json")


def lay_clip_vip(root: Path, real: Path, official: dict, captions: dict) -> None:
    test = json.loads((real / "msrvtt_ret_test1k.json").read_text())
    train = [{"clip_id": video, "text": captions[video]} for video in train_9k(real)]
    tests = [{"clip_id": item["video"].removesuffix(".mp4"), "text": item["caption"]} for item in test]
    for name, items in (("train9k.jsonl", train), ("test1ka.jsonl", tests)):
        (root / name).write_text("\n".join(map(json.dumps, items)) + "\n")


def frozen_files(root: Path, real: Path, captions: dict) -> tuple[Path, Path]:
    annotations = [{"image_id": video, "caption": text} for video, texts in captions.items() for text in texts]
    images = [{"id": video} for video in captions]
    dump(root / "annotation" / "MSR_VTT.json", {"images": images, "annotations": annotations})
    names = ("train_list_jsfusion.txt", "val_list_jsfusion.txt", "jsfusion_val_caption_idx.pkl")
    lists = link(root / "high-quality" / "structured-symlinks", *(real / name for name in names))
    return root / "annotation" / "MSR_VTT.json", lists


def lay_frozen(root: Path, real: Path, official: dict, captions: dict) -> None:
    frozen_files(root / "MSRVTT", real, captions)


def lay_frozen_zip(root: Path, real: Path, official: dict, captions: dict) -> None:
    annotation, lists = frozen_files(root / "videos" / "unpacked", real, captions)  # `videos` is not searched
    with zipfile.ZipFile(root / "MSRVTT.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(annotation, "MSRVTT/annotation/MSR_VTT.json")
        archive.writestr("MSRVTT/videos/all/video0.mp4", b"a clip")
        for file in lists.iterdir():
            archive.write(file, f"MSRVTT/lists/{file.name}")
            entry = zipfile.ZipInfo(f"MSRVTT/{file.name}")  # shallower than what it leads to, so it is what is read
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, f"lists/{file.name}")


@pytest.mark.parametrize(
    ("lay", "layouts"),
    [
        (lay_official, ("official", "CLIP4Clip")),
        (lay_clip4clip, ("CLIP4Clip",)),
        (lay_lavis_by_video, ("LAVIS",)),
        (lay_lavis_by_caption, ("LAVIS",)),
        (lay_clip_vip, ("CLIP-ViP",)),
        (lay_frozen, ("Frozen",)),
        (lay_frozen_zip, ("Frozen",)),
    ],
)
def test_every_layout_gives_the_same_splits(
    tmp_path: Path,
    real: Path,
    official: dict,
    captions: dict,
    prepared: tuple[Path, Prepared],
    lay: Callable[[Path, Path, dict, dict], None],
    layouts: tuple[str, ...],
) -> None:
    lay(tmp_path, real, official, captions)
    outcome = prepare(tmp_path)
    assert outcome.layouts == layouts
    assert set(outcome.skipped) <= set(OF_ALL_CAPTIONS)  # for which LAVIS and CLIP-ViP lack the captions
    known = [(one.split, one.sha256) for one in prepared[1].splits if one.split not in outcome.skipped]
    assert [(one.split, one.sha256) for one in outcome.splits] == known


def test_the_official_training_file_alone_gives_7k_and_says_why_no_more(
    tmp_path: Path, real: Path, prepared: tuple[Path, Prepared]
) -> None:
    outcome = prepare(link(tmp_path, real / "train_val_annotation.zip"))
    assert [one.sha256 for one in outcome.splits] == [one.sha256 for one in prepared[1].splits[:3]]
    assert outcome.skipped.keys() == set(SPLITS[3:])
    assert "test_videodatainfo.json" in outcome.skipped["full"]
    assert "test_videodatainfo.json" in outcome.skipped["9k"]
    assert "MSRVTT_JSFUSION_test.csv" in outcome.skipped["1k-A"]


def test_both_official_files_lack_only_the_test_sentences(tmp_path: Path, real: Path) -> None:
    outcome = prepare(link(tmp_path, real / "train_val_annotation.zip", real / "test_videodatainfo.json.zip"))
    assert "MSRVTT_JSFUSION_test.csv" in outcome.skipped["9k"]
    assert "MSRVTT_JSFUSION_test.csv" in outcome.skipped["1k-A-20"]
    assert "full" not in outcome.skipped


def test_the_test_sentences_alone_give_the_test_splits(tmp_path: Path, real: Path) -> None:
    outcome = prepare(link(tmp_path, real / "msrvtt_ret_test1k.json"))
    assert tuple(one.split for one in outcome.splits) == TESTS


def test_preparing_again_changes_nothing(tmp_path: Path, real: Path) -> None:
    root = link(tmp_path, real / "MSRVTT_JSFUSION_test.csv")
    prepare(root)
    before = (root / "annotations" / "1k-A.json").read_bytes()
    prepare(root)
    assert (root / "annotations" / "1k-A.json").read_bytes() == before
