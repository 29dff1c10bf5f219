"""What a result was made with: code, libraries, hardware. For the record; nothing heavy is imported to find out."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import __version__
from bench.utils.machine import usable_cores

LIBRARIES = (
    "torch",
    "transformers",
    "accelerate",
    "numpy",
    "tokenizers",
    "av",
    "decord",
    "nltk",
    "nrclex",
    "vaderSentiment",
    "scipy",
    "pandas",
)
CHECKOUT = Path(__file__).parents[2]
SOURCES = ("bench", "variants", "datasets", "pyproject.toml")  # what can change a result; results/ itself cannot


def environment(accelerators: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """`code`, `libraries` and `hardware` of a record.

    accelerators: names of the devices that the run used, as the caller knows them.
    A library that is not installed is left out; what the system does not tell is None.
    """
    return {
        "code": {"version": __version__, **_commit(CHECKOUT)},
        "libraries": {"python": platform.python_version(), **_versions()},
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "cpu": _cpu(),
            "cores": usable_cores(),
            "memory_gb": _memory_gb(),
            "accelerators": list(accelerators),
        },
    }


def installed() -> dict[str, str]:
    """What processes that train one model together must have alike: the source of bench and variants, the libraries."""
    digest = hashlib.sha256()
    for file in sorted(file for package in ("bench", "variants") for file in (CHECKOUT / package).rglob("*.py")):
        digest.update(f"{file.relative_to(CHECKOUT)}\n".encode() + file.read_bytes())
    return {
        "bench": f"{__version__} with the checksum {digest.hexdigest()[:8]}",
        "Python": platform.python_version(),
        **_versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit(checkout: Path) -> dict[str, Any]:
    """Of the package's own checkout: an installed wheel has none, even if it lies inside someone's repository."""
    unknown = {"commit": None, "dirty": None}
    if not (checkout / ".git").exists():
        return unknown
    # inside a git hook GIT_DIR points at the hook's repository
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(checkout), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=variables)
        return done.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", *SOURCES))}
    except (OSError, subprocess.SubprocessError):  # no git, no commit yet, not our repository
        return unknown


def _cpu() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or None


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
