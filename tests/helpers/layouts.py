"""Making annotation folders of the test's own."""

import json
from pathlib import Path


def link(folder: Path, *files: Path) -> Path:
    """Puts files into a folder of the test's own, without copying."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.name).symlink_to(file)
    return folder


def dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
