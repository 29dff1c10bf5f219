"""What emotions a video has: from its other captions, or from the faces in it. Never from the query.

A metric that asks whether the found videos have the query's emotion needs a second witness. Had the true video its
emotions from the query itself, every correct answer would agree with itself.

Other captions: what other people said of the same video. `bench data prepare msrvtt` keeps, for each test video, the
captions that are not its sentence. An emotion's score is the share of them that name it (a word of it in the NRC
lexicon), the polarity's the share of positive ones less that of negative ones. An emotion is present, and a polarity
counts, from a quarter on. That was chosen on the 9 000 training videos of MSR-VTT, each caption in turn against the 19
others of its video: to foretell which emotions the caption names, 5 of 19 is best (micro F1 0.438; 4: 0.430, 6: 0.434,
3: 0.405, 8: 0.385), and of the polarity's bounds a quarter has a Cohen's kappa of 0.227, hardly less than the best
(0.3: 0.232; 0.2: 0.213, 0.1: 0.156). 65 % of those videos have an emotion by it, 1.5 on average.

Faces: the mean over the frames in which one is seen, of the largest. A face shows one thing at a time, so the strongest
mean expression is present, and only where it is above what is left of 1 for neutral. Joy is positive; fear, sadness,
disgust and anger are negative; surprise is neither. Trust and anticipation have no face of their own: nothing can be
said of them, and queries are not asked about them. A video without a face is not judged at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.annotation import Annotation
from bench.data.faces import IS_EXPRESSED, Faces
from bench.emotions import EMOTIONS
from bench.emotions.scores import polarity, score_captions
from bench.errors import BenchError

SHARE = 0.25  # of the other captions
POLES = {"joy": 1, "fear": -1, "sadness": -1, "disgust": -1, "anger": -1}  # of a face
OTHER_CAPTIONS = "other_captions"  # where an annotation's facts hold them: video -> captions


@dataclass(frozen=True)
class VideoEmotions:
    """The emotions of N videos, in the order of their split and of EMOTIONS.

    scores: (N, 8) float64 in [0, 1]. valid: (N, 8) bool, whether the source can say anything of this emotion in this
    video; where not, its score is 0 and it is not present. present: (N, 8) bool. polarity: (N,) -1, 0 or 1.
    source: where they come from, for people.
    """

    scores: NDArray[np.float64]
    valid: NDArray[np.bool_]
    present: NDArray[np.bool_]
    polarity: NDArray[np.int64]
    source: str


def video_emotions(annotation: Annotation, faces: Faces | None = None) -> VideoEmotions:
    """The emotions of a test split's videos: by their other captions where the split has them, otherwise by faces.

    Videos that nobody looked at for faces are not judged. BenchError: there is neither, or no face in any video.
    """
    videos = [clip.video for clip in annotation.clips]
    if OTHER_CAPTIONS in annotation.facts:
        return _from_captions([annotation.facts[OTHER_CAPTIONS][video] for video in videos])
    name, split = annotation.dataset, annotation.split
    if faces is None:
        raise BenchError(
            f"nothing but the queries tells which emotions the videos of {name}/{split} show. Look for faces: "
            f"bench faces --dataset {name} --root DIR --backend deepface; or, if its videos have more captions, put "
            f"their files into its folder and prepare it again: bench data prepare {name} --root DIR"
        )
    found = _from_faces(videos, faces)
    if not found.valid.any():
        raise BenchError(
            f"the face scores ({faces.source}) have no face in any of the {len(videos)} videos of {name}/{split}. "
            f"Make scores of these videos: bench faces --dataset {name} --root DIR --backend deepface"
        )
    return found


def _from_captions(captions: list[list[str]]) -> VideoEmotions:
    """captions: of each video, without the query; a video without any is not judged."""
    flat = [caption for texts in captions for caption in texts]
    of = np.repeat(np.arange(len(captions)), [len(texts) for texts in captions])
    scores, balance = np.zeros((len(captions), len(EMOTIONS))), np.zeros(len(captions))
    np.add.at(scores, of, score_captions(flat) > 0)
    np.add.at(balance, of, polarity(flat))
    count = np.bincount(of, minlength=len(captions))
    scores, balance = scores / np.maximum(count, 1)[:, None], balance / np.maximum(count, 1)
    valid = np.repeat(count[:, None] > 0, len(EMOTIONS), axis=1)
    sign = (np.sign(balance) * (np.abs(balance) >= SHARE)).astype(np.int64)
    return VideoEmotions(scores, valid, scores >= SHARE, sign, "other captions (NRC)")


def _from_faces(videos: list[str], faces: Faces) -> VideoEmotions:
    scores, judged = np.zeros((len(videos), len(EMOTIONS))), np.zeros(len(videos), np.bool_)
    for row, video in enumerate(videos):
        if video in faces.videos:
            expressions, seen = faces.pooled(video, faces.positions(video), "largest")
            if seen.any():
                scores[row], judged[row] = expressions[seen].mean(axis=0, dtype=np.float64), True
    strongest = scores.argmax(axis=1)
    shown = judged & (scores.max(axis=1) > 1 - scores.sum(axis=1))  # what is left of 1 is neutral
    present = np.zeros(scores.shape, np.bool_)
    present[shown, strongest[shown]] = True
    poles = np.array([POLES.get(emotion, 0) for emotion in EMOTIONS])
    return VideoEmotions(scores, judged[:, None] & IS_EXPRESSED, present, present @ poles, f"faces ({faces.source})")
