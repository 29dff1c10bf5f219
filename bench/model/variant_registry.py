"""Variants by name: from `variants/`, from a plugin file, from installed packages (entry points `bench.variants`).

What exists is read from the source files without importing them, so that `bench list variants` needs no torch; a
variant is imported when it is asked for. Hence no `bench.utils.registry`, which imports what it lists.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from bench import __version__
from bench.errors import UsageError
from bench.model.model_names import HF
from bench.utils import plugins
from bench.utils.files import replacing, sha256
from bench.utils.names import did_you_mean
from bench.utils.paths import home
from bench.utils.source import code_digest, with_helpers

if TYPE_CHECKING:
    from bench.model.backbone import Backbone
    from bench.model.variant import Variant

C = TypeVar("C", bound=type)

ENTRY_POINTS = "bench.variants"
# What a class says of itself for tests to hold it to; no run is another one for it.
CLAIMS = ("starts_as_plain", "adds_at_b32", "learns_from", "plain_without_emotion", "counts_matter", "at_chance")
NEEDS = {"text_needs": ("emotions",), "video_needs": ("faces",)}  # what `Variant` says of them
_registered: dict[str, type["Variant"]] = {}


@dataclass(frozen=True)
class VariantEntry:
    """A variant as its source describes it."""

    name: str
    summary: str  # first sentence of the docstring
    hyperparameters: dict[str, str]  # name -> default, as written
    text_needs: tuple[str, ...]
    video_needs: tuple[str, ...]
    module: str  # what to import
    path: Path
    at_chance: str = ""  # as `Variant` has it


def register(name: str) -> Callable[[C], C]:
    """Class decorator: makes a subclass of `Variant` known as `name`. A name that is taken is an error."""

    def add(variant: C) -> C:
        for field, known_needs in NEEDS.items():
            needs = getattr(variant, field, ())
            if not isinstance(needs, tuple):
                raise UsageError(f"{_file_of(variant)}: {field} of '{name}' must be a tuple, not {needs!r}.")
            if odd := set(needs) - set(known_needs):
                what = f"{field} of '{name}' has '{min(odd)}'; what there is: {', '.join(known_needs)}."
                raise UsageError(f"{_file_of(variant)}: {what}")
        known = _registered.get(name)
        if known is not None and _file_of(known) != _file_of(variant):
            raise UsageError(
                f"the variant '{name}' is registered twice: in {_file_of(known)} and in {_file_of(variant)}."
            )
        _registered[name] = variant
        return variant

    return add


def entries() -> dict[str, VariantEntry]:
    """Every variant there is, by name; built-in ones first, each group in alphabetical order."""
    import variants

    found: dict[str, VariantEntry] = {}
    for path in sorted(Path(variants.__file__ or "").parent.glob("*.py")):
        _add(found, _read(path, f"variants.{path.stem}"))
    for point in _installed():
        spec = importlib.util.find_spec(point.module)
        if spec is None or spec.origin is None:
            raise UsageError(f"the installed package that offers '{point.name}' has no module {point.module}.")
        _add(found, _read(Path(spec.origin), point.module))
    for module in plugins.plugin_modules():
        _add(found, map(_as_imported, _of_plugin(module)))
    return found


def get(name: str) -> type["Variant"]:
    """The class registered as `name`, imported if need be. An unknown name is a UsageError with the nearest ones."""
    known = entries()
    if name not in known:
        raise UsageError(f"'{name}' is no variant.{did_you_mean(name, known)} See `bench list variants`.")
    importlib.import_module(known[name].module)
    found = _registered.get(name)
    if not _is_variant(found):
        raise UsageError(f"'{name}' in {known[name].path} is no variant: write `class X(Variant)`, `Variant` of bench.")
    return _registered[name]


def _is_variant(registered: Any) -> bool:
    from bench.model.variant import Variant

    return isinstance(registered, type) and issubclass(registered, Variant)


def source_digest(name: str) -> str:
    """Eight hex digits of what a variant executes: with other code it is another run.

    That is the parsed source, without comments, docstrings, imports and layout, of the files that its class and its
    bases below `Variant` are written in, and of what these import of their own package; CLAIMS are not counted. So
    a comment, a claim or an unused import changes no id, a constant beside the class does. Of a file with other
    variants only what the class and its bases use is counted. What comes from bench, torch or other packages is not
    looked at.
    """
    from bench.model.variant import Variant

    classes = [base for base in get(name).__mro__ if issubclass(base, Variant) and base is not Variant]
    shared = {other.__module__ for other in _registered.values() if other not in classes and _is_there(other)}
    only: dict[Path, set[str]] = {}
    for base in classes:
        if base.__module__ in shared:
            only.setdefault(Path(_file_of(base)), set()).add(base.__name__)
    return code_digest(with_helpers(base.__module__ for base in classes), CLAIMS, only)[:8]


def added_at_b32() -> dict[str, int]:
    """How many parameters each variant adds to CLIP-ViP B/32, by name.

    Counted on models without storage; that needs torch, so the counts are remembered until a variant's file changes.
    """
    known = entries()
    key = hashlib.sha256("".join([__version__, *(sha256(entry.path) for entry in known.values())]).encode()).hexdigest()
    memory = home() / "added_parameters.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        counts: dict[str, int] = json.loads(memory.read_text(encoding="utf-8"))[key]
        return {name: int(counts[name]) for name in known}
    import torch

    from bench.model.clip_vip import ClipVip, clip_config

    with torch.device("meta"):
        counts = {name: build(name, ClipVip(clip_config("b32"), frames=12), {}).added_parameters for name in known}
    with suppress(OSError), replacing(memory) as temporary:
        temporary.write_text(json.dumps({key: counts}), encoding="utf-8")
    return counts


def load_plugin(path: Path) -> None:
    """Imports a user's file, which registers its variants or anything else."""
    plugins.load_plugin(path)
    _read.cache_clear()  # the file may have been loaded before, and changed
    entries()  # a name that is taken shows here


def check_fits(name: str, model: str) -> None:
    """UsageError if a variant needs tokens and the model, as `--model` has it, lets nobody at them."""
    if not model.startswith(HF) or not get(name).needs_tokens():
        return
    fit = ", ".join(other for other in entries() if not get(other).needs_tokens())
    raise UsageError(
        f"{name} changes tokens inside CLIP-ViP's towers; of {model} there are only words and features. Variants that "
        f"fit it: {fit}."
    )


def build(name: str, backbone: "Backbone", hyperparameters: dict[str, Any]) -> "Variant":
    """The variant `name` around a backbone."""
    values = parse_hyperparameters(name, hyperparameters)
    try:
        return get(name)(backbone, **values)
    except Exception as error:  # what torch says of a number that it cannot use, or a fault in a user's file
        what = (
            str(error)
            if isinstance(error, (ValueError, RuntimeError, UsageError))
            else f"{type(error).__name__}: {error}"
        )
        raise UsageError(f"the variant '{name}' cannot be built with {values}: {what}") from error


def parse_hyperparameters(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All hyperparameters, the given ones brought to their annotated type; an unknown one is a UsageError."""
    signature = inspect.signature(get(name), eval_str=True)
    known = {p.name: p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    for key in given:
        if key not in known:
            have = f" It has: {', '.join(known)}." if known else " It has none."
            raise UsageError(f"the variant '{name}' has no hyperparameter '{key}'.{did_you_mean(key, known)}{have}")
    return {
        key: _convert(f"{name}'s {key}", given[key], parameter.annotation) if key in given else parameter.default
        for key, parameter in known.items()
    }


def _convert(what: str, value: Any, kind: type) -> Any:
    if kind is bool and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    try:
        if kind in (int, float, str):
            return kind(value)
    except (TypeError, ValueError):
        pass
    raise UsageError(f"{what} takes {getattr(kind, '__name__', kind)}, not '{value}'.")


@cache
def _installed() -> list[EntryPoint]:
    """One entry point for each module that may hold variants: those of variants, and those of anything.

    Looked for once a process: it means reading what every installed package says of itself.
    """
    points = [*entry_points(group=ENTRY_POINTS), *entry_points(group=plugins.GROUP)]
    return list({point.module: point for point in sorted(points, key=lambda point: point.name)}.values())


def _is_there(variant: type) -> bool:
    """Whether its module still has it: a plugin that is loaded again may not."""
    return getattr(sys.modules.get(variant.__module__), variant.__name__, None) is variant


def _file_of(variant: type) -> str:
    return inspect.getfile(variant)


def _add(found: dict[str, VariantEntry], new: Iterable[VariantEntry]) -> None:
    for entry in new:
        if entry.name in found:
            other = found[entry.name].module
            raise UsageError(f"the variant '{entry.name}' is registered twice: in {other} and in {entry.module}.")
        found[entry.name] = entry


@lru_cache
def _read(path: Path, module: str, imported: bool = False) -> tuple[VariantEntry, ...]:
    """The classes of a source file that carry `@register("name")`.

    UsageError: the file is no Python, or has a name that only importing it would tell, unless it was imported.
    """
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no Python that can be read: {error}. Mend it, or move it away.") from None
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    named = [(node, name) for node in classes for name in _names(node)]
    if not imported and (computed := [name for _, name in named if not isinstance(name, ast.Constant)]):
        raise UsageError(f"{path}: '@register({ast.unparse(computed[0])})' must have its name as a plain string.")
    return tuple(
        _describe(node, str(name.value), module, path) for node, name in named if isinstance(name, ast.Constant)
    )


def _of_plugin(module: ModuleType) -> list[VariantEntry]:
    """The variants of a plugin file, which is imported: also those whose name is no plain text in it."""
    path = Path(module.__file__ or "")
    found = {entry.name: entry for entry in _read(path, module.__name__, imported=True)}
    there = list(vars(module).values())  # what an earlier state of the file registered is not
    for name, variant in _registered.items():
        if name not in found and variant.__module__ == module.__name__ and any(one is variant for one in there):
            summary = (inspect.getdoc(variant) or "").split("\n\n")[0].replace("\n", " ")
            found[name] = VariantEntry(name, summary, {}, (), (), module.__name__, path)
    return list(found.values())


def _as_imported(entry: VariantEntry) -> VariantEntry:
    """A plugin's entry with what its class inherits: it is imported already, so it can be asked."""
    variant = _registered.get(entry.name)
    if variant is None or not _is_variant(variant):  # `get` says so
        return entry
    parameters = inspect.signature(variant).parameters.values()
    defaults = {p.name: repr(p.default) for p in parameters if p.kind is p.KEYWORD_ONLY}
    return replace(entry, hyperparameters=defaults, text_needs=variant.text_needs, video_needs=variant.video_needs)


def _names(node: ast.ClassDef) -> list[ast.expr]:
    """What a class is registered as, by `@register("name")` or `@register(name="name")`."""
    calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
    registered = [call for call in calls if ast.unparse(call.func).split(".")[-1] == "register"]
    keywords = [word.value for call in registered for word in call.keywords if word.arg == "name"]
    return [call.args[0] for call in registered if call.args] + keywords


def _describe(node: ast.ClassDef, name: str, module: str, path: Path) -> VariantEntry:
    hyperparameters: dict[str, str] = {}
    said: dict[str, Any] = {"text_needs": (), "video_needs": (), "at_chance": ""}
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            defaults = zip(item.args.kwonlyargs, item.args.kw_defaults, strict=True)
            hyperparameters = {argument.arg: ast.unparse(default) for argument, default in defaults if default}
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        value = getattr(item, "value", None)
        if target is not None and value is not None and ast.unparse(target) in said:
            try:
                said[ast.unparse(target)] = ast.literal_eval(value)
            except ValueError:
                written = f"{ast.unparse(target)} = {ast.unparse(value)}"
                raise UsageError(
                    f"{path}: '{written}' must be plain: a tuple such as (\"emotions\",), or text."
                ) from None
    summary = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
    return VariantEntry(name, summary, hyperparameters, **said, module=module, path=path)
