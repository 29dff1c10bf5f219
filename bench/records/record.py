"""What a run record holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.metrics.positives import Answers, answers
from bench.metrics.ranking import directions
from bench.records.protocol import EXTERNAL, parse_signature


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run: what was trained on what, by which code, and where every query ranked. Plain JSON values throughout."""

    run: str  # the file's name, from `run_id`
    created: str  # ISO 8601 with time zone
    variant: str
    hyperparameters: dict[str, Any]  # all of them, defaults too
    parameters: dict[str, int]  # total, added (by the variant)
    dataset: str
    split: str  # trained on
    test: str  # tested on
    checksums: dict[str, str]  # split -> sha256 of its annotation
    protocol: str  # from `protocol_signature`
    config: dict[str, Any]
    seed: int
    controls: dict[str, Any]  # emotions, train_emotions, matched_parameters; true_run: the id of the run without any
    faces: dict[str, str]  # source, sha256, pooling of the facial expressions; empty if the variant uses none
    code: dict[str, Any]  # version, commit, dirty; variant: digest of its source file
    libraries: dict[str, str]
    lexicons: dict[str, str]
    hardware: dict[str, Any]  # also precision, processes and, if some were, how many steps of training ran compiled
    timings: dict[str, float]  # seconds: data, train, waiting (of training, until clips were decoded), evaluate
    curve: list[dict[str, Any]]
    selection: dict[str, Any]  # rule, step: which checkpoint was scored; of an external model "unknown", 0
    queries: dict[str, list[Any]]  # videos (m unique ids), captions (n); query i's true answer is video i, or else
    # video_of (n ascending numbers of videos), which is there only where videos have several captions
    subsets: dict[str, list[int]]  # name -> queries
    twins: dict[int, int]  # query -> the query that differs in emotion alone
    question: list[str]  # what verdicts ask, as the dataset's card declared it; see `bench.data.questions`
    twin_wins: dict[int, float]  # query -> 1, 0.5, 0: its own video above, level with, below its twin's
    ranks: dict[str, dict[str, list[int]]]  # t2v, v2t -> greater, equal: n counts each, see `bench.metrics.positives`
    top: list[list[int]]  # per query the ten videos that score highest, best first; empty before schema 3
    post: dict[str, dict[str, dict[str, list[int]]]]  # dsl, qbnorm -> ranks after it; see `bench.engine.rescoring`
    last_step: dict[str, Any]  # of a run selected on the test set, its last step: rule, step, ranks; otherwise empty
    probe: dict[str, Any]  # what `bench probe` measured; empty until then
    artifacts: dict[str, str]  # weights, features, similarity -> sha256 of the file; of a control its true run's
    # weights; or empty
    metrics: dict[str, dict[str, Any]]  # `bench.metrics.ranking.summarize` of the above

    @property
    def video_of(self) -> list[int] | None:
        """The true video of each query, by number, where videos have several captions; None: query i's is video i."""
        return self.queries.get("video_of")

    @property
    def external(self) -> bool:
        """Whether another program made the scores: there are no weights, and nothing is known of the training."""
        return parse_signature(self.protocol).get("model") == EXTERNAL

    def clip_of(self, query: int) -> int:
        """The number of a query's own video."""
        return self.video_of[query] if self.video_of else query

    def first_captions(self) -> dict[int, str]:
        """The first caption of every clip, by its number."""
        return {self.clip_of(query): text for query, text in reversed([*enumerate(self.queries["captions"])])}

    def answers(self, direction: str, rows: Sequence[int] | None = None) -> Answers:
        """The counts of one of `directions`, over the captions `rows`; None: over all."""
        return answers(self.ranks, direction, self.queries["captions"], self.video_of, rows)

    @property
    def directions(self) -> tuple[str, ...]:
        """t2v and v2t; also v2t-all where videos have several captions."""
        return directions(self.video_of)
