"""MSVD: 1 970 clips with about 40 captions each, of which every one of a test clip is a query.

Known files: the captions as captions_msvd.json (clip -> captions) or as raw-captions.pkl (clip -> captions as lists of
words), and the lists of the splits, one clip a line.
"""

from collections.abc import Mapping

from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Captions, Source, gather, lists_by_video, once, pick
from bench.data.importers.captioned import CaptionedClips, SplitsRead

JSON, PICKLE = "captions_msvd.json", "raw-captions.pkl"
LISTS = {"train": "train_list.txt", "val": "val_list.txt", "test": "test_list.txt"}


@register_dataset("msvd")
class Msvd(CaptionedClips):
    """One file of captions, JSON before pickle, and three lists of clips."""

    files = (JSON, PICKLE, *LISTS.values())
    own = (JSON,)

    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits of which the list is there."""
        source = found.get(JSON) or found.get(PICKLE)
        if source is None:
            return SplitsRead({}, {}, {})
        captions = _captions(source)
        lists = {split: found[name] for split, name in LISTS.items() if name in found}
        return SplitsRead(
            {split: pick(captions, once(listed.lines(), listed), listed) for split, listed in lists.items()},
            {"captions": [source], "lists": list(lists.values())},
            {split: f"needs {name}" for split, name in LISTS.items() if name not in found},
        )


def _captions(source: Source) -> Captions:
    if source.name == JSON:
        by_clip = lists_by_video(source.json(), source)
        return gather(((clip, text) for clip, texts in by_clip.items() for text in texts), source)
    by_clip = lists_by_video(source.plain_pickle(), source)
    return gather(((clip, _sentence(words)) for clip, texts in by_clip.items() for words in texts), source)


def _sentence(words: object) -> object:
    """The words of a caption as a text; what is no list of words is left for `gather` to refuse."""
    return " ".join(map(str, words)) if isinstance(words, list) else words
