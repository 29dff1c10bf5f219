"""Maps: colours by name, neutral apart, common axes, numbers in a table; the same bytes in every process."""

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
def figure(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Figure:
    records = record("plain"), record("other")
    return maps(*records, place(tmp_path_factory.mktemp("results"), *records))


def figure_of(results: Path, *records: Record) -> Figure | None:
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


def rows(figure: Figure) -> dict[str, list[list[str]]]:
    """The rows of the table by run, without its name."""
    assert figure.table
    found: dict[str, list[list[str]]] = {}
    for name, *cells in figure.table.rows:
        found.setdefault(name, []).append(cells)
    return found


def test_baseline_and_variant_have_a_panel_for_all_for_joy_and_for_trust(figure: Figure) -> None:
    titles = [axes.get_title() for axes in figure.drawing.axes]
    assert titles == [f"{run}: {view}" for run in ("plain", "other") for view in ("all emotions", "joy", "trust")]


def test_every_caption_and_clip_is_drawn_in_its_emotions_colour_by_name(figure: Figure) -> None:
    for emotion, size in SIZES.items():
        own = [2 * size * (emotion == one) for one in ("joy", "trust")]
        assert drawn(figure, EMOTION_COLOURS[emotion]) == [2 * size, *own] * 2
    assert drawn(figure, EMOTION_COLOURS["neutral"]) == [2 * (N - sum(SIZES.values()))] * 6


def test_neutral_is_never_drawn_as_joy(tmp_path: Path) -> None:
    captions = [f"{'a happy clown' if row < 30 else 'a man on a chair'} {row}" for row in range(N)]  # by words
    records = [replace(record(name, subsets={}), queries={"videos": [], "captions": captions}) for name in ("a", "b")]
    figure = maps(*records, place(tmp_path, *records))
    assert drawn(figure, EMOTION_COLOURS["joy"])[1] == 60
    assert drawn(figure, EMOTION_COLOURS["neutral"]) == [180] * 6


def test_all_panels_have_common_axes(figure: Figure) -> None:
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.drawing.axes}) == 1


def test_the_numbers_are_a_table_and_not_on_the_map(figure: Figure) -> None:
    assert figure.table and not any(axes.texts for axes in figure.drawing.axes)
    found = rows(figure)
    assert list(found) == ["plain", "other"]
    assert figure.table.below[0].count("trustworthiness of the map") == figure.table.below[0].count("modality gap") == 2
    for numbers in found.values():
        assert [row[0] for row in numbers] == [
            f"{view}, {modality}" for view in ("all emotions", "joy", "trust") for modality in ("text", "video")
        ]
        assert all(len(row) == len(figure.table.header) - 1 for row in numbers)


def test_the_numbers_are_those_of_the_centred_features(tmp_path: Path) -> None:
    records = record("plain"), record("other")
    figure = maps(*records, place(tmp_path, *records))
    joy = np.array([row in records[0].subsets["joy"] for row in range(N)]).astype(int)
    text = features(0)["text"].astype(np.float64)
    apart = unit(text - text.mean(axis=0))
    own = apart @ apart.T - 9 * np.eye(N)
    nearest = np.argsort(-own, axis=1)[:, :10]
    purity = np.mean([joy[nearest[row]].mean() for row in np.flatnonzero(joy)])
    (first, *_) = rows(figure).values()
    assert first[2][1].startswith(f"{purity:.2f} (")


def test_the_caption_is_short_and_names_n_and_seeds(figure: Figure) -> None:
    assert figure.caption.endswith("n = 120 captions and clips, plain (seed 42) and other (seed 42).")
    assert len(figure.caption) < 300 and "Queries: joy 20, trust 21" in figure.table.below[1]


def test_of_few_no_claim_is_made(tmp_path: Path) -> None:
    few = {**dict.fromkeys(EMOTIONS, ()), "joy": tuple(range(19))}
    records = [record(name, subsets={name: list(own) for name, own in few.items()}) for name in ("a", "b")]
    figure = maps(*records, place(tmp_path, *records))
    assert len(figure.drawing.axes) == 4  # no panel of trust: nothing is about it
    assert all(row[1] == "fewer than 20 queries" for numbers in rows(figure).values() for row in numbers)
    assert "no claim" in figure.alt


def test_two_runs_of_one_variant_are_told_apart(tmp_path: Path) -> None:
    one = make_record(20, subsets={emotion: [] for emotion in EMOTIONS})
    records = one, replace(one, run="plain-s7-00000000")
    assert len({axes.get_title() for axes in maps(*records, place(tmp_path, *records)).drawing.axes}) == 2


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
    assert figure_of(tmp_path, *records) is None


def test_without_features_there_is_no_map(tmp_path: Path) -> None:
    assert figure_of(place(tmp_path, record("plain")), record("plain"), record("other")) is None


def test_of_fewer_than_20_queries_there_is_no_map(tmp_path: Path) -> None:
    records = make_record(19), make_record(19, variant="other")
    assert figure_of(place(tmp_path, *records), *records) is None


def test_runs_that_were_asked_other_queries_are_not_set_side_by_side(tmp_path: Path) -> None:
    records = record("plain"), make_record(N, variant="other")
    assert tsne(Context(mixed(records), place(tmp_path, *records))) is None


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    records = record("plain"), record("other")
    place(tmp_path, *records)
    path = write(tmp_path, records[0], features(0))
    path.write_bytes(b"broken")
    with pytest.raises(BenchError, match=r"features\.safetensors cannot be read"):
        figure_of(tmp_path, *records)


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
for path in save(maps(*records, place(folder, *records)), folder / "out"):
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
    assert once == again and len(once) == 2  # SVG and PNG
