"""The one way to shared data, and a home of its own for every test run."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

# One thread a process, here and in the processes that tests start: side by side, threads of torch wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A background job starts with Ctrl-C switched off and hands that on to its children; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="module", autouse=True)
def no_plugin_left() -> Iterator[None]:
    """Plugin files that a module of tests loads are forgotten after it: processes of other tests would load them."""
    from bench.utils import plugins

    before = dict(plugins._files)
    yield
    plugins._files.clear()
    plugins._files.update(before)


@pytest.fixture(scope="module", autouse=True)
def usual_priority() -> Iterator[None]:
    """No module of tests leaves the process at another priority: beside a real-time one all others starve."""
    scheduler = getattr(os, "sched_getscheduler", lambda process: None)  # Linux has it
    before = scheduler(0)
    yield
    assert scheduler(0) == before


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a prepared MSR-VTT: 12 training and 6 test clips, drawn here, a moving square each."""
    import numpy as np

    from bench.data.annotation import Annotation, Clip, save_annotation
    from bench.data.faces import BOX, EXPRESSIONS, write_faces
    from bench.data.video import write_video

    def faces_of(clips: list[Clip]) -> dict[str, list]:
        """Random scores for every other frame of every clip; a third of those frames show no face."""
        columns: dict[str, list] = {}
        for clip in clips:
            for frame in range(0, 10, 2):
                face = dict.fromkeys(("face", *EXPRESSIONS, *BOX, "confidence"))
                if rng.random() < 0.67:
                    scores = zip(EXPRESSIONS, rng.dirichlet(np.ones(7)).tolist(), strict=True)
                    face |= {"face": 0, **dict(scores), **dict.fromkeys(BOX, 20), "confidence": 0.9}
                for name, value in {"video": clip.video, "frame": frame, "frames": 10, **face}.items():
                    columns.setdefault(name, []).append(value)
        return columns

    root = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    words = ["happy", "sad", "angry", "green", "tall", "old"]
    clips = []
    for number in range(18):
        frames = np.full((10, 64, 64, 3), rng.integers(256, size=3), np.uint8)
        for t, frame in enumerate(frames):
            frame[20 + t : 40 + t, 10 + 2 * t : 30 + 2 * t] = rng.integers(256, size=3)
        write_video(root / "videos" / f"video{number}.mp4", frames, 6)
        sentences = [f"a {words[number % 6]} {words[(number + k) % 6]} man number {number}" for k in range(1, 4)]
        clips.append(Clip(f"video{number}", tuple(sentences)))
    tests = tuple(Clip(clip.video, clip.captions[:1]) for clip in clips[12:])
    write_faces(faces_of(clips), root / "faces.parquet", "drawn at random for a test", {})
    save_annotation(Annotation("msrvtt", "9k", tuple(clips[:12])), root)
    save_annotation(Annotation("msrvtt", "1k-A", tests, {"emotion": (0, 1, 2)}, {0: 1, 1: 0}), root)
    return root


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for all tests of a module; they skip where there is none."""
    from helpers.browser import browser

    with browser() as found:
        yield found


@pytest.fixture
def command(small: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Makes the command line of a run over `small` that takes seconds: command("results", seed=7, train__lr=1e-4)."""

    def make(results: str = "results", **settings: object) -> list[str]:
        words: dict[str, object] = {"dataset": "msrvtt", "root": small, "init": "random", "results": tmp_path / results}
        words |= {"model__size": "tiny", "model__tokenizer": "captions", "model__tokens": 32}
        words |= {"video__size": 64, "video__frames": 4, "video__workers": 0}
        words |= {"train__batch": 4, "train__accumulation": 1, "train__epochs": 2, "train__lr": 1e-3}
        words |= settings
        return [
            "run",
            *(word for name, value in words.items() for word in (f"--{name.replace('__', '.')}", str(value))),
        ]

    return make


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    """A copy of `small` that a test may damage."""
    return shutil.copytree(small, tmp_path / "folder")
