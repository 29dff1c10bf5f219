"""What a record holds of its queries: texts, subsets, twins, ranks and best videos, checked against each other."""

from collections import Counter
from typing import Any

from bench.data.questions import can_answer, parse_question
from bench.errors import BenchError
from bench.metrics.ranking import DIRECTIONS
from bench.records.record import Record

TOP = 10  # videos a query that a record keeps


def check_queries(record: Record) -> tuple[int, int]:
    """How many queries and how many videos there are, once they are sound."""
    if record.queries.keys() - {"video_of"} != {"videos", "captions"}:
        raise BenchError(f"queries holds {', '.join(sorted(record.queries))}, not captions, videos.")
    for name in ("videos", "captions"):
        column = record.queries[name]
        if type(column) is not list or not all(type(entry) is str for entry in column):
            raise BenchError(f"queries.{name} must be a list of strings.")
    videos, captions, of = record.queries["videos"], record.queries["captions"], record.queries.get("video_of")
    n = len(captions)
    if not n or not videos:
        raise BenchError("it holds no queries.")
    if of is None and len(videos) != n:
        raise BenchError(f"there are {len(videos)} videos but {n} captions.")
    if of is not None and not (are_counts(of, len(videos) - 1) and len(of) == n > len(videos) and _rises(of, videos)):
        raise BenchError(f"queries.video_of must lead from {n} captions to all of {len(videos)} videos, in order.")
    if len(set(videos)) != len(videos):
        (twice, times), *_ = Counter(videos).most_common(1)
        raise BenchError(f"the video {twice} occurs {times} times among the queries.")
    for name, members in record.subsets.items():
        if not are_counts(members, n - 1):
            raise BenchError(f"the subset {name} holds what is no index of the {n} queries.")
        if len(set(members)) != len(members):
            raise BenchError(f"the subset {name} holds a query twice.")
    if not are_counts([*record.twins.keys(), *record.twins.values()], n - 1):
        raise BenchError(f"twins hold what is no index of the {n} queries.")
    for query, twin in record.twins.items():
        if query == twin:
            raise BenchError(f"query {query} is its own twin.")
    if record.twin_wins.keys() != record.twins.keys():
        raise BenchError(f"{len(record.twins)} queries have a twin, twin_wins holds {len(record.twin_wins)} of others.")
    if not all(win in (0, 0.5, 1) for win in record.twin_wins.values()):
        raise BenchError("twin_wins holds something else than 0, 0.5 and 1.")
    if of is not None and record.twins:
        raise BenchError("twins belong to videos with one caption each.")
    return n, len(videos)


def check_question(record: Record) -> None:
    """One question or more, each once, and of each there are queries."""
    asked = record.question
    if not asked or not all(type(text) is str for text in asked) or len(set(asked)) < len(asked):
        raise BenchError("question must be a list of texts, each once.")
    for text in asked:
        if not can_answer(parse_question(text), record.subsets, record.twins):
            raise BenchError(f"the question {text!r} asks about queries that the record does not have.")


def _rises(video_of: list[int], videos: list[str]) -> bool:
    """Whether the numbers go from 0 to the last video without a gap."""
    steps = zip([-1, *video_of], [*video_of, len(videos)], strict=True)
    return all(after - before in (0, 1) for before, after in steps) and video_of[0] == 0


def check_ranks(record: Record, n: int, videos: int) -> None:
    gallery = {"t2v": videos, "v2t": n}
    for direction, counts in record.ranks.items():
        _check_counts(f"ranks.{direction}", counts, n, gallery[direction])
    for query, win in record.twin_wins.items():
        if (
            win < 1
            and not _equal_captions(record)
            and record.ranks["t2v"]["greater"][query] + record.ranks["t2v"]["equal"][query] == 0
        ):
            raise BenchError(f"query {query} ranks first, yet twin_wins says that it lost to its twin.")
    for name, ranks in record.post.items():
        if type(ranks) is not dict or not ranks or not set(ranks) <= set(DIRECTIONS):
            raise BenchError(f"post.{name} must hold ranks of {' or '.join(DIRECTIONS)}.")
        for direction, counts in ranks.items():
            _check_counts(f"post.{name}.{direction}", counts, n, gallery[direction])
    if record.last_step:
        if record.selection["rule"] != "test" or set(record.last_step) != {"rule", "step", "ranks"}:
            raise BenchError("last_step must hold rule, step and ranks, in a run selected on the test set alone.")
        if record.last_step["rule"] != "last" or type(record.last_step["step"]) is not int:
            raise BenchError("last_step must have the rule last and a step.")
        ranks = record.last_step["ranks"]
        if type(ranks) is not dict or set(ranks) != set(DIRECTIONS):
            raise BenchError(f"last_step.ranks must hold {', '.join(DIRECTIONS)}.")
        for direction, counts in ranks.items():
            _check_counts(f"last_step.ranks.{direction}", counts, n, gallery[direction])


def _equal_captions(record: Record) -> bool:
    """Whether a video with the same caption was as true an answer as a query's own."""
    return bool(record.config.get("positives") == "equal")


def check_top(record: Record, n: int, videos: int) -> None:
    """Each list is as long as it can be, names no video twice, and holds a true one where its rank says so."""
    if not record.top:
        return
    if len(record.top) != n:
        raise BenchError(f"top has {len(record.top)} queries, not {n}.")
    counts, length = record.ranks["t2v"], min(TOP, videos)
    own = record.video_of or range(n)
    true: dict[str, set[int]] = {}  # caption -> its true videos
    for caption, video in zip(record.queries["captions"], own, strict=True) if _equal_captions(record) else ():
        true.setdefault(caption, set()).add(video)
    for query, (top, greater, equal) in enumerate(zip(record.top, counts["greater"], counts["equal"], strict=True)):
        if not are_counts(top, videos - 1) or len(set(top)) != length or len(top) != length:
            raise BenchError(f"top: query {query} must hold {length} different videos.")
        answers_of = true.get(record.queries["captions"][query], {own[query]})
        found = not answers_of.isdisjoint(top)
        if (greater + equal + len(answers_of) <= length and not found) or (greater >= length and found):
            raise BenchError(f"top: query {query} has its own video where its rank does not put it.")


def _check_counts(where: str, counts: Any, n: int, gallery: int) -> None:
    """n: of queries. gallery: how many candidates each has."""
    if type(counts) is not dict or set(counts) != {"greater", "equal"}:
        raise BenchError(f"{where} must hold greater and equal.")
    for name, column in counts.items():
        if not are_counts(column, gallery - 1):
            raise BenchError(f"{where}.{name} holds what is no count from 0 to {gallery - 1}.")
        if len(column) != n:
            raise BenchError(f"{where}.{name} has {len(column)} queries, not {n}.")
    for query, (greater, equal) in enumerate(zip(counts["greater"], counts["equal"], strict=True)):
        if greater + equal >= gallery:
            raise BenchError(f"{where}: query {query} has {greater + equal} rivals in a gallery of {gallery}.")


def are_counts(values: Any, most: int) -> bool:
    """Whether it is a list of whole numbers from 0 to `most`."""
    return type(values) is list and all(type(value) is int and 0 <= value <= most for value in values)
