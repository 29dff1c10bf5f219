"""The layout of `bench`: one folder a topic, imports downwards only, no circle, no file too long. Walks its sources.

`if TYPE_CHECKING:` and imports inside functions count as well: they are no way up, only later.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench"

# From the street down to the cellar; a room imports from itself and from those below it.
ROOMS = {
    "cli": "the console script",
    "commands": "the command line: it may call everything",
    "report": "records to pages, of which the search's page borrows pictures",
    "demo": "the search as a page",
    "analysis": "what a trained model does; the demo explains its scores with it",
    "grid": "many runs, each of which the engine makes",
    "compare": "records to tables and verdicts",
    "search": "a folder of videos as an index; it opens runs of the engine",
    "engine": "one run from its config to its record",
    "records": "the record and its checks, and published numbers; metrics are recomputed from ranks",
    "face_detection": "faces in clips, as the table that data reads",
    "metrics": "what is measured, on numbers alone",
    "model": "CLIP-ViP, variants, checkpoints; its batches are data's",
    "data": "cards, splits, decoding, batches; a caption's emotions are scored when a batch is made",
    "emotions": "emotion sources and edits of captions",
    "config": "the settings",
    "utils": "nothing of our field",
    "errors": "what may be raised anywhere",
}
ORDER = list(ROOMS)
ENTRANCES = {"__init__", "__main__"}  # the package's public names come from any room; __main__ calls cli
MOST_LINES = 400


def sources() -> Iterator[tuple[str, Path]]:
    """Every module's name and file."""
    for path in sorted(BENCH.rglob("*.py")):
        parts = path.relative_to(BENCH.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(sources())


def room(module: str) -> str:
    """The room of bench.room.… ; the package itself is "__init__"."""
    return module.split(".")[1] if "." in module else "__init__"


def imported(node: ast.AST) -> list[str]:
    """The modules of bench that an import statement names; of `from package import module`, that module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.partition(".")[0] == "bench"]
    if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != "bench":
        return []
    whole = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else str(node.module) for name in whole]


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when a module is imported: not those in functions, nor for the type checker alone."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


def test_the_rooms_are_those_of_the_plan() -> None:
    """`ls bench` is the table of contents; data files of the wheel (_datasets, _published) are no rooms."""
    there = {
        path.stem
        for path in BENCH.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")) and path.name[0] != "_")
    }
    assert there == set(ROOMS) | ENTRANCES


def test_imports_lead_downwards() -> None:
    up = [
        f"{MODULES[module]}:{node.lineno} imports {name}, and {room(module)} lies below it"  # type: ignore[attr-defined]
        for module, tree in TREES.items()
        if room(module) not in ENTRANCES
        for node in ast.walk(tree)
        for name in imported(node)
        if name != "bench" and ORDER.index(room(name)) < ORDER.index(room(module))
    ]
    assert not up


def test_nothing_but_its_version_is_taken_from_the_package_itself() -> None:
    """Its names are for users: from inside they would lead up."""
    taken = [
        (module, alias.name)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "bench"
        for alias in node.names
        if f"bench.{alias.name}" not in MODULES and alias.name != "__version__"
    ]
    assert not taken


def test_no_import_is_relative() -> None:
    relative = [
        f"{MODULES[module]}:{node.lineno}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Also not by way of others; what a function imports when it is called makes no circle."""
    waits_for = {
        module: {name for node in at_import(tree) for name in imported(node) if name not in (module, "bench")}
        for module, tree in TREES.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join([*path[path.index(module) :], module])}"
        if module not in done:
            for name in sorted(waits_for[module]):
                visit(name, (*path, module))
            done.add(module)

    for module in waits_for:
        visit(module, ())


def bound(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that a statement at the top of a module binds, each with what it was imported as, if it was."""
    if isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, ""
    elif isinstance(node, ast.Assign):
        yield from ((target.id, "") for target in node.targets if isinstance(target, ast.Name))


def test_no_name_of_a_package_hides_one_of_its_modules() -> None:
    """Where one did, `import bench.compare.groups as g` would give a function."""
    hidden = [
        f"{MODULES[package]}:{node.lineno} hides the module {package}.{name}"
        for package, tree in TREES.items()
        for node in tree.body
        for name, source in bound(node)
        if f"{package}.{name}" in MODULES and source != f"{package}.{name}"
    ]
    assert not hidden


def test_no_file_is_too_long() -> None:
    """One that is holds two topics; give one of them a file of its own."""
    files = [path for folder in ("bench", "variants", "tests") for path in (BENCH.parent / folder).rglob("*.py")]
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}
