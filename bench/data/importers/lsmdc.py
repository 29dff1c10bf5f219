"""LSMDC: clips of films, each with the sentence of its audio description.

Written to the published format; its annotations are given to whom MPII permits, and none were at hand, so it is tested
on made files of that shape. A line has six fields with tabs between them: the clip, when its sentence starts and ends,
when the clip as it was cut starts and ends, and the sentence. A training clip may have several lines.
"""

from collections.abc import Iterator, Mapping

from bench.data.importers import register_dataset
from bench.data.importers.annotation_files import Source, gather
from bench.data.importers.captioned import CaptionedClips, SplitsRead
from bench.errors import BenchError

FILES = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}
FIELDS = 6


@register_dataset("lsmdc")
class Lsmdc(CaptionedClips):
    """One file a split."""

    files = own = tuple(FILES.values())

    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits of which the file is there."""
        there = {split: found[name] for split, name in FILES.items() if name in found}
        return SplitsRead(
            {split: gather(_pairs(source), source) for split, source in there.items()},
            {split: [source] for split, source in there.items()},
            {split: f"needs {name}" for split, name in FILES.items() if name not in found},
        )


def _pairs(source: Source) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(source.text().split("\n"), 1):
        if line.strip():
            fields = line.strip().split("\t")
            if len(fields) != FIELDS:
                raise BenchError(
                    f"{source}: line {number} has {len(fields)} fields between tabs, not {FIELDS}. Get the file again."
                )
            yield fields[0], fields[-1]
