"""Where things lie: the user's cache folder, and the dataset cards in a checkout or in an installed wheel."""

import os
from pathlib import Path

import platformdirs

HERE = Path(__file__).parent


def home() -> Path:
    """The cache folder for rendered clips, scores and lexicon caches: $BENCH_HOME, or the system's place for caches."""
    return Path(os.environ.get("BENCH_HOME") or platformdirs.user_cache_dir("emotion-video-bench", appauthor=False))


def cards() -> Path:
    """The folder with one folder per dataset: `datasets/` of the checkout, or the copy that the wheel carries."""
    checkout = HERE.parent / "datasets"
    installed = HERE / "_datasets"
    return installed if installed.is_dir() else checkout
