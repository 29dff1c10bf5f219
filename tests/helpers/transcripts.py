"""Transcripts in documents: the commands of a console block, each with what it prints."""

import re
from pathlib import Path


def transcript(document: str) -> list[tuple[str, str]]:
    """Each command of the document's ```console blocks, without "$ ", and the lines below it."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", document, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            while command.endswith("\\"):
                more, _, printed = printed.partition("\n")
                command = command[:-1] + more.removeprefix("> ").strip()
            found.append((command, printed))
    return found


def write_shown(commands: list[tuple[str, str]], folder: Path) -> None:
    """The files that the document shows by `cat FILE`."""
    for command, printed in commands:
        if command.startswith("cat "):
            (folder / command.removeprefix("cat ")).write_text(printed, encoding="utf-8")
