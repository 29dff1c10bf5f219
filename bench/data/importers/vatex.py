"""VATEX, its English captions: ten a clip, of which every one of a test clip is a query.

Written to the published formats; no annotations of VATEX were at hand, so it is tested on made files of that shape.

    descs_ret_train.json, descs_ret_test.json     `video_id` and `desc`, a list of captions: a split each
    captions, and a list of each split's clips    the field's division, by Chen et al. (CVPR 2020): the official
                                                  validation clips are halved into 1 500 to validate and 1 500 to test

Captions are taken from vatex_training_v1.0.json and vatex_validation_v1.0.json (`videoID`, `enCap`), from
vatex_data.json (clip -> `enCap`) or from ref_captions.json (clip -> captions); lists are train_list.txt, val_list.txt
and test_list.txt. The training clips need no list beside the official file, all of which they are.
"""

from collections.abc import Iterable, Iterator, Mapping

from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Captions, Source, gather, items, once, pick, text_of
from bench.data.importers.captioned import CaptionedClips, SplitsRead
from bench.errors import BenchError

DESCRIBED = {"train": "descs_ret_train.json", "test": "descs_ret_test.json"}
LISTS = {"train": "train_list.txt", "val": "val_list.txt", "test": "test_list.txt"}
TRAINING = "vatex_training_v1.0.json"
CAPTIONS = (TRAINING, "vatex_validation_v1.0.json", "vatex_data.json", "ref_captions.json")


@register_dataset("vatex")
class Vatex(CaptionedClips):
    """Captions with lists before ready splits."""

    files = (*DESCRIBED.values(), *LISTS.values(), *CAPTIONS)
    own = (TRAINING, "vatex_validation_v1.0.json", "vatex_data.json")

    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits of which the files are there."""
        captions: Captions = {}
        read = [found[name] for name in CAPTIONS if name in found]
        by_source = {source.name: _captions(source) for source in read}
        for texts in by_source.values():
            captions = texts | captions  # the first file that has a clip is believed
        splits: dict[str, Captions] = {}
        used: list[Source] = []
        for split, name in LISTS.items():
            described = found.get(DESCRIBED.get(split, ""))
            if captions and name in found:
                splits[split] = pick(captions, once(found[name].lines(), found[name]), found[name])
                used.append(found[name])
            elif split == "train" and TRAINING in by_source:
                splits[split] = by_source[TRAINING]
            elif described:
                splits[split] = _captions(described)
                used.append(described)
        skipped = {
            split: f"needs {name} and a file of captions" + (f", or {DESCRIBED[split]}" if split in DESCRIBED else "")
            for split, name in LISTS.items()
            if split not in splits
        }
        return SplitsRead(splits, {"captions": read, "splits": used}, skipped)


def _captions(source: Source) -> Captions:
    content = source.json()
    if isinstance(content, dict):
        return gather(_pairs(content.items(), source), source)
    described = items(content, None, source)
    key = "videoID" if "videoID" in described[0] else "video_id"
    videos = once((text_of(item, key, source) for item in described), source)
    return gather(_pairs(zip(videos, described, strict=True), source), source)


def _pairs(content: Iterable[tuple[str, object]], source: Source) -> Iterator[tuple[str, object]]:
    """(clip, caption) of what stands under each clip: a list of captions, or an object with one."""
    for clip, value in content:
        texts = value.get("enCap", value.get("desc")) if isinstance(value, dict) else value
        if not isinstance(texts, list) or not texts:
            raise BenchError(f"{source} has no list of captions of {clip}. Get the file again.")
        for text in texts:
            yield clip, text
