"""Scores of another program: judged as they are, in any format and order, and one line for what is wrong with them."""

import csv
import json
import re
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.asking import failure, output

import bench
from bench.cli import main
from bench.compare.groups import group_records
from bench.data.annotation import Annotation, Clip, save_annotation
from bench.engine.run import Run
from bench.errors import BenchError, UsageError
from bench.records.published import read
from bench.records.store import load, load_records, save

N, CLIPS = 12, 4  # captions and clips of the split with several
VIDEO_OF = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of annotations alone: a test split with a caption a clip, and one with several. No clip is there."""
    folder = tmp_path_factory.mktemp("annotations")
    one = tuple(Clip(f"video{i}", (f"caption {i // 2}",)) for i in range(8))  # two clips have each caption
    facts = {"other_captions": {clip.video: ["a happy man", "a man"] for clip in one}}
    save_annotation(Annotation("msrvtt", "1k-A", one, {"emotion": (0, 1, 2)}, {0: 1, 1: 0}, facts), folder)
    texts = [tuple(f"{of} said {i}" for i in range(VIDEO_OF.count(of))) for of in range(CLIPS)]
    several = tuple(Clip(f"video{of}", captions) for of, captions in enumerate(texts))
    save_annotation(Annotation("msrvtt", "full", several, {"emotion": (0, 3, 4)}), folder)
    return folder


@pytest.fixture
def asked(root: Path, tmp_path: Path) -> dict[str, Any]:
    return {"dataset": "msrvtt", "test": "1k-A", "root": root, "results": tmp_path / "results"}


def scores(n: int = 8, clips: int = 8, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, clips))
    return (drawn + np.eye(n, clips)).astype(np.float32)


def recall_at_1(matrix: np.ndarray, own: list[int]) -> float:
    return 100 * float(np.mean([row.argmax() == of for row, of in zip(matrix, own, strict=True)]))


def r1(run: Run, direction: str = "t2v") -> float:
    return float(run.metrics["all"][direction]["R@1"]["value"])


def test_the_numbers_are_those_of_the_matrix(asked: dict[str, Any]) -> None:
    matrix = scores()
    done = bench.score(matrix, name="Mine", **asked)
    assert r1(done) == recall_at_1(matrix, list(range(8)))
    assert r1(done, "v2t") == recall_at_1(matrix.T, list(range(8)))
    np.testing.assert_array_equal(done.ranks(), 1 + (matrix > matrix.diagonal()[:, None]).sum(axis=1))
    assert done.record.top[0] == np.argsort(-matrix[0]).tolist()
    assert done.metrics["emotion"]["n"] == 3 and done.record.twin_wins[0] == float(matrix[0, 0] > matrix[0, 1])


def test_several_captions_a_clip_are_several_queries(asked: dict[str, Any]) -> None:
    matrix = scores(N, CLIPS)
    done = bench.score(matrix, **{**asked, "test": "full"})
    assert done.record.protocol.startswith("msrvtt-full|train:unknown|12x4|positives:own|ties:expected|score:fp32|")
    assert r1(done) == pytest.approx(recall_at_1(matrix, VIDEO_OF), abs=1e-4)
    best = [VIDEO_OF[column.argmax()] for column in matrix.T]
    assert r1(done, "v2t") == 100 * np.mean([of == clip for clip, of in enumerate(best)])
    assert len(done.ranks("v2t-all")) == N


def test_the_record_says_what_is_known_and_no_more(asked: dict[str, Any]) -> None:
    done = bench.score(scores(), name="Mine", train="web", post="dsl", seed=7, **asked)
    assert done.path.relative_to(asked["results"]).parts[:3] == ("msrvtt", "web", "Mine")
    record = load(done.path)
    digest = record.config["init"].removeprefix("file:")
    assert record.protocol == (
        f"msrvtt-1k-A|train:web|8x8|ties:expected|score:fp32|post:dsl|model:external|init:file:{digest[:8]}|seed:7|v:1"
    )
    assert (record.curve, record.faces, record.post, record.selection["rule"]) == ([], {}, {}, "unknown")
    assert record.external and record.artifacts.keys() == {"similarity"}
    assert bench.score(scores(), name="Mine", train="web", post="dsl", seed=7, **asked).was_done


@pytest.mark.parametrize("change", [{"seed": 1}, {"name": "Other"}, {"train": "web"}, {"post": "dsl"}])
def test_another_statement_is_another_record(asked: dict[str, Any], change: dict[str, Any]) -> None:
    assert bench.score(scores(), **asked).record.run != bench.score(scores(), **{**asked, **change}).record.run


def test_other_scores_are_another_record(asked: dict[str, Any]) -> None:
    assert bench.score(scores(), **asked).record.run != bench.score(scores(seed=1), **asked).record.run


@pytest.mark.parametrize("format", ["npy", "npz", "safetensors", "pt"])
def test_every_format_on_the_command_line(
    format: str, asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.utils.array_files import write_arrays

    matrix, path = scores(), tmp_path / f"sims.{format}"
    write_arrays({"similarity": matrix}, path)
    words = ["score", "--dataset", "msrvtt", "--test", "1k-A", "--root", str(asked["root"]), "--name", "Mine"]
    shown = output([*words, "--similarity", str(path), "--results", str(asked["results"])], capsys)
    [record] = load_records(asked["results"])
    assert 0 < (recall := recall_at_1(matrix, list(range(8)))) < 100
    assert re.search(rf"R@1 +{recall:.1f} \[", shown) and record.run in shown
    assert record.metrics == bench.score(matrix, name="Mine", **asked).metrics


def test_ids_say_whose_a_row_and_a_column_are(asked: dict[str, Any], tmp_path: Path) -> None:
    rows, columns = np.random.default_rng(3).permutation(N), np.random.default_rng(4).permutation(CLIPS)
    matrix, asked = scores(N, CLIPS), {**asked, "test": "full"}
    first = {of: VIDEO_OF.index(of) for of in range(CLIPS)}
    queries = [f"video{VIDEO_OF[row]}#{row - first[VIDEO_OF[row]]}" for row in rows]
    videos = [f"video{column}" for column in columns]
    expected = bench.score(matrix, **asked).record.ranks
    turned = matrix[rows][:, columns]
    assert bench.score(turned, query_ids=queries, video_ids=videos, **asked).record.ranks == expected
    (tmp_path / "q.txt").write_text("\n".join(queries))
    np.savez(tmp_path / "own.npz", sims=turned, video_ids=np.array(videos))
    mixed = bench.score(tmp_path / "own.npz", query_ids=tmp_path / "q.txt", **asked)
    assert mixed.record.ranks == expected
    with pytest.raises(UsageError, match=r"own\.npz holds video_ids itself: leave out --video-ids"):
        bench.score(tmp_path / "own.npz", query_ids=queries, video_ids=videos, **asked)


def test_numbers_may_be_ids_in_a_file(asked: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", sims=scores(), query_ids=np.arange(8))
    with pytest.raises(BenchError, match=r"own\.npz, query_ids: '0' \(id 1\) is none of the 8 queries of msrvtt/1k-A"):
        bench.score(tmp_path / "own.npz", **asked)


def test_features_give_their_cosine_or_their_dot_product(asked: dict[str, Any], tmp_path: Path) -> None:
    text, video = 3 * scores(8, 5), scores(8, 5, seed=1) * np.arange(1, 9, dtype=np.float32)[:, None]
    np.save(tmp_path / "text.npy", text)
    torch.save(torch.from_numpy(video), tmp_path / "video.pt")
    files = {"text": tmp_path / "text.npy", "video": tmp_path / "video.pt"}
    cosine = text @ video.T / np.linalg.norm(video, axis=1)  # a query's own length moves nothing
    for normalize, matrix in ((True, cosine), (False, text @ video.T)):
        done = bench.score(**files, normalize=normalize, **asked)
        np.testing.assert_array_equal(done.ranks(), 1 + (matrix > matrix.diagonal()[:, None]).sum(axis=1))
        assert ("dsl" in done.record.post) == normalize  # of numbers of another size DSL is another method
    kept = bench.score(**files, **asked).features()
    np.testing.assert_allclose(np.linalg.norm(kept.video, axis=1), 1, atol=1e-6)


def test_equal_captions_are_judged_by_the_rows_that_they_have(asked: dict[str, Any]) -> None:
    """Captions 0 and 1 are the same words; the other program scored them differently, and that stands."""
    matrix = np.zeros((8, 8), np.float32)
    matrix[0, 0], matrix[1, 1] = 1, -1
    assert bench.score(matrix, **asked).ranks()[:2].tolist() == [1, 8]


def test_equal_captions_may_be_equally_true(asked: dict[str, Any]) -> None:
    matrix = np.tile(np.arange(8, 0, -1, dtype=np.float32), (8, 1))  # the first clip is every query's best
    done = bench.score(matrix, positives="equal", **asked)
    assert done.ranks()[:4].tolist() == [1, 1, 3, 3]
    assert "positives:equal" in done.record.protocol


def test_halves_are_read_as_they_are(asked: dict[str, Any]) -> None:
    matrix = scores().astype(np.float16)
    assert r1(bench.score(torch.from_numpy(matrix).bfloat16(), **asked)) >= 0
    assert r1(bench.score(matrix, **asked)) == recall_at_1(matrix, list(range(8)))


def broken(place: tuple[int, int], value: float) -> np.ndarray:
    matrix = scores().astype(np.float64)
    matrix[place], matrix[7, 7] = value, np.nan
    return matrix


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"similarity": scores(8, 7)}, r"is 8 x 7; msrvtt/1k-A has 8 queries \(rows\) and 8 videos \(columns\)\.$"),
        ({"similarity": scores(4, 12), "test": "full"}, r"has 12 queries .* 4 videos \(columns\)\. Transpose it\.$"),
        ({"similarity": np.zeros(8)}, "is 8; msrvtt/1k-A has 8 queries"),
        ({"similarity": broken((3, 5), np.nan)}, r"similarity: \[3, 5\] is nan \(video3, video5\), not a finite"),
        (
            {"similarity": broken((2, 0), 1e300)},
            r"\[2, 0\] is 1e\+300 \(video2, video0\), not a finite number in float32",
        ),
        ({"similarity": broken((0, 1), -np.inf)}, r"\[0, 1\] is -inf"),
        ({"similarity": scores(), "query_ids": ["video0"] * 8}, r"query_ids: 'video0' occurs twice \(ids 1 and 2\)"),
        (
            {"similarity": scores(), "video_ids": ["video1"]},
            "video_ids lacks 7 of the 8 videos of msrvtt/1k-A; the first",
        ),
        ({"similarity": scores(), "video_ids": ["vid"]}, r"video_ids: 'vid' \(id 1\) is none of the 8 videos"),
        (
            {"text": scores(8, 5), "video": scores(7, 5)},
            "video is 7 x 5; msrvtt/1k-A has 8 videos, and each takes a row",
        ),
        ({"text": scores(8, 5), "video": scores(8, 6)}, "text has features of 5 numbers, video of 6"),
        ({"text": np.zeros((8, 5)), "video": scores(8, 5)}, "text: the features of video0 are all zero"),
        ({"text": broken((1, 1), np.nan), "video": scores()}, r"text: \[1, 1\] is nan \(video1\)"),
        ({"text": scores() * 1e25, "video": scores() * 1e25, "normalize": False}, "are beyond float32"),
    ],
)
def test_numbers_that_do_not_fit_are_one_line(given: dict[str, Any], line: str, asked: dict[str, Any]) -> None:
    with pytest.raises(BenchError, match=line) as error:
        bench.score(**{**asked, **given})
    assert error.type is BenchError and "\n" not in str(error.value)
    assert not list(Path(asked["results"]).rglob("*.json"))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "give scores, --similarity FILE; or features, --text FILE and --video FILE"),
        ({"text": scores()}, "give scores, --similarity FILE; or features"),
        ({"similarity": scores(), "text": scores(), "video": scores()}, "give scores, --similarity FILE; or features"),
        ({"similarity": scores(), "name": "CLIP 4/Clip"}, "--name 'CLIP 4/Clip' is no name"),
        ({"similarity": scores(), "train": "9k|x"}, r"--train '9k\|x' is no name"),
        ({"similarity": scores(), "test": "1kA"}, "msrvtt has no test split '1kA'. Did you mean 1k-A"),
        ({"similarity": scores(), "dataset": "msrvt"}, "'msrvt' is no dataset, and .* Did you mean msrvtt"),
        ({"similarity": scores(), "root": None}, "where is msrvtt"),
        ({"similarity": "none.npy"}, "there is no file none.npy"),
    ],
)
def test_arguments_that_are_off_are_one_line(given: dict[str, Any], line: str, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=line):
        bench.score(**{**asked, **given})


def test_seeds_of_one_model_are_a_family(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("One", "Other"):
        for seed in (1, 2):
            bench.score(scores(seed=seed + len(name)), name=name, train="9k", seed=seed, **asked)
    [group] = group_records(load_records(asked["results"]))
    assert {family.name: family.seeds for family in group.families} == {"One": (1, 2), "Other": (1, 2)}
    assert group.protocol.endswith("|post:none|model:external|v:1")
    bench.score(scores(), name="One", **asked)  # nobody says what it was trained on: no rival
    assert len(group_records(load_records(asked["results"]))) == 2
    bench.score(scores(seed=9), name="One", train="9k", seed=1, **asked)  # a second model of that name and seed
    names = [family.name for group in group_records(load_records(asked["results"])) for family in group.families]
    assert sum(name.startswith("One One-s1-") for name in names) == 2


def test_an_external_model_stands_beside_runs_by_what_is_known(asked: dict[str, Any]) -> None:
    from helpers.records import make_record

    save(make_record(dataset="msrvtt", split="9k", test="1k-A"), asked["results"])
    bench.score(scores(), name="Mine", train="9k", **asked)
    text = bench.compare_records(load_records(asked["results"]), allow_mixed=True).text("markdown")
    assert "Mine external " in text and "Mine untrained" not in text
    assert len(group_records(load_records(asked["results"]))) == 2


def test_the_audit_takes_a_record(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    done = bench.score(scores(N, CLIPS), **{**asked, "test": "full"})
    rows = read(done.path)
    assert [(row.n, row.gallery, row.subset, row.direction) for row in rows] == [
        (12, 4, "all", "t2v"),
        (4, 12, "all", "v2t"),
        (3, 4, "emotion", "t2v"),
        (2, 12, "emotion", "v2t"),
    ]
    assert "4 rows of 1 work, no findings" in output(["audit", str(done.path)], capsys)
    text = done.path.read_text()
    value = done.metrics["all"]["t2v"]["R@1"]["value"]
    done.path.write_text(text.replace(f'"value": {value}', '"value": 99.5', 1))
    with pytest.raises(SystemExit):
        main(["audit", str(done.path)])
    assert "R@1 99.5" in capsys.readouterr().out


def test_its_emotion_is_measured_without_edited_captions(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    done = bench.score(scores(), **asked)
    words = ["--results", str(asked["results"])]
    shown = output(["probe", done.record.run, *words], capsys)
    assert "EmoP@1" in shown and "Graded subsets" in shown and "FlipAcc" not in shown
    probe = load(done.path).probe
    assert probe["emotion"]["source"] == "other captions (NRC)"
    matrix = scores()
    pair = matrix[:2, :2]
    video = int(pair[0, 0] > pair[0, 1] and pair[1, 1] > pair[1, 0])
    assert probe["twins"]["per_pair"]["video"] == [video]
    code, line = failure(["explain", done.record.run, "a man", *words], capsys)
    assert code == 2 and line.count("\n") == 1 and "scored from another program's files" in line


def test_it_is_reported(asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.score(text=scores(8, 5), video=scores(8, 5, seed=1), name="Mine", **asked)
    main(["report", "--results", str(asked["results"]), "--out", str(tmp_path / "report")])
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "1 run of 1 variant" in page and "have no controls" in page and "Mine" in page


@pytest.mark.parametrize(
    "change",
    [
        {"curve": [{"step": 1, "epoch": 1, "loss": 1, "lr": 1, "logit_scale": 1}]},
        {"selection": {"rule": "last", "step": 0}},
        {"artifacts": {"weights": "0" * 64}},
        {"code": {"version": "0", "commit": None, "dirty": None, "variant": "1a2b3c4d"}},
    ],
)
def test_a_record_that_knows_more_than_it_can_is_refused(asked: dict[str, Any], change: dict[str, Any]) -> None:
    from dataclasses import replace

    record = bench.score(scores(), **asked).record
    with pytest.raises(BenchError, match="model external, of which no"):
        save(replace(record, **change), asked["results"])


def test_a_strangers_program_on_the_real_sentences(shared: Path, tmp_path: Path) -> None:
    """TF-IDF of scikit-learn: each 1k-A sentence against what other people said of the videos. Ranks by scipy."""
    from scipy.stats import rankdata
    from sklearn.feature_extraction.text import TfidfVectorizer

    with zipfile.ZipFile(shared / "msrvtt" / "test_videodatainfo.json.zip") as file:
        said = defaultdict(list)
        for entry in json.loads(file.read("test_videodatainfo.json"))["sentences"]:
            said[entry["video_id"]].append(entry["caption"])
    with (shared / "msrvtt" / "MSRVTT_JSFUSION_test.csv").open(newline="", encoding="utf-8") as rows:
        pairs = {row["video_id"]: row["sentence"] for row in csv.DictReader(rows)}
    clips = tuple(Clip(video, (sentence,)) for video, sentence in pairs.items())
    save_annotation(Annotation("msrvtt", "1k-A", clips), tmp_path)

    others = [" ".join(text for text in said[video] if text != sentence) for video, sentence in pairs.items()]
    model = TfidfVectorizer().fit(others)
    matrix = (model.transform(pairs.values()) @ model.transform(others).T).toarray().astype(np.float32)
    order = np.random.default_rng(0).permutation(1000)
    ids = np.array(list(pairs))
    np.savez(tmp_path / "tfidf.npz", scores=matrix[order], query_ids=ids[order])
    done = bench.score(tmp_path / "tfidf.npz", dataset="msrvtt", root=tmp_path, results=tmp_path / "results")
    for direction, one in (("t2v", matrix), ("v2t", matrix.T)):
        expected = rankdata(-one, axis=1).diagonal()
        np.testing.assert_array_equal(done.ranks(direction), expected)
    assert 30 < r1(done) < 50
