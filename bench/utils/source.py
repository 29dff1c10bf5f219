"""What Python source executes, apart from how it is written: for ids that change with code that matters."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SKIPPED = ("ctx", "kind", "type_comment", "type_ignores")  # follow from the rest, or say nothing


def executed(source: str, ignored: Collection[str] = ()) -> str:
    """The parsed source as one line, without comments, layout, docstrings and imports. SyntaxError if it is none.

    Equal for two files that do the same by the same statements, under every version of Python that parses them.
    ignored: names whose assignment in a class's body does not count.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if _assigned(item) not in ignored]
    return _line(tree)


def code_digest(files: Iterable[Path], ignored: Collection[str] = ()) -> str:
    """64 hex digits of what the files execute, wherever they lie and in whatever order they are named."""
    lines = sorted(executed(path.read_text(encoding="utf-8"), ignored) for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def with_helpers(modules: Iterable[str]) -> set[Path]:
    """The files of imported modules, and of what they import of their own package, and so on.

    A package of a module is its first name: of `variants.film_text` all of `variants`. A file that is its own
    top-level module, such as a plugin, has no package to look in.
    """
    files: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if name in files or file is None:
            continue
        files[name] = Path(file)
        package = name.partition(".")[0]
        if package != name:
            waiting += [found for found in imports(Path(file), name) if found.startswith(f"{package}.")]
    return set(files.values())


def imports(path: Path, module: str) -> set[str]:
    """Names that an import of the file may mean: modules, and things inside them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(dots, module.rpartition(".")[0])
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


def _assigned(item: ast.stmt) -> str:
    """The name that a statement such as `x = 1` or `x: int = 1` gives a value, or nothing."""
    target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _line(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(filter(None, map(_line, value)))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, (ast.Import, ast.ImportFrom)):
        return ""
    if isinstance(value, ast.If) and not value.orelse and all(_line(node) == "" for node in value.body):
        return ""  # `if TYPE_CHECKING:` and nothing but imports
    parts = dict(ast.iter_fields(value))
    if isinstance(value, _SCOPES) and ast.get_docstring(value, clean=False) is not None:
        parts["body"] = value.body[1:]
    known = {name: part for name, part in parts.items() if name not in _SKIPPED and part is not None and part != []}
    return f"{type(value).__name__}({' '.join(f'{name}={_line(part)}' for name, part in known.items())})"
