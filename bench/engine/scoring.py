"""A split as a variant is given it in a run, and the scores of a test split: plain, and put right.

What a variant is told of emotion is decided here, once for captions, clips and bank.
"""

from collections.abc import Callable, Sequence

from accelerate import Accelerator
from tokenizers import Tokenizer
from torch import Tensor

from bench.config import RunConfig
from bench.data.annotation import Annotation
from bench.data.controls import FaceTracks
from bench.data.faces import Faces
from bench.data.loading import Collator, Data, Samples, joined
from bench.engine.evaluate import Scores, encode_captions, evaluate
from bench.engine.rescoring import dsl
from bench.metrics.ranking import points
from bench.model.variant import Variant

BY_DSL = "T2V R@1 after DSL"  # what the report chose its weights by, on the test videos


def make_samples(config: RunConfig, part: Annotation, data: Data, faces: Faces | None, told: str) -> Samples:
    """A split's samples; `told` is the control of the facial expressions."""
    videos = [clip.video for clip in part.clips]
    tracks = FaceTracks(faces, videos, told, config.seed, config.faces.pooling) if faces else None
    return Samples(part, data.videos, config, tracks)


def make_collator(
    config: RunConfig, variant: Variant, tokenizer: Tokenizer, parts: Sequence[Annotation | None], told: str
) -> Collator:
    """Knows every caption of the splits, so that emotions are scored once and only if the variant asks."""
    clips = [clip for part in parts if part for clip in part.clips]
    texts = [caption for clip in clips for caption in clip.captions]
    if config.captions == "joined":
        texts += [joined(clip) for clip in clips]
    captions = texts if variant.text_needs else None
    return Collator(
        tokenizer,
        config.model.tokens,
        variant.phrase,
        captions,
        source=config.emotion_source,
        control=told,
        seed=config.seed,
    )


def scorer(
    config: RunConfig, variant: Variant, tokenizer: Tokenizer, data: Data, faces: Faces | None, accelerator: Accelerator
) -> Callable[[], Scores]:
    """Opens the test split; each call of what it gives scores the weights as they are then.

    The variant is told of emotion what the config says.
    """
    told = "constant" if config.matched_parameters else config.emotions
    turned_once = told == "opposite" and variant.text_needs  # words and faces both turned would agree again
    samples = make_samples(config, data.test, data, faces, "true" if turned_once else told)
    collate = make_collator(config, variant, tokenizer, [data.test], told)
    return lambda: evaluate(variant, samples, collate, config, accelerator, data.test.twins)


def points_after_dsl(scores: Scores) -> dict[str, float]:
    """A point of the curve: the recalls, and the one by which the report chose its weights."""
    return {**scores.points(), BY_DSL: round(points(**dsl(scores.matrix)["t2v"])["R@1"], 4)}


def encode_bank(
    config: RunConfig, variant: Variant, tokenizer: Tokenizer, data: Data, accelerator: Accelerator
) -> Tensor:
    """Features of the first caption of every training clip, told of emotion as the test captions are."""
    told = "constant" if config.matched_parameters else config.emotions
    texts = [clip.captions[0] for clip in data.train.clips]
    known = texts if variant.text_needs else None
    collate = Collator(
        tokenizer,
        config.model.tokens,
        variant.phrase,
        known,
        source=config.emotion_source,
        control=told,
        seed=config.seed,
    )
    return encode_captions(variant, texts, collate, accelerator)
