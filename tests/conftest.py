"""The one way to shared data, and a home of its own for every test run."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real annotations, clips, faces and golden values; the test skips where it is absent."""
    folder = Path(os.environ.get("BENCH_SHARED", ROOT / ".." / "shared")).resolve()
    if not (folder / "FACTS.md").is_file():
        pytest.skip(f"no shared test data at {folder} (BENCH_SHARED names the folder)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh $BENCH_HOME for the whole session: nothing of the user's cache is read or touched."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["BENCH_HOME"] = str(folder)
    return folder
