"""What `bench probe` measured of a run's emotion, as a type: how it lies in a record's JSON is known here alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bench.metrics.estimate import Estimate

SCORES = ("text", "video", "group")  # of pairs of twins
PUBLISHED_RULE = "nrc, vader"  # what names the graded subsets, unless another source is asked beside it
_FLIP, _MOVE = "FlipAcc", "Δ log-rank"

Column = list[float | None]  # a value for each query, None where it does not count


@dataclass(frozen=True)
class Measured:
    """An estimate over n queries. chance: what random rankings give; p: of a test; None where there is none of it.

    Of fewer than 20 queries the estimate is empty. keys: those of the entry in the record, in order.
    """

    estimate: Estimate
    n: int
    chance: float | None = None
    p: float | None = None
    keys: tuple[str, ...] = ("value", "low", "high", "n")

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        return cls(Estimate.from_json(entry), entry["n"], entry.get("chance"), entry.get("p"), tuple(entry))

    def as_json(self) -> dict[str, Any]:
        known = {**self.estimate.as_json(), "n": self.n, "chance": self.chance, "p": self.p}
        return {key: known[key] for key in self.keys}


@dataclass(frozen=True)
class Edit:
    """What one edit of the captions did. The columns hold a value for each query, None where it has no such edit.

    flip: share of queries whose own video scores the true caption above the edited one, in percent. moved: mean
    log-rank of the own video under the edited caption less that under the true one. text_only: the flip of a model that
    reads captions alone.
    """

    flip: Measured
    moved: Measured
    text_only: Measured
    flips: Column
    moves: Column
    text_only_flips: Column


@dataclass(frozen=True)
class SubsetRecall:
    """A graded subset of n queries: direction -> metric -> estimate; None below 20 queries."""

    n: int
    recalls: dict[str, dict[str, Estimate] | None]

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        recalls = {
            direction: {name: Estimate.from_json(found) for name, found in metrics.items()} if metrics else None
            for direction, metrics in entry.items()
            if direction != "n"
        }
        return cls(entry["n"], recalls)

    def as_json(self) -> dict[str, Any]:
        recalls = {
            direction: {name: one.as_json() for name, one in metrics.items()} if metrics else None
            for direction, metrics in self.recalls.items()
        }
        return {"n": self.n, **recalls}


@dataclass(frozen=True)
class Probe:
    """What one run makes of emotion.

    created: ISO 8601. code: digest of what measured. words: per query the exchanged words, None where there are none.
    selectivity: control edit -> how much further the swap moves the rank. shift, shifts: towards the swap's emotion, by
    the videos' emotions that `shown_by` says. emotion: metric -> measured over the ranking, by those that `emotion_by`
    says, with every query's values; empty where nobody says. twins: text, video and group score of `pairs` of queries,
    and each pair's. text_only: the model's name. given_by: the source, with its version, of the emotions that the
    variant was given with each caption, empty if it reads none. subsets_by: what names the graded subsets. Both are
    empty in probes from before they were written down, whose subsets are by PUBLISHED_RULE.
    """

    created: str
    code: str
    edits: dict[str, Edit]
    words: list[str | None]
    selectivity: dict[str, Measured]
    shift: Measured
    shifts: Column
    shown_by: str
    emotion: dict[str, Measured]
    emotion_by: str
    emotion_per_query: dict[str, Column]
    subsets: dict[str, SubsetRecall]
    twins: dict[str, Measured]
    pairs: list[list[int]]
    twins_per_pair: dict[str, list[int]]
    text_only: str
    given_by: str = ""
    subsets_by: str = ""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From the `probe` of a record that was checked."""
        changed, blind, emotion, twins = (raw[name] for name in ("counterfactual", "text_only", "emotion", "twins"))
        columns = changed["per_query"]
        edits = {
            name: Edit(
                Measured.from_json(entries[_FLIP]),
                Measured.from_json(entries[_MOVE]),
                Measured.from_json(blind["edits"][name]),
                columns["flip"][name],
                columns["delta"][name],
                blind["per_query"]["flip"][name],
            )
            for name, entries in changed["edits"].items()
        }
        return cls(
            created=raw["created"],
            code=raw["code"],
            edits=edits,
            words=columns["words"],
            selectivity=_measured(changed["selectivity"]),
            shift=Measured.from_json(changed["shift"]),
            shifts=columns["shift"],
            shown_by=changed["emotions"],
            emotion=_measured({name: entry for name, entry in emotion.items() if name not in ("per_query", "source")}),
            emotion_by=emotion.get("source", ""),
            emotion_per_query=emotion.get("per_query", {}),
            subsets={name: SubsetRecall.from_json(entry) for name, entry in raw["subsets"].items()},
            twins=_measured({name: twins[name] for name in SCORES}),
            pairs=twins["per_pair"]["pairs"],
            twins_per_pair={name: twins["per_pair"][name] for name in SCORES},
            text_only=blind["model"],
            **raw.get("sources", {}),
        )

    def as_json(self) -> dict[str, Any]:
        """As the record holds it."""
        edits = self.edits.items()
        sources = {"sources": {"given_by": self.given_by, "subsets_by": self.subsets_by}} if self.subsets_by else {}
        emotion: dict[str, Any] = {name: found.as_json() for name, found in self.emotion.items()}
        if self.emotion_by:
            emotion |= {"per_query": self.emotion_per_query, "source": self.emotion_by}
        return {
            "created": self.created,
            "code": self.code,
            "counterfactual": {
                "edits": {name: {_FLIP: one.flip.as_json(), _MOVE: one.moved.as_json()} for name, one in edits},
                "selectivity": {name: found.as_json() for name, found in self.selectivity.items()},
                "shift": self.shift.as_json(),
                "emotions": self.shown_by,
                "per_query": {
                    "words": self.words,
                    "flip": {name: one.flips for name, one in edits},
                    "delta": {name: one.moves for name, one in edits},
                    "shift": self.shifts,
                },
            },
            "emotion": emotion,
            "subsets": {name: found.as_json() for name, found in self.subsets.items()},
            "twins": {
                **{name: found.as_json() for name, found in self.twins.items()},
                "per_pair": {"pairs": self.pairs, **self.twins_per_pair},
            },
            "text_only": {
                "model": self.text_only,
                "edits": {name: one.text_only.as_json() for name, one in edits},
                "per_query": {"flip": {name: one.text_only_flips for name, one in edits}},
            },
            **sources,
        }


def _measured(entries: Mapping[str, Any]) -> dict[str, Measured]:
    return {name: Measured.from_json(entry) for name, entry in entries.items()}
