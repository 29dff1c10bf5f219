"""The scores of a test split, as a run's controls have it: plain, and rescored."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from accelerate import Accelerator
from torch import Tensor

from bench.data.controls import ORACLE
from bench.engine.evaluate import Ranks, Scores, encode_captions, evaluate
from bench.engine.opening import Opened
from bench.engine.oracle import OracleScores, true_moods
from bench.engine.rescoring import dsl, rescore
from bench.engine.run_config import evaluation_control
from bench.engine.score_matrix import ScoreMatrix
from bench.metrics.ranking import points

BY_DSL = "T2V R@1 after DSL"  # what the report chose its weights by, on the test videos


@dataclass(frozen=True)
class Evaluation:
    """The scores of a test split, and its ranks after each rescoring."""

    scores: Scores
    post: dict[str, Ranks]


def scorer(opened: Opened, accelerator: Accelerator) -> Callable[[], Scores]:
    """Opens the test split; each call of what it gives scores the weights as they are then.

    The variant is given the emotions that the config's control says.
    """
    config, data, variant = opened.config, opened.data, opened.variant
    control = evaluation_control(config)
    turned_once = control == "opposite" and variant.text_needs  # words and faces both turned would agree again
    samples = opened.samples(data.test, "true" if turned_once else control)
    collate = opened.collator(opened.texts(data.test), control)
    matrix_of: Callable[..., ScoreMatrix] = ScoreMatrix
    if control == ORACLE:
        moods = true_moods(opened.card, data.test.subsets, len(data.test.queries))
        matrix_of = partial(OracleScores, moods=moods)
    return lambda: evaluate(variant, samples, collate, config, accelerator, data.test, matrix_of)


def with_rescoring(scores: Scores, opened: Opened, accelerator: Accelerator) -> Evaluation:
    """The scores of a run, and its ranks after DSL and after querybank normalization; of a ceiling the scores alone."""
    if evaluation_control(opened.config) == ORACLE:
        return Evaluation(scores, {})
    return Evaluation(scores, rescore(scores, encode_bank(opened, accelerator) if opened.data.train.clips else None))


def points_after_dsl(scores: Scores) -> dict[str, float]:
    """A point of the curve: the recalls, and the one by which the report chose its weights."""
    return {**scores.points(), BY_DSL: round(points(**dsl(scores.matrix)["t2v"])["R@1"], 4)}


def encode_bank(opened: Opened, accelerator: Accelerator) -> Tensor:
    """Features of the first caption of every training clip, under the control of the test captions."""
    texts = [clip.captions[0] for clip in opened.data.train.clips]
    return encode_captions(opened.variant, texts, opened.collator(texts), accelerator)
