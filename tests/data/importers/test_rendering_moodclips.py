"""What rendering moodclips leaves for later runs."""

from pathlib import Path

import pytest

from bench.data.importers import moodclips
from bench.data.video import find_videos, look
from bench.data.video_memory import mark, read_memory


def test_rendered_clips_are_known_to_be_good_and_not_looked_at_again(tmp_path: Path) -> None:
    """What is remembered of each is what a look at it finds."""
    folder = moodclips.ensure(tmp_path / "clips", train=4, val=0, test=0, workers=1)
    clips = find_videos(folder / "videos").values()
    memory = read_memory()
    assert {mark(clip): memory[mark(clip)] for clip in clips} == {mark(clip): look(clip) for clip in clips}


def test_a_folder_in_the_cache_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    moodclips.ensure(train=1, val=0, test=0, workers=1)
    checked: list[Path] = []
    monkeypatch.setattr(moodclips, "_check", lambda folder, size: checked.append(folder))
    folder = moodclips.ensure(train=1, val=0, test=0, workers=1)
    assert checked == [folder]
