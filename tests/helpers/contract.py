"""What every variant must keep, each rule a function of a variant's name. Messages say what failed and what to do.

The variants are small ones with the golden shape, made by `helpers.small_models`. `docs/variants.md` lists the rules
for authors.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from helpers.golden import GOLDEN_FRAMES, golden_config
from helpers.small_models import END, captions, clips, make, trained
from torch import Tensor

from bench.data.batch import TextBatch, VideoBatch
from bench.data.tokenizer import caption_tokenizer
from bench.emotions import EMOTIONS
from bench.errors import UsageError
from bench.model import variant_registry
from bench.model.checkpoints import initialize, save_weights
from bench.model.losses import contrastive_loss
from bench.model.variant import Variant

CLAIMS = ("emotions", "faces")  # what `learns_from` may name


def four_captions() -> TextBatch:
    """Captions of different lengths; one without emotion, one with several."""
    batch = captions([3, 8, 5, 1])
    emotions = torch.zeros(4, len(EMOTIONS))
    emotions[0, 0], emotions[1, 2], emotions[1, 4], emotions[3, 7] = 1, 2, 1, 1
    return replace(batch, emotions=emotions)


def four_clips() -> VideoBatch:
    """Clips with a face in some of their frames; the third has none."""
    batch = clips(4)
    assert batch.seen is not None
    return replace(batch, seen=batch.seen & torch.tensor([True, True, False, True])[:, None])


def pick(batch: TextBatch | VideoBatch, rows: list[int]) -> TextBatch | VideoBatch:
    fields = {name: value[rows] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **fields)


def scores_by_itself(variant: Variant) -> bool:
    """Whether the variant has a score of its own: then its features may have any shape."""
    return type(variant).similarity is not Variant.similarity


@torch.no_grad()
def features(name: str) -> None:
    """Features are (B, P) and of unit norm, or a row a sample where the variant has a similarity of its own."""
    variant, width = make(name), golden_config().projection_dim
    for side, found in (("text", variant.encode_text(four_captions())), ("video", variant.encode_video(four_clips()))):
        assert len(found) == 4, f"{name}: encode_{side} gives {len(found)} rows for 4 samples"
        assert found.isfinite().all(), f"{name}: encode_{side} gives features that are no numbers"
        if not scores_by_itself(variant):
            mend = "give unit vectors of that width, or override similarity"
            assert found.shape == (4, width), (
                f"{name}: encode_{side} gives {tuple(found.shape)}, not (4, {width}): {mend}"
            )
            assert torch.allclose(found.norm(dim=-1), torch.ones(4), atol=1e-5), (
                f"{name}: the features of encode_{side} are not of unit norm: {mend}"
            )


@torch.no_grad()
def similarity(name: str) -> None:
    """A row a caption and a column a clip; a score does not depend on what else is scored."""
    variant = make(name)
    text, video = variant.encode_text(four_captions()), variant.encode_video(four_clips())
    scores = variant.similarity(text[:3], video)
    assert scores.shape == (3, 4), f"{name}: similarity gives {tuple(scores.shape)} for 3 captions and 4 clips"
    alone = torch.cat([variant.similarity(text[:3], video[place : place + 1]) for place in range(4)], dim=1)
    assert torch.allclose(scores, alone, atol=1e-5), f"{name}: a clip's score depends on the other clips"


def gradients(name: str) -> None:
    """Every parameter that is trained has a gradient."""
    variant = trained(name).train()  # behind a gate that is shut everything is zero
    texts, videos, scale, extras, _ = variant(four_captions(), four_clips())
    loss = contrastive_loss(texts, videos, scale, variant.similarity) + sum(extras.values())
    loss.backward()
    learned = [(key, value) for key, value in variant.named_parameters() if value.requires_grad]
    without = [key for key, value in learned if value.grad is None or not value.grad.any()]
    assert not without, f"{name}: the loss has no gradient for {', '.join(without)}: remove or use them"


@torch.no_grad()
def padding(name: str) -> None:
    """Padding does not change a caption's features."""
    variant, text = make(name), four_captions()
    longer = replace(
        text,
        input_ids=torch.nn.functional.pad(text.input_ids, (0, 5), value=END),
        attention_mask=torch.nn.functional.pad(text.attention_mask, (0, 5)),
    )
    assert torch.allclose(variant.encode_text(text), variant.encode_text(longer), atol=1e-5), (
        f"{name}: padding changes a caption's features: use text.attention_mask"
    )


@torch.no_grad()
def batches(name: str) -> None:
    """Features do not depend on the order or the size of the batch."""
    variant, text, video, rows = make(name), four_captions(), four_clips(), [2, 0, 3]
    for side, encode, batch in (("text", variant.encode_text, text), ("video", variant.encode_video, video)):
        assert torch.allclose(encode(batch)[rows], encode(pick(batch, rows)), atol=1e-5), (
            f"{name}: in evaluation, encode_{side} depends on what else is in the batch"
        )


@torch.no_grad()
def saving(name: str) -> None:
    """Weights and buffers that are saved and opened as a run's give the same features; nothing is drawn anew."""
    variant, text, video = trained(name), four_captions(), four_clips()
    for buffer in variant.buffers():
        if buffer.is_floating_point():
            buffer.add_(0.5)  # as training would move it
    with TemporaryDirectory() as folder:
        shape = Path(folder) / "config.json"
        shape.write_text(json.dumps(golden_config().to_dict(), default=str), encoding="utf-8")
        weights = Path(folder) / "dataset" / "split" / name / "run" / "model.safetensors"
        save_weights(variant, caption_tokenizer(["a man"]), weights)
        torch.manual_seed(7)
        other, loaded = initialize(
            name, {}, init="run:run", size=str(shape), frames=GOLDEN_FRAMES, vocabulary=300, results=Path(folder)
        )
    assert not loaded.new, f"{name}: {', '.join(loaded.new)} are not saved: register them as parameters or buffers"
    for side in ("text", "video"):
        one, again = (
            model.eval().encode_text(text) if side == "text" else model.eval().encode_video(video)
            for model in (variant, other)
        )
        assert torch.equal(one, again), f"{name}: saved and opened again, encode_{side} gives other features"


def unknown_hyperparameter(name: str) -> None:
    """A hyperparameter that does not exist is an error."""
    with pytest.raises(UsageError, match=f"'{name}' has no hyperparameter 'no_such_thing'"):
        make(name, no_such_thing=1)


@torch.no_grad()
def start(name: str) -> None:
    """A variant that claims to start as plain does, to the bit."""
    variant, plain = make(name), make("plain")
    if variant.starts_as_plain:
        for side, one, other in (
            ("text", variant.encode_text(four_captions()), plain.encode_text(four_captions())),
            ("video", variant.encode_video(four_clips()), plain.encode_video(four_clips())),
        ):
            assert torch.equal(one, other), f"{name}: starts_as_plain is claimed, but encode_{side} is not plain's"


@torch.no_grad()
def needs(name: str) -> None:
    """A variant does without what it does not ask for."""
    variant = make(name)
    if not variant.text_needs:
        variant.encode_text(replace(four_captions(), emotions=None))
    if not variant.video_needs:
        variant.encode_video(replace(four_clips(), faces=None, seen=None))


def size(name: str) -> None:
    """A variant adds as many parameters to B/32 as it claims."""
    claimed, found = variant_registry.get(name).adds_at_b32, variant_registry.added_at_b32()[name]
    assert claimed in (None, found), f"{name}: adds_at_b32 is {claimed}, but it adds {found} parameters"


def listing(name: str) -> None:
    """`bench list variants` says what the class says, though it reads the source without importing it."""
    entry, variant = variant_registry.entries()[name], variant_registry.get(name)
    assert entry.summary, f"{name}: the class needs a docstring: its first sentence is shown by `bench list variants`"
    for field in ("text_needs", "video_needs"):
        listed, own = getattr(entry, field), getattr(variant, field)
        assert listed == own, f"{name}: write `{field} = {own!r}` into the class itself; it is listed as {listed!r}"
    defaults = {key: str(value) for key, value in variant_registry.parse_hyperparameters(name, {}).items()}
    assert defaults == entry.hyperparameters, f"{name}: hyperparameters are listed as {entry.hyperparameters}"
    assert set(variant.learns_from) <= set(CLAIMS), f"{name}: learns_from takes {' and '.join(CLAIMS)}"


RULES: dict[str, Callable[[str], None]] = {
    rule.__name__: rule
    for rule in (
        features,
        similarity,
        gradients,
        padding,
        batches,
        saving,
        unknown_hyperparameter,
        start,
        needs,
        size,
        listing,
    )
}
