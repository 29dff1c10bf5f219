"""Maps: colours by name, neutral apart, common axes, numbers beneath; the same bytes in every process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.records import make_record
from matplotlib.colors import to_hex
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bench.compare import group_records
from bench.compare.groups import mixed
from bench.emotions import EMOTIONS
from bench.errors import BenchError
from bench.records.record import Record
from bench.records.store import record_path
from bench.report import feature_measures
from bench.report.feature_measures import unit
from bench.report.figures import Context, Figure
from bench.report.figures import tsne as module
from bench.report.figures.tsne import embed, maps, tsne
from bench.report.style import EMOTION_COLOURS

SIZES = dict(zip(EMOTIONS, (20, 21, 22, 23, 24, 2, 1, 0), strict=True))  # the others of N are neutral
N = 120


def record(variant: str, **settings: object) -> Record:
    """A record of N queries; subsets in another order than EMOTIONS, their sizes as SIZES says."""
    ends = np.cumsum(list(SIZES.values()))
    rows = {
        emotion: list(range(end - size, end)) for (emotion, size), end in zip(SIZES.items(), ends.tolist(), strict=True)
    }
    return replace(make_record(N, variant=variant, subsets=dict(sorted(rows.items())), twins=False), **settings)


def features(seed: int, n: int = N) -> dict[str, NDArray]:
    rng = np.random.default_rng(seed)
    text, video = rng.normal(size=(2, n, 8)).astype(np.float32)
    return {"text": unit(text + 1).astype(np.float32), "video": unit(video - 1).astype(np.float32)}


def place(folder: Path, *records: Record) -> Path:
    """The results folder with features of these runs."""
    for seed, one in enumerate(records):
        write(folder, one, features(seed, len(one.queries["captions"])))
    return folder


def write(folder: Path, one: Record, content: dict[str, NDArray]) -> Path:
    path = record_path(folder, one.dataset, one.split, one.variant, one.run).with_suffix("") / "features.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(content, path)
    return path


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Two of the features in place of t-SNE, and few permutations; tests of `embed` itself have imported it before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "embed", lambda features, perplexity, seed: features[:, :2].astype(np.float32))
        patch.setattr(feature_measures, "PERMUTATIONS", 9)
        yield


@pytest.fixture(scope="module")
def figures(quick: None, tmp_path_factory: pytest.TempPathFactory) -> list[Figure]:
    records = record("plain"), record("other")
    return maps(*records, place(tmp_path_factory.mktemp("results"), *records))


def figures_of(results: Path, *records: Record) -> list[Figure]:
    """What the report draws of these records."""
    (group,) = group_records(records)
    return tsne(Context(group, results))


def drawn(figure: Figure, colour: str) -> list[int]:
    """For each panel, how many points have this colour, filled or as the line of a hollow one."""
    counts = []
    for axes in figure.drawing.axes:
        looks = [(c.get_offsets(), c.get_facecolors(), c.get_edgecolors()) for c in axes.collections]
        counts.append(
            sum(len(points) for points, face, edge in looks if to_hex(next(iter([*face, *edge]))) == colour.lower())
        )
    return counts


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.drawing.axes for text in axes.texts]


def test_there_is_a_map_for_joy_for_trust_for_all_and_a_strip(figures: list[Figure]) -> None:
    assert [figure.name for figure in figures] == ["tsne-joy", "tsne-trust", "tsne-emotions", "tsne-perplexity"]


def test_every_caption_and_clip_is_drawn_in_its_emotions_colour_by_name(figures: list[Figure]) -> None:
    for emotion, size in SIZES.items():
        assert drawn(figures[2], EMOTION_COLOURS[emotion]) == [2 * size] * 4
    assert drawn(figures[2], EMOTION_COLOURS["neutral"]) == [2 * (N - sum(SIZES.values()))] * 4


def test_neutral_is_never_drawn_as_joy(tmp_path: Path) -> None:
    captions = [f"{'a happy clown' if row < 30 else 'a man on a chair'} {row}" for row in range(N)]  # by words
    records = [replace(record(name, subsets={}), queries={"videos": [], "captions": captions}) for name in ("a", "b")]
    joy, _, everything, _ = maps(*records, place(tmp_path, *records))
    assert drawn(joy, EMOTION_COLOURS["joy"]) == [60] * 4
    assert drawn(joy, EMOTION_COLOURS["neutral"]) == drawn(everything, EMOTION_COLOURS["neutral"]) == [180] * 4


def test_baseline_and_variant_have_common_axes(figures: list[Figure]) -> None:
    for figure in figures[:3]:
        limits = {(axes.get_xlim(), axes.get_ylim()) for axes in figure.drawing.axes}
        assert len(figure.drawing.axes) == 4 and len(limits) == 1
    strip = np.array(figures[3].drawing.axes).reshape(2, 3)
    assert all(one.get_xlim() == other.get_xlim() for one, other in strip.T)


def test_numbers_stand_beneath_every_panel(figures: list[Figure]) -> None:
    for figure in figures[:3]:
        assert len(texts(figure)) == 4
        for text in texts(figure):
            assert all(word in text for word in ("purity", "lift", "AUC", "silhouette", "trustworthiness", "gap"))
    assert all("trustworthiness" in text for text in texts(figures[3])) and len(texts(figures[3])) == 6


def test_the_caption_names_n_seeds_and_protocol(figures: list[Figure]) -> None:
    for figure in figures:
        assert "120 captions and 120 clips, plain (seed 42) and other (seed 42); map seed 0" in figure.caption
        assert record("plain").protocol in figure.caption
    assert "20 of 120 queries are about joy; 7 are neutral" in figures[0].caption


def test_of_few_no_claim_is_made(tmp_path: Path) -> None:
    few = {**dict.fromkeys(EMOTIONS, ()), "joy": tuple(range(19))}
    records = [record(name, subsets={name: list(rows) for name, rows in few.items()}) for name in ("a", "b")]
    joy, everything, _ = maps(*records, place(tmp_path, *records))  # no map of trust: nothing is about it
    assert all(text.count("fewer than 20: no claim") == 2 for text in [*texts(joy), *texts(everything)])
    assert "no claim" in joy.alt


def test_two_runs_of_one_variant_are_told_apart(tmp_path: Path) -> None:
    one = make_record(20, subsets={emotion: [] for emotion in EMOTIONS})
    records = one, replace(one, run="plain-s7-00000000")
    everything, _ = maps(*records, place(tmp_path, *records))
    assert len({axes.get_title() for axes in everything.drawing.axes}) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda text, video: {"text": np.stack([text, text]), "video": np.stack([video, video])},
        lambda text, video: {"text": text, "video": video[:, :5]},
        lambda text, video: {"text": text, "video": np.concatenate([video, video], axis=1)},
        lambda text, video: {"text": np.concatenate([text] * 2, axis=1), "video": np.concatenate([video] * 2, axis=1)},
        lambda text, video: {"text": text[:9], "video": video[:9]},
        lambda text, video: {"text": np.repeat(text[:1], N, axis=0), "video": video},
        lambda text, video: {"text": text[:, :1] / abs(text[:, :1]), "video": video[:, :1] / abs(video[:, :1])},
    ],
    ids=["not vectors", "narrower", "wider", "two vectors in one", "too few", "all one point", "one number"],
)
def test_features_that_a_map_cannot_show_give_none(tmp_path: Path, change) -> None:
    records = record("plain"), record("other")
    place(tmp_path, *records)
    write(tmp_path, records[1], change(**features(1)))
    assert figures_of(tmp_path, *records) == []


def test_without_features_there_is_no_map(tmp_path: Path) -> None:
    assert figures_of(place(tmp_path, record("plain")), record("plain"), record("other")) == []


def test_of_fewer_than_20_queries_there_is_no_map(tmp_path: Path) -> None:
    records = make_record(19), make_record(19, variant="other")
    assert figures_of(place(tmp_path, *records), *records) == []


def test_runs_that_were_asked_other_queries_are_not_set_side_by_side(tmp_path: Path) -> None:
    records = record("plain"), make_record(N, variant="other")
    assert tsne(Context(mixed(records), place(tmp_path, *records))) == []


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    records = record("plain"), record("other")
    place(tmp_path, *records)
    path = write(tmp_path, records[0], features(0))
    path.write_bytes(b"broken")
    with pytest.raises(BenchError, match=r"features\.safetensors cannot be read"):
        figures_of(tmp_path, *records)


@pytest.mark.parametrize(("n", "width"), [(5, 2), (2, 2), (40, 3)])
def test_the_perplexity_gives_way_where_points_are_few(n: int, width: int) -> None:
    found = embed(np.random.default_rng(0).normal(size=(n, width)), 100, 0)
    assert found.shape == (n, 2) and np.isfinite(found).all()


def test_a_map_keeps_clusters_that_lie_apart() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat([0, 1, 2], 30)
    found = embed(np.eye(3)[cluster] + 0.05 * rng.normal(size=(90, 3)), 15, 0)
    centres = np.array([found[cluster == one].mean(axis=0) for one in range(3)])
    nearest = ((found[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert nearest.tolist() == cluster.tolist()


PROGRAM = """
import hashlib, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from test_tsne import place
from helpers.records import make_record
from bench.emotions import EMOTIONS
from bench.report import feature_measures
from bench.report.figures import save
from bench.report.figures.tsne import maps
feature_measures.PERMUTATIONS = 9
subsets = {{**dict.fromkeys(EMOTIONS, []), "joy": list(range(20))}}
records = [make_record(40, variant=name, subsets=subsets) for name in ("plain", "other")]
folder = Path({folder!r})
for figure in maps(*records, place(folder, *records)):
    for path in save(figure, folder / "out"):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""


def start(folder: Path, hash_seed: str, threads: str) -> subprocess.Popen[str]:
    """A process that draws the figures and prints each file's digest."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads}
    command = [sys.executable, "-c", PROGRAM.format(paths=paths, folder=str(folder))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    processes = start(tmp_path / "once", "1", "1"), start(tmp_path / "again", "2", "2")
    once, again = (process.communicate()[0].splitlines() for process in processes)
    assert once == again and len(once) == 6  # joy, all, perplexities; SVG and PNG
