"""A notebook's code, run cell by cell in this process, as a kernel does it."""

import ast
import json
from pathlib import Path
from typing import Any


def run_notebook(path: Path) -> list[Any]:
    """Runs the code cells in order, with the names of the earlier ones; gives each cell's last value, None without one.

    As in a kernel, the value of a last line is shown, so its `repr` is asked for; a `;` at its end hides it.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        tree = ast.parse(source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path.name}, cell {number}", "exec"), names)
        value = eval(ast.unparse(last), names) if last else None
        shown.append(None if source.rstrip().endswith(";") else value)
        repr(shown[-1])
    return shown
