"""DiDeMo: all descriptions of a video, joined, are one paragraph and one query.

The field tests on 1 003 videos or on 1 004, and trains on 8 363 or on 8 392, under one name. Here the number is part of
a split's name, and so of every run's protocol:

    train-8363, test-1003              descs_ret_train.json, descs_ret_test.json: `video_id`, and `desc`, all of them
    train-8392, val-1065, test-1004    train_data.json, val_data.json, test_data.json of the authors' repository, where
                                       each description is an item; and train_list.txt, for three videos are left out

val_list.txt and test_list.txt bring nothing new and must agree where they are there.
"""

from collections.abc import Mapping

from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Captions, Source, gather, items, once, pick, text_of
from bench.data.importers.captioned import CaptionedClips, SplitsRead
from bench.errors import BenchError

JOINED = {"train-8363": "descs_ret_train.json", "test-1003": "descs_ret_test.json"}
OFFICIAL = {"train-8392": "train_data.json", "val-1065": "val_data.json", "test-1004": "test_data.json"}
LISTS = {"train-8392": "train_list.txt", "val-1065": "val_list.txt", "test-1004": "test_list.txt"}
LISTED = "train-8392"  # the split that is smaller than its file, so that it needs its list


@register_dataset("didemo")
class DiDeMo(CaptionedClips):
    """One file a split; with the official ones, a list."""

    files = (*JOINED.values(), *OFFICIAL.values(), *LISTS.values())
    own = ()

    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits of which the files are there."""
        splits: dict[str, Captions] = {}
        skipped = {split: f"needs {name}" for split, name in JOINED.items() if name not in found}
        sources: dict[str, list[Source]] = {}
        for split, name in JOINED.items():
            if name in found:
                splits[split], sources[split] = _joined(found[name]), [found[name]]
        for split, name in OFFICIAL.items():
            listed = found.get(LISTS[split])
            if name not in found or (split == LISTED and listed is None):
                skipped[split] = f"needs {name}{f' and {LISTS[split]}' if split == LISTED else ''}"
                continue
            splits[split], sources[split] = _official(found[name], split, listed), [found[name]]
            sources[split] += [listed] if listed else []
        return SplitsRead(splits, sources, skipped)


def _joined(source: Source) -> Captions:
    described = items(source.json(), None, source)
    videos = once((text_of(item, "video_id", source) for item in described), source)
    texts = [text_of(item, "desc", source) for item in described]
    return {video: (text,) for video, text in zip(videos, texts, strict=True)}


def _official(source: Source, split: str, listed: Source | None) -> Captions:
    described = items(source.json(), None, source)
    each = gather(((_stem(text_of(item, "video", source)), item.get("description")) for item in described), source)
    paragraphs: Captions = {video: (" ".join(text.strip() for text in texts),) for video, texts in each.items()}
    if listed is None:
        return paragraphs
    videos = once(map(_stem, listed.lines()), listed)
    pick(paragraphs, videos, listed)  # each of them is described
    if split != LISTED and (odd := paragraphs.keys() - set(videos)):
        raise BenchError(f"{listed} lacks {min(odd)}, which {source} describes. Get the files again.")
    kept = set(videos)
    return {video: texts for video, texts in paragraphs.items() if video in kept}


def _stem(name: str) -> str:
    """A video's id from its file name; some names end with the dot, with nothing after it."""
    return name.rpartition("/")[2].partition(".")[0]
