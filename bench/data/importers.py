"""Datasets by name: how each comes to be a folder of annotations and videos."""

from pathlib import Path

from bench.data.cards import load_card
from bench.errors import UsageError


def ensure(dataset: str, root: Path | None) -> Path:
    """The folder of a dataset, ready to open. moodclips is rendered on first use; the others are the user's folder."""
    load_card(dataset)
    if dataset == "moodclips":
        from bench.data.moodclips import ensure as render

        return render(root)
    return _given(dataset, root)


def prepare(dataset: str, root: Path | None) -> str:
    """Writes a dataset's annotations (moodclips: renders it) and says what was found and written."""
    load_card(dataset)
    if dataset == "moodclips":
        return str(ensure(dataset, root))
    from bench.data.msrvtt import prepare as prepare_msrvtt

    return str(prepare_msrvtt(_given(dataset, root)))


def download(dataset: str, root: Path) -> str:
    """Downloads a dataset to `root` from the address in its card, unpacks it, and says where it lies."""
    from bench.data.download import download as fetch
    from bench.data.download import unpack

    known = load_card(dataset).download
    if not known:
        raise UsageError(f"{dataset} needs no download: bench data prepare {dataset}")
    archive = fetch(known["url"], root / known["file"], sha256=known.get("sha256"), size=known.get("bytes"))
    unpacked = unpack(archive, root)
    counts = f"{unpacked.written} files unpacked, {unpacked.kept} were there"
    return f"{counts}\n{root}\nnext: bench data prepare {dataset} --root {root}"


def _given(dataset: str, root: Path | None) -> Path:
    if root is None:
        raise UsageError(f"where is {dataset}? --root DIR, the folder with its annotations and videos.")
    if not root.is_dir():
        raise UsageError(f"--root {root} is no folder. Name the one with {dataset}'s annotations and videos.")
    return root
