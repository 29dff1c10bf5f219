"""Where things lie: the user's cache folder; dataset cards and published numbers, in a checkout or in a wheel."""

import os
from pathlib import Path

import platformdirs

HERE = Path(__file__).parents[1]  # the package


def home() -> Path:
    """The cache folder for rendered clips, scores and lexicon caches: $BENCH_HOME, or the system's place for caches."""
    if named := os.environ.get("BENCH_HOME"):
        return Path(os.path.expanduser(named))  # noqa: PTH111, Path's own raises where there is no such user
    return Path(platformdirs.user_cache_dir("emotion-video-bench", appauthor=False))


def cards() -> Path:
    """The folder with one folder per dataset: `datasets/` of the checkout, or the copy that the wheel carries."""
    checkout = HERE.parent / "datasets"
    installed = HERE / "_datasets"
    return installed if installed.is_dir() else checkout


def published() -> Path:
    """The folder of the literature's numbers: `results/published/` of the checkout, or the copy that the wheel carries.

    It is not the user's results folder, which --results may name.
    """
    checkout = HERE.parent / "results" / "published"
    installed = HERE / "_published"
    return installed if installed.is_dir() else checkout
