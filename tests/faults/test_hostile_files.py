"""Files of somebody else, made to do harm: each is one line, in a moment, and nothing that it holds is run."""

import json
import os
import random
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pytest
from helpers.asking import Capture, failure
from helpers.records import make_record
from helpers.registries import loaded
from pyarrow import parquet

from bench.data.annotation import load_annotation
from bench.data.download import unpack
from bench.data.faces import read_table
from bench.data.importers.annotation_files import Source
from bench.data.importers.msrvtt_layouts import find_sources
from bench.data.tokenizer import clip_tokenizer
from bench.emotions.scores import read_captions
from bench.errors import BenchError, UsageError
from bench.grid.plan import MOST_CELLS, plan, read_grid
from bench.model.checkpoints import read_tensors, take_clip
from bench.model.clip_vip import clip_config
from bench.records import published
from bench.records.store import load, save
from bench.search import index_store
from bench.utils.files import MOST_BYTES, load_yaml
from bench.utils.text_yaml import TextLoader


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    before = time.monotonic()
    yield
    assert time.monotonic() - before < 20


# --- YAML -----------------------------------------------------------------------------------------------------------

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (BOMB, "is no YAML: it holds more than 50000 values."),
        ("a: &a [*a]", "is no YAML: what begins on line 1 holds itself."),
        ("[" * 5000, "is nested too deep."),
        ("{a: " * 5000, "is nested too deep."),
        ("- " * 5000 + "a", "is nested too deep."),
        ('a: "b\\0c"', "is no YAML: a NUL stands on line 1."),
        ("a: b\0c", "is no YAML: "),
        ("a: " + "b" * MOST_BYTES, f"cannot be read: it has {MOST_BYTES + 3} bytes, {MOST_BYTES} are the most."),
        ("a: !!python/object/apply:os.system [touch evil]", "holds no grid"),
    ],
)
def test_yaml_that_explodes_is_one_line(
    text: str, line: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.yaml").write_text(text, encoding="utf-8")
    for words in (["run", "--config", "evil.yaml"], ["grid", "evil.yaml", "--dry-run"], ["audit", "evil.yaml"]):
        code, said = failure(words, capsys)
        assert code == 2
        assert line in said or "!!" in text
    assert os.listdir() == ["evil.yaml"]  # noqa: PTH208


def test_aliases_that_stay_small_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a [1, 2]\nb: *a\n", encoding="utf-8")
    assert load_yaml(tmp_path / "a.yaml", TextLoader) == {"a": ["1", "2"], "b": ["1", "2"]}


def test_cells_are_counted_before_they_are_made(tmp_path: Path, capsys: Capture) -> None:
    many = "[" + ", ".join(map(str, range(1000))) + "]"
    (tmp_path / "grid.yaml").write_text(
        f"cells: [{{seed: {many}, train: {{steps: {many}, epochs: {many}}}}}]", encoding="utf-8"
    )
    code, said = failure(["grid", str(tmp_path / "grid.yaml"), "--dry-run"], capsys)
    assert code == 2
    assert f"cell 1 makes 1000000000 cells; a grid may have {MOST_CELLS}." in said


def test_a_chain_of_cells_ends(tmp_path: Path) -> None:
    cells = "".join(f"  - {{name: c{n}, seed: {n}, init: 'cell:c{n + 1}'}}\n" for n in range(1500))
    (tmp_path / "grid.yaml").write_text(f"cells:\n{cells}", encoding="utf-8")
    with pytest.raises(UsageError, match="cells that start from one another: too many"):
        plan(read_grid(tmp_path / "grid.yaml"), tmp_path)


# --- pipes, that would be waited for --------------------------------------------------------------------------------

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a record": ("results/a/b/c/pipe.json", load),
    "an annotation": ("annotations/9k.json", lambda path: load_annotation(path.parents[1], "9k", "msrvtt")),
    "a YAML file": ("mine.yaml", lambda path: load_yaml(path, TextLoader)),
    "a published table": ("table.json", published.read),
    "captions": ("captions.txt", read_captions),
    "a CLIPConfig": ("config.json", lambda path: clip_config(str(path))),
    "an annotation of MSR-VTT": ("MSRVTT_data.json", lambda path: Source(path).read()),
    "a zip file": ("a.zip", lambda path: find_sources(path.parent)),
    "faces": ("faces.parquet", lambda path: read_table(path, "")),
    "an index": ("index/manifest.jsonl", lambda path: index_store._read(path.parent)),
    "merges": ("merges.txt.gz", lambda path: clip_tokenizer(str(path))),
}


@pytest.mark.parametrize("what", READERS)
def test_a_pipe_is_no_file(what: str, tmp_path: Path) -> None:
    place, read = READERS[what]
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(tmp_path / place)
    with pytest.raises(BenchError):
        read(tmp_path / place)


# --- weights and models ---------------------------------------------------------------------------------------------


def test_random_bytes_are_no_checkpoint(tmp_path: Path) -> None:
    for seed in range(300):
        draw = random.Random(seed)
        start = draw.choice([b"", b"\x80\x02", b"\x80\x04", b"PK\x03\x04", b"PK\x05\x06"])
        for ending in (".pt", ".safetensors"):
            (tmp_path / f"a{ending}").write_bytes(start + draw.randbytes(draw.randrange(200)))
            with pytest.raises(BenchError, match=r"is no readable checkpoint|holds no state dict"):
                read_tensors(tmp_path / f"a{ending}")


ODD_CONFIGS = {
    "a list": [],
    "nested lists": "[" * 100_000,
    "no towers": {"text_config": 3, "vision_config": "b"},
    "text for a number": {"text_config": {"hidden_size": "many"}},
    "no layers": {"text_config": {"num_hidden_layers": 0}},
    "layers without end": {"text_config": {"num_hidden_layers": 10**9}},
    "a size without end": {"vision_config": {"hidden_size": 10**12}},
    "heads that do not divide": {"text_config": {"hidden_size": 128, "num_attention_heads": 7}},
    "a patch of nothing": {"vision_config": {"patch_size": 0}},
    "an unknown activation": {"text_config": {"hidden_act": "boom"}},
    "a scale that is text": {"logit_scale_init_value": "high"},
    "a negative projection": {"projection_dim": -1},
    "code": {"auto_map": {"AutoModel": "evil.Evil"}, "text_config": {"hidden_act": 5}},
}


@pytest.mark.parametrize("what", ODD_CONFIGS)
def test_an_odd_config_is_no_model(what: str, tmp_path: Path) -> None:
    content = ODD_CONFIGS[what]
    text = content if isinstance(content, str) else json.dumps(content)
    for name in ("config.json", "model.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"model\.json is no CLIPConfig: ."):
        clip_config(str(tmp_path / "model.json"))
    with pytest.raises(BenchError, match="no CLIP at"):
        take_clip(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '"a"', "[" * 100_000, '{"model": 3}', '{"model": {"type": "BPE", "vocab": []}}']
)
def test_an_odd_tokenizer_is_none(text: str, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match="no CLIP tokenizer at"):
        clip_tokenizer(str(tmp_path))


CODE = """
from pathlib import Path
Path({marker!r}).touch()
from transformers import CLIPConfig as Evil, CLIPModel as EvilModel
"""


def test_code_beside_a_model_is_not_run_and_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal transformers would ask, and a "y" would run it."""
    model, marker = tmp_path / "model", tmp_path / "ran"
    model.mkdir()
    maps = {"AutoConfig": "evil.Evil", "AutoModel": "evil.EvilModel", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    (model / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": maps}), encoding="utf-8")
    (model / "tokenizer_config.json").write_text(json.dumps({"auto_map": maps, "tokenizer_class": "Evil"}), "utf-8")
    (model / "evil.py").write_text(CODE.format(marker=str(marker)), encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    for read in (take_clip, clip_tokenizer):
        with pytest.raises(BenchError):
            read(str(model))
    assert not marker.exists()


# --- tables, zip files, records, plugins ----------------------------------------------------------------------------


def test_odd_parquet_is_no_table_of_faces(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    about = {"format": "bench faces 2", "source": "s"}
    rows = pyarrow.table({"video": ["a"], "frame": [[1]]})
    odd: list[Callable[[], object]] = [
        lambda: path.write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1"),
        lambda: parquet.write_table(rows, path),
        lambda: parquet.write_table(rows.replace_schema_metadata({**about, "settings": "[1"}), path),
        lambda: parquet.write_table(rows.replace_schema_metadata({**about, "settings": "[" * 100_000}), path),
        lambda: parquet.write_table(rows.replace_schema_metadata({**about, "settings": "[]"}), path),
        lambda: parquet.write_table(rows.replace_schema_metadata({b"format": b"\xff", b"source": b""}), path),
    ]
    for make in odd:
        make()
        with pytest.raises(BenchError):
            read_table(path, "Make it again.")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MSRVTT_data.json", b"0" * 1000)
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(struct.pack("<I", 1000), struct.pack("<I", 2**32 - 2)))
    with pytest.raises(BenchError, match=r"a\.zip is damaged \(its \d+ bytes unpack to 4294967294\)"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    [source] = find_sources(tmp_path).values()
    with pytest.raises(BenchError, match="cannot be read"):
        source.read()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [".", "./", "..", "a/../../b", "/a", "C:/a", "\\a"])
def test_odd_members_are_one_line(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
        archive.writestr("fine.txt", b"y")
    try:
        unpack(tmp_path / "a.zip", tmp_path / "out" / "deep")
    except BenchError as error:
        assert "which leads out of" in str(error)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "deep" not in path.parts][1:]


def test_damaged_zips_are_one_line(tmp_path: Path) -> None:
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    for seed in range(200):
        draw = random.Random(seed)
        with zipfile.ZipFile(tmp_path / "a.zip", "w", kinds[seed % 4]) as archive:
            archive.writestr("MSRVTT_data.json", bytes(range(256)) * 4)
        content = bytearray((tmp_path / "a.zip").read_bytes())
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        (tmp_path / "a.zip").write_bytes(content)
        for read, where in ((unpack_below, f"out{seed}"), (read_all, "")):
            try:
                read(tmp_path, where)
            except BenchError as error:
                assert "\n" not in str(error)


def unpack_below(folder: Path, where: str) -> None:
    unpack(folder / "a.zip", folder / where)


def read_all(folder: Path, where: str) -> None:
    for source in find_sources(folder).values():
        source.read()


def test_a_record_of_a_newer_version_says_so(tmp_path: Path) -> None:
    path = save(make_record(), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "energy": {"kWh": 3}}), encoding="utf-8")
    with pytest.raises(BenchError, match=r"it has energy: made by a newer version of bench\? Update it\. Run it again"):
        load(path)


PLUGINS = {
    "odd": "@register('odd')\nclass Odd:\n    text_needs = ()",
    "lost": "def register(name): return lambda kind: kind\n@register('lost')\nclass Lost(Variant):\n    pass",
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_s_class_that_is_no_variant_is_one_line(name: str, tmp_path: Path, capsys: Capture) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(f"from bench import Variant, register\n{PLUGINS[name]}\n", encoding="utf-8")
    with loaded(plugin):
        code, said = failure(["run", "--variant", name, "--plugin", str(plugin)], capsys)
    assert code == 2
    assert f"'{name}' in {plugin} is no variant: write `class X(Variant)`" in said
