"""The scan: which frames and clips are looked at, what is kept, and that a stopped run goes on where it stopped."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.registries import forgotten
from helpers.sidecars import known

from bench.cli import main
from bench.commands import answers
from bench.data.faces import BOX, EXPRESSIONS, read_faces
from bench.data.video import COMPRESSED, COPIES, sample_indices, write_video
from bench.errors import BenchError, UsageError
from bench.face_detection import face_backend
from bench.face_detection.backends.sidecar import Sidecar
from bench.face_detection.scan import ClipFaces, FaceScan, scan
from bench.utils.files import sha256
from bench.utils.processes import DIED, in_processes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips of 40 frames."""
    for name in "abc":
        write_video(tmp_path / "clips" / f"{name}.mp4", np.zeros((40, 32, 32, 3), np.uint8), 10)
    return tmp_path / "clips"


def looked(clips: Path, out: str = "faces.parquet", **how: Any) -> FaceScan:
    """Scans with a sidecar that knows the clips a, b, c."""
    model = clips.parent / "known.parquet"
    if not model.exists():
        known(model, "a", "b", "c")
    return scan("sidecar", {"model": model}, videos=clips, out=clips.parent / out, **{"workers": 1, **how})


def test_the_frames_are_those_that_an_evaluation_sees(clips: Path):
    table = pd.read_parquet(looked(clips).out)
    assert table[table.video == "a"].frame.drop_duplicates().tolist() == sample_indices(40, 12).tolist()


PLUGIN = '''
from bench.face_detection import Face, face_backend

@face_backend("everywhere")
class Everywhere:
    """A happy face in every frame."""
    source, settings = "made up", {}

    def faces(self, clip):
        return [[Face((0, 0, 0, 1, 0, 0, 0), (0, 0, 9, 9), 1.0)] for _ in clip.indices]
'''


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_plugin_s_backend_is_listed_and_scans(
    clips: Path, tmp_path: Path, workers: str, capsys: pytest.CaptureFixture[str]
):
    plugin, out = tmp_path / "everywhere.py", tmp_path / "faces.parquet"
    plugin.write_text(PLUGIN, encoding="utf-8")
    with forgotten():
        main(["list", "face-backends", "--plugin", str(plugin)])
        assert "everywhere  A happy face in every frame." in capsys.readouterr().out
        words = ["--backend", "everywhere", "--videos", str(clips), "--out", str(out), "--workers", workers]
        main(["faces", *words, "--plugin", str(plugin)])
    assert read_faces(out).source == "made up" and read_faces(out).videos == {"a", "b", "c"}


DIES = """
import os
from bench.face_detection import face_backend

@face_backend("dies_over_b")
class Dies:
    source, settings = "made up", {}

    def faces(self, clip):
        if clip.name == "b":
            os.abort()  # as a decoder may over a damaged file
        return [[] for _ in clip.indices]
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_over_a_clip_takes_no_other_with_it(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
):
    """The backend is in a module that the caller has imported."""
    monkeypatch.setattr("bench.face_detection.scan.in_processes", in_processes)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "dies_over_b.py").write_text(DIES, encoding="utf-8")
    with forgotten():
        monkeypatch.delitem(sys.modules, "dies_over_b", raising=False)
        importlib.import_module("dies_over_b")
        summary = scan("dies_over_b", {}, videos=clips, out=tmp_path / "faces.parquet", workers=workers)
    assert summary.broken == {"b": DIED} and set(summary.seen) == {"a", "c"}


@pytest.mark.parametrize("module", ["__main__", "bench.config", "not_there"])
def test_a_backend_that_other_processes_cannot_import_is_refused_with_the_mend(
    clips: Path, tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bench.face_detection.scan.code_of", lambda *modules: "")
    monkeypatch.setattr("bench.face_detection.scan.in_processes", in_processes)
    with forgotten():
        face_backend("of_the_script")(type("Mine", (), {"__module__": module, "source": "", "settings": {}}))
        with pytest.raises(UsageError, match=r"'of_the_script' is not in a module that other .* --plugin FILE"):
            scan("of_the_script", {}, videos=clips, out=tmp_path / "faces.parquet")


def test_a_frame_that_is_sampled_twice_is_one_frame(clips: Path):
    write_video(clips / "a.mp4", np.zeros((5, 32, 32, 3), np.uint8), 10)
    table = pd.read_parquet(looked(clips).out)
    assert table[table.video == "a"].groupby("frame").face.nunique().tolist() == [2, 1, 1, 1, 1]


def test_every_frame_knows_how_many_its_file_has(clips: Path):
    assert set(pd.read_parquet(looked(clips).out).frames) == {40}


def test_frames_without_a_face_are_rows_of_nulls(clips: Path):
    table = pd.read_parquet(looked(clips).out)
    missing = table[table.face.isna()]
    assert len(missing) and missing[[*EXPRESSIONS, *BOX, "confidence"]].isna().all(axis=None)


def test_faces_are_numbered_from_the_largest_box(clips: Path):
    table = pd.read_parquet(looked(clips).out)
    first = table[(table.video == "a") & (table.frame == 0)]
    assert list(zip(first.face, first.w * first.h, strict=True)) == [(0, 1200), (1, 12)]


def test_the_summary_counts_what_the_table_holds(clips: Path):
    # frames 0, 3, 7, 10, 14, 17, 21, 24, 28, 31, 35, 39 of 40; by hand, the nearest twentieths (of two the earlier one)
    # are 0, 1, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19: five even ones
    summary = looked(clips)
    assert summary.seen["b"] == ClipFaces(looked_at=12, with_face=5, expression="happy", score=1.0)
    assert (summary.faces, summary.broken, summary.was_done) == (3 * 6, {}, False)


def test_the_table_can_be_asked(clips: Path):
    faces = read_faces(looked(clips).out)
    assert faces.pooled("a", [0.0], "max")[0][0].tolist() == [1, 0, 0, 0, 0, 0, 1, 0]


def test_a_broken_clip_is_one_line_and_the_others_are_done(clips: Path):
    (clips / "b.mp4").write_bytes(b"no video")
    summary = looked(clips)
    assert summary.broken == {"b": f"{clips / 'b.mp4'}: damaged, cut off or not a video"}
    assert read_faces(summary.out).videos == {"a", "c"}


def test_what_may_be_taken_for_a_video_is_named_unless_it_was_looked_at(clips: Path):
    for name in ("c.webp", "d.insv", "notes.txt"):
        (clips / name).touch()
    summary = looked(clips)
    assert summary.left_out == (clips / "d.insv",)
    assert f"1 of kinds of video that are not read left out: {clips / 'd.insv'}" in answers.faces(summary).splitlines()


def test_the_same_words_again_say_that_it_is_done(clips: Path):
    first = looked(clips)
    made = first.out.stat().st_mtime_ns
    again = looked(clips)
    assert (again.was_done, again.seen, again.faces) == (True, first.seen, first.faces)
    assert first.out.stat().st_mtime_ns == made


def test_what_was_broken_is_said_again(clips: Path):
    (clips / "b.mp4").write_bytes(b"no video")
    assert looked(clips).broken == looked(clips).broken


def test_a_broken_clip_that_was_mended_is_added(clips: Path):
    whole = (clips / "b.mp4").read_bytes()
    (clips / "b.mp4").write_bytes(bytes(len(whole)))
    looked(clips)
    (clips / "b.mp4").write_bytes(whole)
    assert set(looked(clips).seen) == {"a", "b", "c"}


def test_only_new_clips_are_looked_at(clips: Path):
    (clips / "c.mp4").rename(clips.parent / "c.mp4")
    looked(clips)
    (clips.parent / "c.mp4").rename(clips / "c.mp4")
    (clips / "a.mp4").write_bytes(bytes((clips / "a.mp4").stat().st_size))  # broken, if it were looked at
    assert set(looked(clips).seen) == {"a", "b", "c"}


def test_the_faces_of_another_folder_are_not_thrown_away(clips: Path, tmp_path: Path):
    summary = looked(clips)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copyfile(clips / "a.mp4", other / "z.mp4")
    with pytest.raises(UsageError, match=r"holds the faces of 3 other clips \(a, b, c\)\. Remove it, name another"):
        looked(other, out=summary.out)


def test_a_clip_that_is_gone_leaves_the_table(clips: Path):
    looked(clips)
    (clips / "c.mp4").unlink()
    assert set(looked(clips).seen) == {"a", "b"}


@pytest.mark.parametrize("change", ["frames", "backend"])
def test_an_output_that_was_made_in_another_way_is_not_overwritten(clips: Path, change: str):
    looked(clips)
    if change == "backend":
        known(clips.parent / "known.parquet", "a", "b", "c", "d")
    with pytest.raises(UsageError, match=r"faces.parquet holds faces that were found with other settings .* Remove it"):
        looked(clips, frames=8 if change == "frames" else 12)


def test_simulated_faces_of_a_dataset_are_not_overwritten(tmp_path: Path):
    from bench.data.importers import moodclips

    folder = moodclips.ensure(tmp_path / "moodclips", train=8, val=4, test=16, workers=1)
    shutil.copyfile(folder / "faces.parquet", tmp_path / "simulated.parquet")
    with pytest.raises(UsageError, match=r"holds faces that were found with other settings .simulated"):
        scan("sidecar", {"model": tmp_path / "simulated.parquet"}, videos=folder, out=folder / "faces.parquet")


def test_processes_find_the_same_as_one(clips: Path):
    one, two = looked(clips, "one.parquet", workers=1), looked(clips, "two.parquet", workers=2)
    assert one.out.read_bytes() == two.out.read_bytes()


def test_a_stopped_run_goes_on_where_it_stopped(clips: Path, monkeypatch: pytest.MonkeyPatch):
    whole = looked(clips, "whole.parquet")
    answer, asked = Sidecar.faces, []

    def until_c(self: Sidecar, clip: Any) -> Any:
        asked.append(clip.name)
        if asked == ["a", "b", "c"]:
            raise KeyboardInterrupt
        return answer(self, clip)

    monkeypatch.setattr(Sidecar, "faces", until_c)
    with pytest.raises(KeyboardInterrupt):
        looked(clips)
    assert looked(clips).out.read_bytes() == whole.out.read_bytes()
    assert asked == ["a", "b", "c", "c"]


def test_a_clip_that_changed_since_is_looked_at_again(clips: Path, monkeypatch: pytest.MonkeyPatch):
    answer = Sidecar.faces

    def stop(self: Sidecar, clip: Any) -> Any:
        if clip.name == "c":
            raise KeyboardInterrupt
        return answer(self, clip)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Sidecar, "faces", stop)
        looked(clips)
    write_video(clips / "a.mp4", np.zeros((80, 32, 32, 3), np.uint8), 10)
    table = pd.read_parquet(looked(clips).out)
    assert table.groupby("video").frames.unique().map(list).to_dict() == {"a": [80], "b": [40], "c": [40]}


def test_nothing_is_left_beside_the_output(clips: Path):
    looked(clips)
    assert {path.name for path in clips.parent.iterdir()} == {"clips", "faces.parquet", "known.parquet"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for a process group")
@pytest.mark.parametrize(("workers", "how"), [(2, signal.SIGINT), (1, signal.SIGKILL)])
def test_a_killed_run_keeps_what_is_done(tmp_path: Path, workers: int, how: signal.Signals):
    names = [f"clip{index}" for index in range(300)]
    write_video(tmp_path / "clips" / "clip0.mp4", np.zeros((40, 32, 32, 3), np.uint8), 10)
    for name in names[1:]:
        shutil.copyfile(tmp_path / "clips" / "clip0.mp4", tmp_path / "clips" / f"{name}.mp4")
    known(tmp_path / "known.parquet", *names)
    code = (
        "import sys; from pathlib import Path; from bench.face_detection.scan import scan; folder = Path(sys.argv[1])\n"
        "if __name__ == '__main__': scan('sidecar', {'model': folder / 'known.parquet'}, videos=folder / 'clips', "
        "out=folder / 'faces.parquet', workers=int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(workers)]
    run = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".faces.parts/[0-9a-f]*.parquet")) and run.poll() is None:
        time.sleep(0.01)
    os.killpg(run.pid, how)
    assert run.wait(timeout=30) != 0
    done = {name for path in tmp_path.glob(".faces.parts/[0-9a-f]*.parquet") for name in pd.read_parquet(path).video}
    for name in done:  # a clip that is looked at again would be broken
        path = tmp_path / "clips" / f"{name}.mp4"
        path.write_bytes(bytes(path.stat().st_size))
    summary = looked(tmp_path / "clips")
    assert (len(done) >= 50, len(summary.seen), summary.broken) == (True, 300, {})


def test_clips_that_share_a_stem_go_by_their_whole_name(clips: Path):
    write_video(clips / "a.mkv", np.zeros((40, 32, 32, 3), np.uint8), 10)
    assert set(looked(clips).broken) == {"a.mkv", "a.mp4"}  # of which the sidecar knows nothing


def test_pictures_are_clips_of_one_frame(shared: Path, tmp_path: Path):
    known(tmp_path / "known.parquet", "happy", "sad")
    for name in ("happy", "sad"):
        shutil.copyfile(shared / "faces" / f"{name}.jpg", tmp_path / f"{name}.jpg")
    summary = scan(
        "sidecar", {"model": tmp_path / "known.parquet"}, videos=tmp_path, out=tmp_path / "a.parquet", workers=1
    )
    assert pd.read_parquet(summary.out)[["frame", "frames"]].drop_duplicates().values.tolist() == [[0, 1]]


@pytest.fixture
def bare(folder: Path) -> Path:
    """A dataset's folder that has no face scores yet, and a sidecar beside it."""
    (folder / "faces.parquet").unlink()
    known(folder.parent / "known.parquet", *(f"video{number}" for number in range(18)))
    return folder


def test_a_dataset_has_its_table_in_its_folder(bare: Path):
    summary = scan("sidecar", {"model": bare.parent / "known.parquet"}, dataset="msrvtt", root=bare, workers=1)
    assert summary.out == bare / "faces.parquet"


def test_small_copies_are_not_looked_at_where_originals_are(clips: Path):
    shutil.copytree(clips, clips / COMPRESSED)
    shutil.copyfile(clips / "a.mp4", clips / COMPRESSED / "d.mp4")
    assert set(looked(clips).seen) == {"a", "b", "c"}


@pytest.mark.parametrize("copies", COPIES)
def test_small_copies_of_a_dataset_are_looked_at_where_they_are_all_there_is(bare: Path, copies: str):
    (bare / "videos").rename(bare / copies)
    summary = scan("sidecar", {"model": bare.parent / "known.parquet"}, dataset="msrvtt", root=bare, workers=1)
    assert len(summary.seen) == 18


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "name one folder of clips or one dataset"),
        ({"videos": Path("a"), "dataset": "msrvtt"}, "name one folder of clips or one dataset"),
        ({"videos": Path("nowhere")}, "there is no folder nowhere"),
        ({"videos": ROOT}, "where to"),
    ],
)
def test_words_that_do_not_fit_are_one_line(words: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        scan("sidecar", {}, **words)


@pytest.mark.parametrize(("flag", "count"), [("frames", 0), ("workers", 0), ("workers", -3)])
def test_less_than_one_is_one_line(clips: Path, flag: str, count: int, capsys: pytest.CaptureFixture[str]):
    model, out = known(clips.parent / "known.parquet", "a", "b", "c"), clips.parent / "faces.parquet"
    words = ["--backend", "sidecar", "--model", str(model), "--videos", str(clips), "--out", str(out)]
    with pytest.raises(SystemExit, match="2"):
        main(["faces", *words, f"--{flag}", str(count)])
    assert capsys.readouterr().err == f"bench: --{flag} takes a number of at least 1, not {count}.\n"


def test_an_output_that_is_a_folder_is_one_line(clips: Path):
    with pytest.raises(UsageError) as error:
        looked(clips, "clips")
    assert str(error.value) == (
        f"--out must name a parquet file; {clips} is a folder. Try: --out {clips / 'faces.parquet'}"
    )


def test_a_folder_without_clips_is_one_line(tmp_path: Path):
    with pytest.raises(BenchError, match="there is no clip below"):
        scan("sidecar", {}, videos=tmp_path, out=tmp_path / "faces.parquet")


def test_the_command_line_names_broken_clips_and_fails(clips: Path, capsys: pytest.CaptureFixture[str]):
    (clips / "b.mp4").write_bytes(b"no video")
    model, out = known(clips.parent / "known.parquet", "a", "b", "c"), clips.parent / "faces.parquet"
    words = ["--backend", "sidecar", "--model", str(model), "--videos", str(clips), "--out", str(out), "--workers", "1"]
    with pytest.raises(SystemExit, match="1"):
        main(["faces", *words])
    assert capsys.readouterr().out.splitlines() == [
        "a  face in  5 of 12  happy    1.00",
        "c  face in  5 of 12  happy    1.00",
        f"b: {clips / 'b.mp4'}: damaged, cut off or not a video",
        "2 clips, 24 frames, 10 with a face, 12 faces, 1 broken",
        f"by hand (sidecar, sha256 {sha256(model)[:8]})",
        str(out),
    ]
