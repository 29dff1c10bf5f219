"""ActivityNet Captions: a video's sentences, joined in their order, are one paragraph and one query.

Known files: train.json, val_1.json and val_2.json of the official captions.zip, video -> `sentences`. val_2.json
describes the videos of val_1.json again, all but 32 of them, by other people.
"""

from collections.abc import Mapping

from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Captions, Source, gather, lists_by_video
from bench.data.importers.captioned import CaptionedClips, SplitsRead

FILES = {"10k": "train.json", "val1": "val_1.json", "val2": "val_2.json"}


@register_dataset("activitynet")
class ActivityNet(CaptionedClips):
    """One file a split."""

    files = tuple(FILES.values())
    own = ("val_1.json", "val_2.json")

    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits of which the file is there."""
        there = {split: found[name] for split, name in FILES.items() if name in found}
        return SplitsRead(
            {split: _paragraphs(source) for split, source in there.items()},
            {split: [source] for split, source in there.items()},
            {split: f"needs {name}" for split, name in FILES.items() if name not in found},
        )


def _paragraphs(source: Source) -> Captions:
    content = source.json()
    described = content.items() if isinstance(content, dict) else ()
    sentences = {video: item.get("sentences") for video, item in described if isinstance(item, dict)}
    listed = lists_by_video(sentences, source)
    # gathered one by one first, so that a sentence that is no text is named
    each = gather(((video, sentence) for video, texts in listed.items() for sentence in texts), source)
    return {video: (" ".join(text.strip() for text in texts),) for video, texts in each.items()}
