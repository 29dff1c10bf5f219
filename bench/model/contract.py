"""What every variant must keep, each rule a function of a variant's name, checked on a small model and a made batch.

`bench check-variant NAME` runs all of them, the tests run them over every variant, and a plugin's variant has to keep
those in QUICK before it trains. A message says which hook gave what, with shapes, and what to do.
`docs/variants.md` lists the rules for authors.
"""

import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from bench.data.batch import TextBatch, VideoBatch
from bench.data.tokenizer import caption_tokenizer
from bench.emotions import EMOTIONS
from bench.errors import UsageError
from bench.model import variant_registry
from bench.model.checkpoints import initialize, save_weights
from bench.model.clip_vip import ClipVip, VideoTokens
from bench.model.grad_cache import backward_in_chunks
from bench.model.losses import contrastive_loss
from bench.model.small_models import END, SMALL_FRAMES, captions, clips, make, small_config, trained
from bench.model.variant import Variant
from bench.utils import plugins

CLAIMS = ("emotions", "faces")  # what `learns_from` may name
KINDS = (float, int, bool, str)  # of hyperparameters
DEVICE = ". Make tensors on the device of the inputs (`tokens.device`), without .cuda()"
WIDTHS = ". This model is small: take widths from self.backbone (text_width, video_width) or from the tokens"


class Broken(Exception):
    """A rule is not kept; says what was found and what to do."""


Rule = Callable[..., None]  # (name, **hyperparameters)


def check(name: str, rule: str, **hyperparameters: object) -> None:
    """UsageError, naming the variant and its plugin, if it does not keep a rule. No random state is moved."""
    with torch.random.fork_rng(devices=[]):
        try:
            RULES[rule](name, **hyperparameters)
        except Broken as error:
            raise UsageError(f"{whose(name)}: {error}") from error.__cause__


def check_quickly(name: str, hyperparameters: dict[str, Any], *, in_chunks: bool = False) -> None:
    """The QUICK rules for a variant that is not built in. UsageError: it does not keep one of them.

    in_chunks: whether it will be trained so; that is a rule more.
    """
    if not variant_registry.entries()[name].module.startswith("variants."):
        for rule in (*QUICK, "chunks") if in_chunks else QUICK:
            check(name, rule, **hyperparameters)


def whose(name: str) -> str:
    """A variant in a message, with the plugin file that it is from."""
    module = variant_registry.entries()[name].module
    file = next((module_.__file__ for module_ in plugins.plugin_modules() if module_.__name__ == module), None)
    return f"plugin {Path(file).name}, variant '{name}'" if file else f"variant '{name}'"


def hold(condition: object, message: str) -> None:
    """Broken with this message unless the condition holds."""
    if not condition:
        raise Broken(message)


def asked(hook: str, call: Callable[..., Any], *inputs: Any) -> Any:
    """What a hook gives. Broken, with the shapes of the inputs: it fails, or answers on another device."""
    try:
        found = call(*inputs)
    except Exception as error:
        said = str(error).strip().partition("\n")[0].rstrip(".")
        mend = DEVICE if "CUDA" in said or "same device" in said else WIDTHS if "size" in said else ""
        raise Broken(f"{hook} fails on {_shapes(inputs)}: {type(error).__name__}: {said}{mend}") from error
    for part in _tensors(found):
        hold(part.device.type == "cpu", f"{hook} gives a tensor on {part.device} for inputs on the CPU{DEVICE}")
    return found


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


def scores_by_itself(variant: Variant) -> bool:
    """Whether the variant has a score of its own: then its features may have any shape."""
    return type(variant).similarity is not Variant.similarity


def encoded(variant: Variant, text: TextBatch | None = None, video: VideoBatch | None = None) -> dict[str, Tensor]:
    """The features of both sides, by the hook that gives them; of four captions and four clips if not given."""
    return {
        "encode_text": asked("encode_text", variant.encode_text, text or four_captions()),
        "encode_video": asked("encode_video", variant.encode_video, video or four_clips()),
    }


def hyperparameters(name: str, **hp: object) -> None:
    """Hyperparameters are keyword-only, with an annotation and a default."""
    try:
        parameters = list(inspect.signature(variant_registry.get(name), eval_str=True).parameters.values())[1:]
    except Exception as error:
        raise Broken(f"the signature of __init__ cannot be read: {type(error).__name__}: {error}") from error
    for parameter in parameters:
        key = parameter.name
        plain = parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        hold(plain, f"__init__ takes '{key}' by position: write `*, {key}: float = …`, and it is a hyperparameter")
        if parameter.kind is parameter.KEYWORD_ONLY:
            kinds = ", ".join(kind.__name__ for kind in KINDS)
            hold(parameter.annotation in KINDS, f"the hyperparameter '{key}' of __init__ needs an annotation: {kinds}")
            hold(parameter.default is not parameter.empty, f"the hyperparameter '{key}' of __init__ needs a default")


@torch.no_grad()
def hooks(name: str, **hp: object) -> None:
    """Each hook gives what the next step takes: `fuse_text` the shape that it got, `fuse_video` at least that."""
    variant, text, video = make(name, **hp), four_captions(), four_clips()
    for words in (("a happy man", ("joy",)), ("a man", ())):
        said = asked("phrase", variant.phrase, *words)
        hold(isinstance(said, str), f"phrase gives {said!r} for {words[0]!r}: give the text to tokenize")
    backbone = variant.backbone
    assert isinstance(backbone, ClipVip)  # `make` gave it
    tokens = backbone.embed_text(text.input_ids)
    found = asked("fuse_text", variant.fuse_text, tokens, text)
    hold(
        isinstance(found, Tensor) and found.shape == tokens.shape,
        f"fuse_text gives {_shapes([found])} for tokens of {_shapes([tokens])}: give the same shape (B, L, D)",
    )
    patches = backbone.embed_video(video.pixels)
    changed = asked("fuse_video", variant.fuse_video, patches, video)
    hold(isinstance(changed, VideoTokens), f"fuse_video gives {type(changed).__name__}: give VideoTokens")
    fits = all(
        len(one.shape) == len(other.shape)
        and (*one.shape[:-2], one.shape[-1]) == (*other.shape[:-2], other.shape[-1])
        and one.shape[-2] >= other.shape[-2]
        for one, other in ((changed.proxies, patches.proxies), (changed.patches, patches.patches))
    )
    mend = "keep (B, M, D) and (B, T, L, D); M and L may grow"
    hold(fits, f"fuse_video gives {_shapes([changed])} for {_shapes([patches])}: {mend}")


@torch.no_grad()
def features(name: str, **hp: object) -> None:
    """Features are (B, P) and of unit norm, or a row a sample where the variant has a similarity of its own."""
    variant, width = make(name, **hp), small_config().projection_dim
    for hook, found in encoded(variant).items():
        hold(isinstance(found, Tensor), f"{hook} gives {type(found).__name__}: give a tensor (B, P)")
        hold(len(found) == 4, f"{hook} gives {tuple(found.shape)} for 4 samples: give a row a sample")
        hold(found.isfinite().all(), f"{hook} gives features that are no numbers (NaN or infinite)")
        if not scores_by_itself(variant):
            mend = "give unit vectors of that width, or override similarity"
            hold(found.shape == (4, width), f"{hook} gives {tuple(found.shape)}, not (4, {width}): {mend}")
            norms = found.norm(dim=-1)
            span = f"{norms.min():.3g} to {norms.max():.3g}"
            unit = torch.allclose(norms, torch.ones(4), atol=1e-5)
            hold(unit, f"the features of {hook} have norms of {span}, not 1, and similarity is inherited: {mend}")


@torch.no_grad()
def repeated(name: str, **hp: object) -> None:
    """Two passes over one batch give the same features in evaluation."""
    variant = trained(name, **hp)
    first, second = encoded(variant), encoded(variant)
    for hook in first:
        same = torch.equal(first[hook], second[hook])
        hold(same, f"{hook} gives other features in a second pass over the same batch: draw nothing in evaluation")


@torch.no_grad()
def similarity(name: str, **hp: object) -> None:
    """A row a caption and a column a clip; a score does not depend on what else is scored."""
    variant = trained(name, **hp)
    text, video = encoded(variant).values()
    scores = asked("similarity", variant.similarity, text[:3], video)
    turned = " (transposed)" if scores.shape == (4, 3) else ""
    mend = "give a row a caption, a column a clip"
    hold(
        scores.shape == (3, 4),
        f"similarity gives {tuple(scores.shape)}{turned} for 3 captions and 4 clips, not (3, 4): {mend}",
    )
    square = asked("similarity", variant.similarity, text, video)
    pairs = [[variant.similarity(text[i : i + 1], video[j : j + 1]).item() for j in range(4)] for i in range(4)]
    single = torch.tensor(pairs)
    if torch.allclose(square.T, single, atol=1e-5) and not torch.allclose(square, single, atol=1e-5):
        raise Broken(f"similarity is transposed where there are as many captions as clips, (4, 4): {mend}")
    for found, alone in ((square, single), (scores, single[:3])):
        apart = f"{(found - alone).abs().max():.2g}"
        same = torch.allclose(found, alone, atol=1e-5)
        hold(same, f"similarity depends on what else is scored: a pair's score differs by {apart} when it is alone")


def gradients(name: str, **hp: object) -> None:
    """Every parameter that is trained has a gradient, and extra losses are scalars."""
    variant, text, video = trained(name, **hp).train(), four_captions(), four_clips()  # behind a shut gate all is zero
    texts, videos, scale, _ = asked("training", variant, text, video)
    extras = asked("extra_losses", variant.extra_losses, text, video, texts, videos)
    hold(isinstance(extras, dict), f"extra_losses gives {type(extras).__name__}: give {{name: scalar}}")
    for key, value in extras.items():
        found = _shapes([value])
        hold(isinstance(value, Tensor) and value.ndim == 0, f"extra_losses gives {found} as '{key}': give a scalar")
    loss = contrastive_loss(texts, videos, scale, variant.similarity) + sum(extras.values())
    asked("the gradient of the loss", loss.backward)
    learned = [(key, value) for key, value in variant.named_parameters() if value.requires_grad]
    without = [key for key, value in learned if value.grad is None or not value.grad.any()]
    hold(not without, f"the loss has no gradient for {', '.join(without)}: remove or use them")


def chunks(name: str, **hp: object) -> None:
    """A batch in chunks has the gradients of the whole, as `--train.chunk` needs it."""
    variant, text, video = trained(name, **hp), four_captions(), four_clips()  # in evaluation: without dropout

    def loss_of(texts: Tensor, videos: Tensor) -> Tensor:
        extras = variant.extra_losses(text, video, texts, videos)
        scale = variant.backbone.logit_scale.exp()
        return contrastive_loss(texts, videos, scale, variant.similarity) + sum(extras.values())

    def taken() -> dict[str, Tensor]:
        found = {key: value.grad for key, value in variant.named_parameters() if value.grad is not None}
        variant.zero_grad()
        return found

    asked("training", lambda *batch: loss_of(*variant(*batch)[:2]).backward(), text, video)
    whole = taken()
    parts = [(text.pick(rows), video.pick(rows)) for rows in (slice(0, 3), slice(3, 4))]
    asked("training in chunks", backward_in_chunks, parts, lambda part: variant(*part)[:2], loss_of)
    for key, found in taken().items():
        most = max(1.0, float(whole[key].abs().max())) if key in whole else 0.0  # large gradients round in proportion
        same = key in whole and torch.allclose(found, whole[key], atol=1e-5 * most)
        mend = "extra_losses must take what it needs from its arguments, and features from their own sample"
        hold(same, f"in chunks, the gradient of {key} is not that of the whole batch: {mend}")


@torch.no_grad()
def padding(name: str, **hp: object) -> None:
    """Padding does not change a caption's features."""
    variant, text = trained(name, **hp), four_captions()
    longer = replace(
        text,
        input_ids=torch.nn.functional.pad(text.input_ids, (0, 5), value=END),
        attention_mask=torch.nn.functional.pad(text.attention_mask, (0, 5)),
    )
    one, other = encoded(variant, text)["encode_text"], encoded(variant, longer)["encode_text"]
    same = torch.allclose(one, other, atol=1e-5)
    hold(same, "encode_text: padding changes a caption's features: use text.attention_mask")


@torch.no_grad()
def batches(name: str, **hp: object) -> None:
    """Features do not depend on the order or the size of the batch."""
    variant, text, video, rows = trained(name, **hp), four_captions(), four_clips(), [2, 0, 3]
    for hook, encode, batch in (
        ("encode_text", variant.encode_text, text),
        ("encode_video", variant.encode_video, video),
    ):
        whole, part = asked(hook, encode, batch)[rows], asked(hook, encode, batch.pick(rows))
        apart = f"{(whole - part).abs().max():.2g}"
        same = torch.allclose(whole, part, atol=1e-5)
        hold(same, f"in evaluation, {hook} depends on what else is in the batch: features differ by {apart}")


@torch.no_grad()
def saving(name: str, **hp: object) -> None:
    """Weights and buffers that are saved and opened as a run's give the same features; nothing is drawn anew."""
    variant = trained(name, **hp)
    for buffer in variant.buffers():
        if buffer.is_floating_point():
            buffer.add_(0.5)  # as training would move it
    with TemporaryDirectory() as folder:
        shape = Path(folder) / "config.json"
        shape.write_text(json.dumps(small_config().to_dict(), default=str), encoding="utf-8")
        weights = Path(folder) / "dataset" / "split" / name / "run" / "model.safetensors"
        save_weights(variant, caption_tokenizer(["a man"]), weights)
        torch.manual_seed(7)
        other, loaded = initialize(
            name, dict(hp), init="run:run", size=str(shape), frames=SMALL_FRAMES, vocabulary=300, results=Path(folder)
        )
    hold(not loaded.new, f"{', '.join(loaded.new)} are not saved: register them as parameters or buffers")
    again = encoded(other.eval())
    for hook, found in encoded(variant).items():
        same = torch.equal(found, again[hook])
        hold(same, f"saved and opened again, {hook} gives other features: keep what it learns in parameters or buffers")


def unknown_hyperparameter(name: str, **hp: object) -> None:
    """A hyperparameter that does not exist is an error."""
    try:
        make(name, no_such_thing=1)
    except UsageError as error:
        hold(f"'{name}' has no hyperparameter 'no_such_thing'" in str(error), str(error))
    else:
        raise Broken("__init__ takes a hyperparameter that does not exist: name each one")


@torch.no_grad()
def start(name: str, **hp: object) -> None:
    """A variant that claims to start as plain does, to the bit."""
    if variant_registry.get(name).starts_as_plain:
        plain = encoded(make("plain"))
        for hook, found in encoded(make(name)).items():
            hold(torch.equal(found, plain[hook]), f"starts_as_plain is claimed, but {hook} is not plain's at step 0")


@torch.no_grad()
def needs(name: str, **hp: object) -> None:
    """A variant does without what it does not ask for."""
    variant = make(name, **hp)
    text = four_captions() if variant.text_needs else replace(four_captions(), emotions=None)
    video = four_clips() if variant.video_needs else replace(four_clips(), faces=None, seen=None)
    try:
        encoded(variant, text, video)
    except Broken as error:
        raise Broken(f"{error}. What it reads it must ask for: text_needs, video_needs") from error


def size(name: str, **hp: object) -> None:
    """A variant adds as many parameters to B/32 as it claims."""
    claimed = variant_registry.get(name).adds_at_b32
    found = claimed if claimed is None else variant_registry.added_at_b32()[name]
    hold(claimed == found, f"adds_at_b32 is {claimed}, but it adds {found} parameters")


def listing(name: str, **hp: object) -> None:
    """`bench list variants` says what the class says, though it reads the source without importing it."""
    entry, variant = variant_registry.entries()[name], variant_registry.get(name)
    hold(entry.summary, "the class needs a docstring: its first sentence is shown by `bench list variants`")
    for field in ("text_needs", "video_needs"):
        listed, own = getattr(entry, field), getattr(variant, field)
        hold(listed == own, f"write `{field} = {own!r}` into the class itself; it is listed as {listed!r}")
    defaults = {key: repr(value) for key, value in variant_registry.parse_hyperparameters(name, {}).items()}
    hold(defaults == entry.hyperparameters, f"hyperparameters are listed as {entry.hyperparameters}, not {defaults}")
    hold(set(variant.learns_from) <= set(CLAIMS), f"learns_from takes {' and '.join(CLAIMS)}")


def _shapes(values: Iterable[Any]) -> str:
    """The shapes of tensors, batches and tokens: "(4, 10, 32), input_ids (4, 10)"."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(str(tuple(value.shape)))
        elif isinstance(value, (TextBatch, VideoBatch, VideoTokens)):
            name, tensor = next((name, part) for name, part in vars(value).items() if isinstance(part, Tensor))
            found.append(f"{name} {tuple(tensor.shape)}")
            if isinstance(value, VideoTokens):
                found.append(f"patches {tuple(value.patches.shape)}")
        else:
            found.append(repr(value)[:40])
    return ", ".join(found) or "nothing"


def _tensors(found: Any) -> list[Tensor]:
    if isinstance(found, VideoTokens):
        return [found.proxies, found.patches]
    return [found] if isinstance(found, Tensor) else []


_ALL = (
    *(hyperparameters, hooks, features, repeated, similarity, gradients, batches),
    *(padding, saving, unknown_hyperparameter, start, needs, size, listing, chunks),
)
RULES: dict[str, Rule] = {rule.__name__: rule for rule in _ALL}
QUICK = tuple(rule.__name__ for rule in _ALL[:7])  # of a plugin, before it trains
