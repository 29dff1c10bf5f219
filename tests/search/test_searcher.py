"""Asking: what is found, what is shown, and which words do not fit an index."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.asking import Capture, failure, output
from helpers.search import SeesColours, as_encoder, clip, trained

from bench.cli import main
from bench.data.faces import BOX, EXPRESSIONS, write_faces
from bench.emotions import EMOTIONS
from bench.errors import BenchError, UsageError
from bench.search import building, index_store, models
from bench.search.reading import WindowFrames
from bench.search.searcher import Choice, Searcher, open_folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[SeesColours]:
    """Every model that is loaded sees colours; its digest is the number of names before it."""
    made: list[SeesColours] = []
    digests: dict[str, str] = {}

    def load(name: str, *rest: object) -> object:
        made.append(SeesColours(name, digests.setdefault(name, str(len(digests)))))
        return as_encoder(made[-1])

    monkeypatch.setattr(models, "load", load)
    monkeypatch.setattr(models, "latest_run", lambda results: "latest")
    return made


def opened(folder: Path, **words: object) -> Searcher:
    backend = str(words.pop("backend", "numpy"))
    return open_folder(folder, folder.parent / "results", Choice(**{"model": "clip:a", **words}), backend=backend)


def found(searcher: Searcher, query: str, k: int = 5, emotion: str = "") -> list[tuple[str, float, float]]:
    return [(one.file, one.start, one.end) for one in searcher.ask(query, k, emotion).moments]


# --- what is found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "faiss"])
def test_the_moments_that_fit_come_first(clips: Path, loaded: list, backend: str) -> None:
    if backend == "faiss":
        pytest.importorskip("faiss", reason="the extra faiss is not installed")
    assert found(opened(clips, backend=backend), "something blue", 3) == [
        ("blue.mp4", 0, 2),
        ("long.mp4", 20, 30),
        ("long.mp4", 30, 40),
    ]


def test_moments_of_one_file_do_not_overlap(clips: Path, loaded: list) -> None:
    """The long clip has seven windows, one every 5 s; of those in red the middle one overlaps both others."""
    answers = [one for one in found(opened(clips), "red", 20) if one[0] == "long.mp4"]
    assert all(one == other or one[2] <= other[1] or one[1] >= other[2] for one in answers for other in answers)
    assert len(answers) >= 3


def test_scores_are_sorted_and_are_those_of_the_model(clips: Path, loaded: list) -> None:
    moments = opened(clips).ask("red", 10).moments
    scores = [one.score for one in moments]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=0.01)


def test_k_moments_come_if_there_are_as_many(clips: Path, loaded: list) -> None:
    searcher = opened(clips)
    assert [len(found(searcher, "red", k)) for k in (1, 2, 6)] == [1, 2, 6]
    assert 6 <= len(found(searcher, "red", 100)) < 10


def test_a_query_s_words_say_its_emotions_whatever_their_capitals(clips: Path, loaded: list) -> None:
    searcher = opened(clips)
    lower, upper = searcher.ask("happy smiling people"), searcher.ask("  Happy smiling\tPEOPLE ")
    assert lower.emotions["joy"] == 2  # happy, smiling: both are words of joy in the NRC lexicon
    assert upper.emotions == lower.emotions and list(lower.emotions) == list(EMOTIONS)


def test_a_query_s_curly_quotes_are_plain(clips: Path, loaded: list) -> None:
    searcher = opened(clips)
    assert not searcher.ask("I don’t").emotions["trust"]  # "don" is a word of trust
    assert searcher.ask("‘happy’ “people”").moments == searcher.ask("happy people").moments


def test_an_empty_query_and_a_k_of_nothing_are_errors(clips: Path, loaded: list) -> None:
    searcher = opened(clips)
    with pytest.raises(UsageError, match="an empty query"):
        searcher.ask("  ")
    with pytest.raises(UsageError, match="-k takes a number of at least 1"):
        searcher.ask("red", 0)


# --- nothing twice --------------------------------------------------------------------------------------------------


def test_a_search_indexes_what_is_missing_with_the_model_that_is_loaded_for_the_query(
    clips: Path, loaded: list
) -> None:
    first = opened(clips)
    assert (len(loaded), loaded[0].seen) == (1, 3 + 7)
    assert first.summary.new == 4
    second = opened(clips)
    found(second, "red")
    assert (len(loaded), loaded[1].seen) == (2, 0)
    assert second.summary.kept == 4


def test_a_deleted_clip_is_not_found_any_more(clips: Path, loaded: list) -> None:
    opened(clips)
    (clips / "green.mp4").unlink()
    assert "green.mp4" not in {one[0] for one in found(opened(clips), "green", 20)}


def test_without_words_the_index_s_own_model_is_taken_or_else_the_latest_run(clips: Path, loaded: list) -> None:
    open_folder(clips, Path("results"))
    assert loaded[-1].described.name == "run:latest"
    opened(clips, model="clip:b", window=5.0, replace=True)
    again = open_folder(clips, Path("results"))
    assert loaded[-1].described.name == "clip:b"
    assert (again.store.about.window, again.summary.new) == (5.0, 0)


# --- an index that was made otherwise -------------------------------------------------------------------------------


def test_a_run_that_is_none_is_said_before_an_index_of_another_model_is(clips: Path, loaded: list) -> None:
    opened(clips)
    with pytest.raises(UsageError, match="no record of a run 'mine'"):
        opened(clips, model="run:mine")


def test_another_model_is_an_error_that_says_what_to_run(clips: Path, loaded: list) -> None:
    opened(clips)
    record = clips.parent / "results" / "moodclips" / "train" / "plain" / "mine.json"
    record.parent.mkdir(parents=True)
    record.touch()
    with pytest.raises(UsageError) as error:
        opened(clips, model="run:mine")
    assert str(error.value) == (
        f"the index of {clips} was made with clip:a, not run:mine. Leave that out to use it as it is, or make it "
        f"again: bench index {clips} --run mine --replace"
    )
    assert len(loaded) == 1


def test_a_model_whose_weights_changed_is_an_error_that_says_what_to_run(
    clips: Path, loaded: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(clips)
    monkeypatch.setattr(models, "load", lambda name, *rest: as_encoder(SeesColours(name, "changed")))
    with pytest.raises(BenchError, match=r"clip:a has changed since .* --model clip:a --replace"):
        opened(clips)
    assert opened(clips, replace=True).summary.new == 4


def test_another_window_is_an_error_and_replace_mends_it(clips: Path, loaded: list) -> None:
    opened(clips)
    with pytest.raises(UsageError, match=r"windows of 10 s, not 4 s.* --window 4 --replace"):
        opened(clips, window=4.0)
    assert len(opened(clips, window=4.0, replace=True).store) == 3 + 19
    assert len(opened(clips).store) == 3 + 19


def test_a_window_that_is_too_short_is_an_error(clips: Path, loaded: list) -> None:
    with pytest.raises(UsageError, match=r"--window takes seconds, at least 0\.5"):
        opened(clips, window=0.1)


def test_a_folder_without_a_video_is_an_error(tmp_path: Path, loaded: list) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match="there is no video below"):
        opened(tmp_path / "empty")


# --- faces ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def faces(tmp_path: Path) -> dict[str, str]:
    """Scores for each clip: red is happy, green is angry, blue is calm, and the long one shows no face."""
    looks = {"red": "happy", "green": "angry", "blue": "neutral", "long": ""}
    rows = []
    for name, look in looks.items():
        scores = [0.9 if one == look else 0.1 / 6 for one in EXPRESSIONS]
        rows += [(name, frame, 10, *((0, *scores, 1, 2, 3, 4, 1.0) if look else (None,) * 13)) for frame in range(10)]
    columns = ("video", "frame", "frames", "face", *EXPRESSIONS, *BOX, "confidence")
    path = tmp_path / "faces.parquet"
    write_faces({name: [row[index] for row in rows] for index, name in enumerate(columns)}, path, "by hand", {})
    return {"model": str(path)}


def test_a_filter_keeps_the_clips_whose_faces_show_that_emotion_most(clips: Path, loaded: list, faces: dict) -> None:
    searcher = opened(clips, faces="sidecar", settings=faces)
    assert found(searcher, "green", emotion="joy") == [("red.mp4", 0, 2)]
    assert found(searcher, "red", emotion="anger") == [("green.mp4", 0, 2)]
    assert found(searcher, "red", emotion="fear") == []


def test_moments_tell_what_their_faces_show(clips: Path, loaded: list, faces: dict) -> None:
    moments = {one.file: one.faces for one in opened(clips, faces="sidecar", settings=faces).ask("red", 10).moments}
    joy, calm = moments["red.mp4"], moments["blue.mp4"]
    assert joy and joy["joy"] == pytest.approx(0.9, abs=0.01) and max(joy, key=lambda one: joy[one]) == "joy"
    assert calm and calm["calm"] == pytest.approx(0.9 + 0.1 / 6 - 0.1 / 6, abs=0.02)
    assert moments["long.mp4"] is None


def test_faces_are_found_in_later_clips_without_being_asked_for_again(clips: Path, loaded: list, faces: dict) -> None:
    (clips / "red.mp4").rename(clips.parent / "red.mp4")
    opened(clips, faces="sidecar", settings=faces)
    (clips.parent / "red.mp4").rename(clips / "red.mp4")
    assert found(opened(clips), "red", emotion="joy") == [("red.mp4", 0, 2)]


def test_a_filter_without_faces_says_what_to_run(clips: Path, loaded: list) -> None:
    with pytest.raises(UsageError, match=r"has no faces.*bench index .* --model clip:a --replace --faces BACKEND"):
        opened(clips).ask("red", emotion="joy")


def test_what_cannot_be_asked_is_refused_before_anything_is_indexed(clips: Path, loaded: list) -> None:
    with pytest.raises(UsageError, match=r"would have no faces.*bench index .* --model clip:a --faces BACKEND"):
        open_folder(clips, Path("results"), Choice("clip:a"), emotion="joy")
    assert loaded[0].seen == 0


@pytest.mark.parametrize("emotion", ["trust", "anticipation", "hapiness"])
def test_a_filter_that_no_face_can_pass_is_an_error(clips: Path, loaded: list, emotion: str) -> None:
    with pytest.raises(UsageError, match=f"--filter '{emotion}' is not known.* joy, fear"):
        opened(clips).ask("red", emotion=emotion)


def test_faces_by_other_weights_are_an_error(clips: Path, loaded: list, faces: dict) -> None:
    opened(clips, faces="sidecar", settings=faces)
    clip(clips / "new.mp4", "red")
    path = Path(faces["model"])
    path.write_bytes(path.read_bytes().replace(b"by hand", b"BY HAND"))
    with pytest.raises(BenchError, match=r"has changed since the faces of .* --replace"):
        opened(clips)


def test_settings_of_faces_need_a_backend(clips: Path, loaded: list, faces: dict) -> None:
    with pytest.raises(UsageError, match="--faces-model is a setting of a backend"):
        opened(clips, settings=faces)


# --- an index in place of another ------------------------------------------------------------------------------------


def broken_model(monkeypatch: pytest.MonkeyPatch, after: int = 0, error: type[BaseException] | None = None) -> None:
    """The next model gives NaN, or raises, once it has seen that many windows."""

    class Breaks(SeesColours):
        def windows(self, seen: Sequence[WindowFrames]) -> np.ndarray:
            if self.seen >= after and error:
                raise error
            return super().windows(seen) * (np.nan if self.seen > after else 1)

    monkeypatch.setattr(models, "load", lambda name, *rest: as_encoder(Breaks(name, "broken")))


def files_of(folder: Path) -> list[str]:
    """What lies on disk for a folder's index, and beside it."""
    place = index_store.place(folder)
    beside = [path.name for path in place.parent.glob(f"{place.name}-*")]
    return sorted(path.name for path in place.iterdir()) + beside


def test_a_broken_model_leaves_the_index_that_it_was_to_replace(
    clips: Path, loaded: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = found(opened(clips), "something blue")
    files = files_of(clips)
    with monkeypatch.context() as patch:
        broken_model(patch)
        with pytest.raises(BenchError, match="features that are no numbers"):
            opened(clips, model="clip:broken", replace=True)
    assert files_of(clips) == files
    again = open_folder(clips, clips.parent / "results")
    assert (again.store.about.model, again.summary.windows) == ("clip:a", 0)
    assert found(again, "something blue") == before


def test_an_interrupted_replacement_goes_on_and_until_then_the_old_index_answers(
    clips: Path, loaded: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 1)
    before = found(opened(clips), "something blue")
    with monkeypatch.context() as patch:
        broken_model(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            opened(clips, model="clip:b", replace=True)
    between = open_folder(clips, clips.parent / "results")
    assert (between.store.about.model, found(between, "something blue")) == ("clip:a", before)
    monkeypatch.setattr(models, "load", lambda name, *rest: as_encoder(SeesColours(name, "broken")))
    after = opened(clips, model="clip:b", replace=True)
    assert (after.store.about.model, after.summary.kept) == ("clip:b", 2)
    assert found(after, "something blue") == before
    assert files_of(clips) == ["features-1.f16", "lock", "manifest.jsonl"]
    assert found(open_folder(clips, clips.parent / "results"), "something blue") == before


def test_what_was_begun_with_other_settings_is_not_gone_on_with(
    clips: Path, loaded: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 1)
    opened(clips)
    with monkeypatch.context() as patch:
        broken_model(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            opened(clips, model="clip:b", replace=True)
    assert opened(clips, model="clip:c", replace=True).summary.kept == 0


def test_an_index_without_windows_keeps_its_model(tmp_path: Path, loaded: list) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "broken.mp4").write_bytes(b"no video")
    assert len(opened(folder).store) == 0
    searcher = open_folder(folder, tmp_path / "results")
    assert searcher.store.about.model == "clip:a" and found(searcher, "blue") == []
    with pytest.raises(UsageError, match="was made with clip:a, not clip:b"):
        opened(folder, model="clip:b")


def test_every_trouble_is_a_line_of_its_own(clips: Path, loaded: list, capsys: Capture) -> None:
    for name in ("broken.mp4", "two\nlines.mp4"):
        (clips / name).write_bytes(b"no video")
    (clips / ".hidden.mp4").write_bytes(b"")
    main(["search", "blue", "--videos", str(clips), "--model", "clip:a"])
    lines = capsys.readouterr().err.splitlines(keepends=True)
    assert [line.split(": ")[-1] for line in lines[:3]] == [
        "damaged, cut off or not a video\n",
        "damaged, cut off or not a video\n",
        ".hidden.mp4\n",
    ]
    assert lines[3].startswith("clips: 6 new") and all(line.endswith("\n") for line in lines)


def test_json_names_a_file_whose_name_is_no_text(clips: Path, loaded: list, capsys: Capture) -> None:
    os.rename(clips / "blue.mp4", os.fsencode(clips) + b"/bl\xfce.mp4")  # noqa: PTH104
    main(["search", "blue", "--videos", str(clips), "--model", "clip:a", "--json"])
    said = capsys.readouterr().out
    assert said.isascii()
    assert os.fsencode(json.loads(said)["moments"][0]["file"]) == b"bl\xfce.mp4"


# --- the command line -----------------------------------------------------------------------------------------------


def test_a_run_that_needs_faces_says_so_and_works_with_them(
    small: Path, tmp_path: Path, clips: Path, capsys: Capture, faces: dict
) -> None:
    results = tmp_path / "results"
    run = trained(small, results, "late_fusion")
    capsys.readouterr()
    where = ["--run", run, "--results", str(results)]
    code, line = failure(["search", "happy", "--videos", str(clips), *where], capsys)
    assert code == 2 and "needs facial expressions" in line and f"--run {run} --faces BACKEND" in line
    with_faces = ["--faces", "sidecar", "--faces-model", faces["model"]]
    output(["index", str(clips), *where, *with_faces], capsys)
    answer = json.loads(output(["search", "happy", "--videos", str(clips), "--filter", "joy", "--json"], capsys))
    assert [one["file"] for one in answer["moments"]] == ["red.mp4"]
    code, line = failure(["search", "happy", "--videos", str(clips), "--backend", "faiss"], capsys)
    assert code == 2 and "no dot product" in line
