"""What Python source executes, apart from how it is written: for ids that change with code that matters."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SKIPPED = ("ctx", "kind", "type_comment", "type_ignores")  # follow from the rest, or say nothing


def executed(source: str, ignored: Collection[str] = (), only: Collection[str] = ()) -> str:
    """The parsed source as one line, without comments, layout, docstrings and imports. SyntaxError if it is none.

    Every string that stands as a statement is a docstring, below an attribute too: Python drops it.
    Equal for two files that do the same by the same statements, under every version of Python that parses them. A name
    that an import binds stands as what was imported, so that `from math import log as f` is not `from math import sqrt
    as f`, while the order of imports, and imports that nothing uses, change nothing.
    ignored: names whose assignment in a class's body does not count. only: names of the file's definitions; others
    count where these use them, or where a statement does that defines nothing. Without any all count.
    """
    tree = ast.parse(source)
    if only:
        tree.body = _reached(tree.body, only)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if _assigned(item) not in ignored]
    return _line(_Imported().visit(tree))


def code_digest(
    files: Iterable[Path], ignored: Collection[str] = (), only: Mapping[Path, Collection[str]] = MappingProxyType({})
) -> str:
    """64 hex digits of what the files execute, wherever they lie and in whatever order they are named.

    ignored: as in `executed`; only: likewise, for some of the files.
    """
    lines = sorted(executed(path.read_text(encoding="utf-8"), ignored, only.get(path, ())) for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def with_helpers(modules: Iterable[str]) -> set[Path]:
    """The files of modules, and of what they import of their own package, and so on, now or later.

    What a function imports counts before it was called, too. A package of a module is its first name: of
    `variants.film_text` all of `variants`. A file that is its own top-level module, such as a plugin, has no package to
    look in.
    """
    files: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in files or (file := _file_of(name)) is None:
            continue
        files[name] = file
        package = name.partition(".")[0]
        if package != name:
            waiting += [found for found in imports(file, name) if found.startswith(f"{package}.")]
    return set(files.values())


def _file_of(name: str) -> Path | None:
    """The file of a module, imported or not; None where there is none, as for a thing inside a module."""
    try:
        module = sys.modules.get(name)
        file = module.__file__ if module else getattr(importlib.util.find_spec(name), "origin", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return Path(file) if file and file.endswith(".py") else None


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


def _reached(body: list[ast.stmt], names: Collection[str]) -> list[ast.stmt]:
    """The statements that define the names, those that define what these use, and all that define nothing.

    All statements where one of the names is not defined at the top of the file.
    """
    defining: dict[str, list[ast.stmt]] = {}
    for item in body:
        for name in _defined(item):
            defining.setdefault(name, []).append(item)
    if not defining.keys() >= set(names):
        return body
    kept = {id(item) for item in body if not _defined(item)}
    waiting = [item for item in body if id(item) in kept] + [item for name in names for item in defining[name]]
    while waiting:
        item = waiting.pop()
        kept.add(id(item))
        used = {node.id for node in ast.walk(item) if isinstance(node, ast.Name)}
        waiting += [found for name in used & defining.keys() for found in defining[name] if id(found) not in kept]
    return [item for item in body if id(item) in kept]


def _defined(item: ast.stmt) -> set[str]:
    """The names that a function, a class or an assignment at the top of a file defines."""
    if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {item.name}
    if not isinstance(item, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return set()
    targets = item.targets if isinstance(item, ast.Assign) else [item.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _assigned(item: ast.stmt) -> str:
    """The name that a statement such as `x = 1` or `x: int = 1` gives a value, or nothing."""
    target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


class _Imported(ast.NodeTransformer):
    """Puts what an import brought in the place of each name that it bound, by the scopes of functions."""

    def __init__(self) -> None:
        self.origins: dict[str, str] = {}  # name -> what it stands for in the scope that is visited

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._in_scope(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.origins.get(node.id, node.id), node.ctx)

    def _in_scope(self, node: ast.AST) -> ast.AST:
        outer, inner = self.origins, list(_inside(node))
        arguments = {item.arg for item in ast.walk(getattr(node, "args", ast.Pass())) if isinstance(item, ast.arg)}
        stored = {item.id for item in inner if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
        bound: dict[str, list[str]] = {}  # several for one name: the last that could be imported
        for item in inner:
            for name, origin in _bound(item):
                bound.setdefault(name, []).append(origin)
        kept = {name: origin for name, origin in outer.items() if name not in arguments | stored}
        self.origins = {**kept, **{name: " or ".join(origins) for name, origins in bound.items()}}
        self.generic_visit(node)
        self.origins = outer
        return node


def _inside(scope: ast.AST) -> Iterable[ast.AST]:
    """Every node of a scope in the order of the source, without what is inside functions in it."""
    for item in ast.iter_child_nodes(scope):
        yield item
        if not isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _inside(item)


def _bound(item: ast.AST) -> list[tuple[str, str]]:
    """Each name that an import binds, and where it is from.

    Of bench only the name, for its modules move and a variant may take the same class from `bench` or from the module.
    """
    if isinstance(item, ast.Import):
        whole = [(alias.asname, alias.name) for alias in item.names if alias.asname]
        first = [alias.name.partition(".")[0] for alias in item.names if not alias.asname]
        return [*whole, *((name, name) for name in first)]
    if not isinstance(item, ast.ImportFrom):
        return []
    module = "." * item.level + (item.module or "")
    if module.partition(".")[0] == "bench":
        module = "bench"
    return [(alias.asname or alias.name, f"{module}.{alias.name}") for alias in item.names]


def _line(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(filter(None, map(_line, value)))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.Import) or (isinstance(value, ast.ImportFrom) and value.names[0].name != "*"):
        return ""
    if isinstance(value, ast.Expr) and isinstance(value.value, ast.Constant) and isinstance(value.value.value, str):
        return ""
    if isinstance(value, ast.If) and not value.orelse and all(_line(node) == "" for node in value.body):
        return ""  # `if TYPE_CHECKING:` and nothing but imports
    parts = dict(ast.iter_fields(value))
    if isinstance(value, _SCOPES) and ast.get_docstring(value, clean=False) is not None:
        parts["body"] = value.body[1:]
    known = {name: part for name, part in parts.items() if name not in _SKIPPED and part is not None and part != []}
    return f"{type(value).__name__}({' '.join(f'{name}={_line(part)}' for name, part in known.items())})"
