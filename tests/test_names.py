"""A name says one thing: no two modules, classes or shared constants of `bench` are called alike.

A constant counts where another module imports it; inside its own file a short name is plain enough.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench"
FILES = sorted(BENCH.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

SAME = {  # names that occur twice and mean the same thing both times
    "probe": "the probe of a run: analysis makes it, records hold it",
    "T": "a type variable, as everywhere in Python",
    "A": "likewise",
}


def twice(names: dict[str, set[str]]) -> dict[str, set[str]]:
    return {name: places for name, places in names.items() if len(places) > 1 and name not in SAME}


def bound(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Classes, type aliases and constants at the top of a module; whether each is a class or an alias of a type."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, True
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id.strip("_"):
                yield target.id, not target.id.isupper() and target.id[0].isupper()


def test_no_two_modules_have_one_name() -> None:
    names: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        if path.stem not in ("__init__", "__main__"):
            names[path.stem].add(str(path.relative_to(BENCH)))
    assert not twice(names)


def test_no_two_classes_have_one_name() -> None:
    names: dict[str, set[str]] = defaultdict(set)
    for path, tree in TREES.items():
        for name, is_class in bound(tree):
            if is_class:
                names[name].add(str(path.relative_to(BENCH)))
    assert not twice(names)


def test_no_two_constants_that_others_import_have_one_name() -> None:
    constants = {
        (".".join(path.relative_to(BENCH.parent).with_suffix("").parts).removesuffix(".__init__"), name)
        for path, tree in TREES.items()
        for name, is_class in bound(tree)
        if not is_class
    }
    names: dict[str, set[str]] = defaultdict(set)
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (node.module, alias.name) in constants:
                        names[alias.name].add(str(node.module))
    assert not twice(names)


def test_what_is_said_to_mean_the_same_still_occurs_twice() -> None:
    found: dict[str, set[Path]] = defaultdict(set)
    for path, tree in TREES.items():
        found[path.stem].add(path)
        for name, _ in bound(tree):
            found[name].add(path)
    assert all(len(found[name]) > 1 for name in SAME)
