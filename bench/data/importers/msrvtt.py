"""MSR-VTT: from the annotation files that a person has to one normalized annotation per split.

    prepared = prepare(Path("DIR"))        what `bench data prepare msrvtt --root DIR` calls

Which files are known, and what may stand in them: `msrvtt_layouts.py`. What must come out, to the last video, stands in
the card, `datasets/msrvtt/card.yaml`; nothing is written when it does not.

The filter and its mismatch: a training video is emotional if its 20 captions *joined* are, a test query if its *one*
sentence is. Both follow the published work; the count that the joined rule would give on the test videos is kept in the
facts of 1k-A. In 1k-A-20 and full, where every caption of a video is a query, each is read alone.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from bench.data.annotation import Annotation, Clip
from bench.data.cards import load_card
from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Captions, Source
from bench.data.importers.captioned import (
    JOIN,
    AnnotatedFolder,
    Prepared,
    annotate_test,
    carried_by,
    check_counts,
    counts,
    filter_facts,
    places,
    save_all,
    verdicts,
    written,
)
from bench.data.importers.msrvtt_layouts import (
    CAPTION_READERS,
    LAYOUT_OF,
    LAYOUTS,
    find_sources,
    read_indices,
    read_list,
    read_pairs,
    read_test_csv,
)
from bench.data.video_emotions import OTHER_CAPTIONS
from bench.emotions.lexicons import lexicon_versions
from bench.errors import BenchError, UsageError

# What captions are taken from: the first whose files are all there. The second value: the training splits it covers.
CAPTION_FILES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("train_val_videodatainfo.json", "test_videodatainfo.json"), ("7k", "9k")),
    (("MSRVTT_data.json",), ("7k", "9k")),
    (("MSR_VTT.json",), ("7k", "9k")),
    (("msrvtt_ret_train9k.json",), ("7k", "9k")),
    (("train9k.jsonl",), ("7k", "9k")),
    (("train_val_videodatainfo.json",), ("7k",)),
    (("msrvtt_ret_train7k.json",), ("7k",)),
    (("train7k.jsonl",), ("7k",)),
)
OF_ALL_VIDEOS = tuple(names for names, _ in CAPTION_FILES[:3])  # the others have training videos alone
# What the 1k-A sentences are taken from: the first that is there. The last one points into the captions.
TEST_FILES = ("MSRVTT_JSFUSION_test.csv", "msrvtt_ret_test1k.json", "test1ka.jsonl", "jsfusion_val_caption_idx.pkl")
# Lists of a split's videos. They bring nothing new where the split follows from its definition, and must agree with it.
LISTS = {
    "7k": ("MSRVTT_train.7k.csv",),
    "9k": ("MSRVTT_train.9k.csv", "train_list_jsfusion.txt"),
    "1k-A": ("val_list_jsfusion.txt",),
}
# The official splits follow from the videos' numbers: the `split` fields of the official files say the same.
OFFICIAL = {"full-train": range(6513), "full-val": range(6513, 7010), "full": range(7010, 10_000)}
SEED = 42  # of the 34 others in split 68


@register_dataset("msrvtt")
class MsrVtt(AnnotatedFolder):
    """The user's folder, whose annotation files `prepare` reads."""

    files = own = tuple(LAYOUT_OF)

    def prepare(self, root: Path | None) -> Prepared:
        """As the function `prepare`."""
        return prepare(self.folder(root))


def prepare(root: Path) -> Prepared:
    """Reads MSR-VTT's annotations under `root`, whatever their layout, and writes root/annotations/<split>.json.

    Everything is read and checked against the card's numbers before the first file is written. No annotation, a damaged
    one or one number that differs is a BenchError which names the file and the first difference.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root} is no folder. Name the one with MSR-VTT's annotation files, zipped or not: --root DIR."
        )
    found = find_sources(root)
    expected = load_card("msrvtt").splits

    captions, covered, caption_sources = _captions(found)
    sentences, sentence_sources = _sentences(found, captions)
    lists = {split: [found[name] for name in names if name in found] for split, names in LISTS.items()}
    read = {"captions": caption_sources, "1k-A sentences": sentence_sources, "lists": [*chain(*lists.values())]}
    sources = {what: ", ".join(file.under(root) for file in files) for what, files in read.items() if files}
    if sentences and len(sentences) != (known := expected["1k-A"]["videos"]):
        raise BenchError(f"{sentence_sources[0]} has {len(sentences)} test videos, not {known}. Get the file again.")
    videos = _training_videos(lists, covered, sentences, expected)
    _check_captions(videos, captions, expected, sources)

    layouts = [layout for layout, names in LAYOUTS.items() if any(name in found for name in names)]
    facts = {"layouts": layouts, "sources": sources, "lexicons": lexicon_versions()}
    annotations = [*_training(videos, captions, facts), *_tests(sentences, captions, facts)]
    annotations += _tests_of_all_captions(sentences, captions, facts)
    if not annotations:
        wanted = "; ".join(f"{layout}: {', '.join(names)}" for layout, names in LAYOUTS.items())
        raise BenchError(f"{root} holds no MSR-VTT captions. Put the files of one layout there ({wanted}).")
    for annotation in annotations:
        check_counts(annotation, expected[annotation.split], sources)
    paths = save_all(annotations, root)
    return Prepared(
        layouts=tuple(layouts),
        sources=sources,
        splits=tuple(written(annotation, path) for annotation, path in zip(annotations, paths, strict=True)),
        skipped=_skipped({annotation.split for annotation in annotations}, expected, covered),
    )


def _captions(found: dict[str, Source]) -> tuple[Captions, tuple[str, ...], list[Source]]:
    """The captions, the training splits that they cover, and the files they are from; all empty if there are none."""
    for names, covered in CAPTION_FILES:
        if all(name in found for name in names):
            captions: Captions = {}
            for name in names:
                more = CAPTION_READERS[LAYOUT_OF[name]](found[name])
                if twice := captions.keys() & more.keys():
                    raise BenchError(f"{found[name]} has captions of {_first(twice)}, which another file has already.")
                captions |= more
            return captions, ("full-train", "full-val", *covered), [found[name] for name in names]
    return {}, (), []


def _sentences(found: dict[str, Source], captions: Captions) -> tuple[dict[str, str], list[Source]]:
    """The 1k-A test: video id -> its one sentence, in the order of the file, and the file; empty if there is none."""
    source = next((found[name] for name in TEST_FILES if name in found), None)
    if source is None:
        return {}, []
    if source.name.endswith(".csv"):
        return read_test_csv(source), [source]
    if source.name.endswith(".pkl"):
        indices = read_indices(source)
        if not captions.keys() & indices.keys():
            return {}, []  # the captions here are of training videos alone
        for video, index in indices.items():
            if index >= len(captions.get(video, ())) or index < 0:
                raise BenchError(
                    f"{source} refers to caption {index} of {video}, which has {len(captions.get(video, ()))}."
                )
        return {video: _as_jsfusion(captions[video][index]) for video, index in indices.items()}, [source]
    pairs = read_pairs(source)
    for video, texts in pairs.items():
        if len(texts) != 1:
            raise BenchError(f"{source} has {len(texts)} captions of {video}; a test video has one.")
    return {video: texts[0] for video, texts in pairs.items()}, [source]


def _as_jsfusion(caption: str) -> str:
    """A caption as the published 1k-A sentences spell it: letters and digits alone, one space between words.

    965 of the 1 000 sentences are a caption of their video as it stands; with this rule all 1 000 are.
    """
    return " ".join(re.findall(r"[^\W_]+", caption))


def _official(split: str) -> list[str]:
    return [f"video{number}" for number in OFFICIAL[split]]


def _number(video: str) -> int:
    return int(video.removeprefix("video"))


def _first(videos: Iterable[str]) -> str:
    return min(videos, key=_number)


def _training_videos(
    lists: dict[str, list[Source]], covered: tuple[str, ...], sentences: dict[str, str], expected: dict
) -> dict[str, list[str]]:
    """Training split -> its video ids by number, from the splits' definitions, checked against each list in the folder.

    7k is video0 to video7009, which the official splits share out; 9k is every video but the 1k-A tests, or what a list
    says where those are not at hand.
    """
    videos = {"7k": [f"video{number}" for number in range(expected["7k"]["videos"])]}
    videos |= {split: _official(split) for split in ("full-train", "full-val")}
    if sentences:
        everything = (f"video{number}" for number in range(expected["9k"]["videos"] + expected["1k-A"]["videos"]))
        videos |= {"9k": [video for video in everything if video not in sentences], "1k-A": list(sentences)}
    for split, sources in lists.items():
        for source in sources:
            listed = read_list(source)
            if odd := set(listed) ^ set(videos.setdefault(split, sorted(listed, key=_number))):
                verb = "names" if _first(odd) in listed else "lacks"
                raise BenchError(f"{source} {verb} {_first(odd)}, unlike the known msrvtt/{split}. Get the file again.")
    return {split: ids for split, ids in videos.items() if split in covered}


def _check_captions(videos: dict[str, list[str]], captions: Captions, expected: dict, sources: dict[str, str]) -> None:
    """Every training video has its 20 captions; the first that has not is an error."""
    for split, ids in videos.items():
        each = expected[split]["captions"] // expected[split]["videos"]
        for video in ids:
            if (count := len(captions.get(video, ()))) != each:
                raise BenchError(f"msrvtt/{split}: {video} has {count} captions, not {each} ({sources['captions']}).")


def _training(videos: dict[str, list[str]], captions: Captions, facts: dict) -> Iterator[Annotation]:
    """The training splits: each video with all its captions, in the order of the videos' numbers."""
    every = sorted({video for ids in videos.values() for video in ids}, key=_number)
    by_vader, by_pattern = verdicts([JOIN.join(captions[video]) for video in every])
    place = {video: index for index, video in enumerate(every)}
    for split, ids in videos.items():
        clips = tuple(Clip(video, captions[video]) for video in ids)
        rows = [place[video] for video in ids]
        known = {**facts, "filter": filter_facts("joined"), "emotional": counts(by_vader[rows], by_pattern[rows])}
        yield Annotation("msrvtt", split, clips, facts=known)
        if split == "9k":
            passed = (by_vader | by_pattern)[rows]
            kept = tuple(clip for clip, keep in zip(clips, passed, strict=True) if keep)
            yield Annotation("msrvtt", "6k-emotion", kept, facts=known)


def _tests(sentences: dict[str, str], captions: Captions, facts: dict) -> Iterator[Annotation]:
    """1k-A and the two galleries drawn from it, each with the subsets of its queries; nothing without sentences."""
    if not sentences:
        return
    carried, known = carried_by(list(sentences.values()))
    known = {**facts, **known}
    mismatch = {}
    others: dict[str, list[str]] = {}
    if all(video in captions for video in sentences):
        others = {video: _others(video, text, captions[video]) for video, text in sentences.items()}
        mismatch["emotional_joined"] = counts(*verdicts([JOIN.join(captions[video]) for video in sentences]))
    clips = [Clip(video, (text,)) for video, text in sentences.items()]

    def part(split: str, rows: np.ndarray, facts: dict) -> Annotation:
        subsets = {name: places(carries[rows]) for name, carries in carried.items()}
        videos = tuple(clips[row] for row in rows)
        if others:
            facts = {**facts, OTHER_CAPTIONS: {clip.video: others[clip.video] for clip in videos}}
        return Annotation("msrvtt", split, videos, subsets=subsets, facts=facts)

    emotional = np.flatnonzero(carried["emotion"])
    rest = _draw([clip.video for clip in clips], np.flatnonzero(~carried["emotion"]), len(emotional))
    yield part("1k-A", np.arange(len(clips)), {**known, **mismatch})
    yield part("Emotion-34", emotional, known)
    yield part("68", np.sort(np.concatenate([emotional, rest])), {**known, "seed": SEED})


def _tests_of_all_captions(sentences: dict[str, str], captions: Captions, facts: dict) -> Iterator[Annotation]:
    """1k-A-20 and full, where every caption of a test video is a query; those whose captions are all at hand."""
    for split, videos in (("1k-A-20", list(sentences)), ("full", _official("full"))):
        if videos and all(video in captions for video in videos):
            clips = tuple(Clip(video, captions[video]) for video in videos)
            yield annotate_test("msrvtt", split, clips, facts)


def _others(video: str, sentence: str, captions: Sequence[str]) -> list[str]:
    """The captions that do not say the sentence word for word: of the 20, 19 or, where it was said twice, fewer."""
    query = _as_jsfusion(sentence)
    others = [caption for caption in captions if _as_jsfusion(caption) != query]
    if len(others) == len(captions):
        raise BenchError(f"the test sentence of {video}, {sentence!r}, is none of its captions. Get the files again.")
    return others


def _draw(videos: Sequence[str], rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows, by the least sha256 of 'seed:video': the same draw on every machine and in every version."""
    order = sorted(rows.tolist(), key=lambda row: hashlib.sha256(f"{SEED}:{videos[row]}".encode()).hexdigest())
    return np.array(order[:count], dtype=np.int64)


def _skipped(written: set[str], expected: dict, covered: tuple[str, ...]) -> dict[str, str]:
    """Split -> which file would have made it possible, for each split of the card that was not written."""
    need = {
        "train": f"needs captions of its videos: {' or '.join(' + '.join(names) for names, _ in CAPTION_FILES)}",
        "test": f"needs the 1k-A sentences: {' or '.join(TEST_FILES)}",
    }
    need["validation"] = need["train"]
    need["all"] = f"needs captions of the test videos: {' or '.join(' + '.join(names) for names in OF_ALL_VIDEOS)}"
    why = {split: need[card["role"]] for split, card in expected.items() if split not in written}
    if "1k-A" in written:
        why |= dict.fromkeys(why.keys() & {"1k-A-20"}, need["all"])
    why |= dict.fromkeys(why.keys() & {"full"}, need["all"])
    for split in why.keys() & {"9k", "6k-emotion"} if "9k" in covered else ():
        why[split] = need["test"]  # the captions are there, but not which of them are the test's
    return why
