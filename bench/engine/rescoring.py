"""Scores put right by what the whole gallery, or a bank of other queries, says: columns of their own, never the result.

    dsl     dual softmax: a candidate that suits many queries counts less. It looks at all test queries at once, which
            a search engine that answers one query cannot do.
    qbnorm  querybank normalization: the same with a bank of training captions in the test queries' place. Text to
            video only: the other direction would need a bank of clips, every training clip encoded.

Both go over the scores in bands (`bench.engine.score_matrix`): beside one tile they hold a few numbers a query
and band-sized float64 copies. Equal captions keep their ties to the bit.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.engine.evaluate import Best, Counts, Ranks, Rivals, Scores
from bench.engine.score_matrix import ScoreMatrix, in_bands, scores_of

SHARPNESS = 100.0  # of DSL's softmax, as in CLIP-ViP's evaluation
BETA = 20.0  # of QB-Norm's, as in its authors' code


def rescore(scores: Scores, bank: Tensor | None) -> dict[str, Ranks]:
    """The `post` of a record: "dsl" in both directions, "qbnorm" in one.

    bank: (b, …) features of training captions; without any there is no "qbnorm".
    """
    found: dict[str, Ranks] = {"dsl": dsl(scores.matrix)}
    if bank is not None:
        found["qbnorm"] = {"t2v": qbnorm(scores.matrix, scores.ranks["t2v"], bank)}
    return found


def dsl(matrix: ScoreMatrix) -> Ranks:
    """Ranks after the dual softmax: s_ij times a softmax of 100 s over the queries of the candidate in question.

    t2v: s_ij * exp(100 s_ij) / sum_q exp(100 s_qj), over the captions q, for each clip j.
    v2t: s_ij * exp(100 s_ij) / sum_k exp(100 s_ik), over the clips k, for each caption i.
    Each direction needs its own sum: t2v's is the same for all captions that compete for a clip, and moves none of
    them past another.
    Only the order counts, so products are compared by their logarithms: as they are, those of scores without a bound
    would underflow and tie.
    Source: Cheng et al., CAMoE, arXiv 2109.04290, with the sharpness of CLIP-ViP's evaluation.
    """
    captions, clips = np.full(len(matrix), -np.inf), np.full(matrix.clips, -np.inf)  # logarithms of the sums
    for i, j, scores in matrix:
        sharp = SHARPNESS * scores.astype(np.float64)
        captions[i] = np.logaddexp(captions[i], _log_sum_exp(sharp, axis=1))
        clips[j] = np.logaddexp(clips[j], _log_sum_exp(sharp, axis=0))
    captions = captions[matrix.first]

    def weighed(scores: NDArray, log_sums: NDArray) -> NDArray[np.float64]:
        exact = scores.astype(np.float64)
        return _signed_exp(np.sign(exact), _log(np.abs(exact)) + SHARPNESS * exact - log_sums)

    own = {"t2v": weighed(matrix.true, clips[matrix.video_of]), "v2t": weighed(matrix.true, captions)}
    ways = {direction: Rivals(matrix, direction, true) for direction, true in own.items()}
    for i, j, scores in matrix:
        for direction, log_sums in (("t2v", clips[j]), ("v2t", captions[i, None])):
            band = (i, j, weighed(scores, log_sums))
            ways[direction].add((i, j, matrix.put_back(band, own[direction])))
    return {direction: way.counts for direction, way in ways.items()}


def qbnorm(matrix: ScoreMatrix, plain: Counts, bank: Tensor) -> Counts:
    """Text-to-video ranks after querybank normalization with the dynamic inverted softmax.

    exp(20 s_ij) / sum_b exp(20 s_bj), over the bank's captions b, for each clip j; and the score as it is, for
    captions i whose best clip is not the best of any caption of the bank. Computed as 20 s_ij - log sum.
    plain: the text-to-video counts of `matrix`. bank: (b, …) features.
    Source: Bogolin et al., Cross Modal Retrieval with Querybank Normalisation, CVPR 2022, arXiv 2112.12777.
    """

    def bank_scores(rows: slice, clips: slice) -> NDArray[np.float32]:
        return scores_of(matrix.similarity, bank[rows], matrix.video[clips])

    log_sums = np.full(matrix.clips, -np.inf)
    best_of_bank, best = Best(len(bank), 1), Best(len(matrix), 1)
    for band in in_bands(bank_scores, len(bank), matrix.clips):
        _, j, scores = band
        log_sums[j] = np.logaddexp(log_sums[j], _log_sum_exp(BETA * scores.astype(np.float64), axis=0))
        best_of_bank.add(band)

    def normalized(scores: NDArray, log_sums: NDArray) -> NDArray[np.float64]:
        return BETA * scores.astype(np.float64) - log_sums

    own = normalized(matrix.true, log_sums[matrix.video_of])
    rivals = Rivals(matrix, "t2v", own)
    for band in matrix:
        i, j, scores = band
        rivals.add((i, j, matrix.put_back((i, j, normalized(scores, log_sums[j])), own)))
        best.add(band)
    active = np.isin(best.clips[:, 0], best_of_bank.clips)[matrix.first]
    return {name: np.where(active, counts, plain[name]) for name, counts in rivals.counts.items()}


def _log_sum_exp(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    highest = values.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - highest).sum(axis=axis)) + highest.squeeze(axis)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The natural logarithm; of 0, -inf."""
    return np.log(values, out=np.full_like(values, -np.inf), where=values > 0)


def _signed_exp(signs: NDArray[np.float64], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers in the order of sign * exp(log), which neither vanish nor overflow: log + 1 from 0 on, below 1/(1 - log).

    Both pieces rise, meet at 1 and stay above 0, where -inf leads; and they keep the relative precision of the log.
    """
    return signs * np.where(logs > 0, 1 + logs, 1 / (1 + np.abs(np.minimum(logs, 0))))
