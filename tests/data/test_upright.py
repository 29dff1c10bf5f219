"""Frames as they are meant to be seen: mirrored, with square pixels, HDR as SDR."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.movies import numbered, write

from bench.data.hdr import HLG, PQ, to_sdr
from bench.data.upright import square
from bench.data.video import probe, read_frames


def test_pixels_become_square_by_growing():
    assert square(320, 240, Fraction(64, 45)) == (455, 240)
    assert square(320, 240, Fraction(1, 2)) == (320, 480)


def test_wide_pixels_are_shown_wide(shared: Path):
    path = shared / "failing" / "sar.mp4"  # 320 × 240 pixels of 64:45
    assert read_frames(path, [0]).shape == (1, 240, 455, 3)
    assert (probe(path).width, probe(path).height) == (455, 240)


def test_a_stretched_picture_keeps_what_it_shows(tmp_path: Path):
    path = write(tmp_path / "a.mp4", numbered(8), aspect=Fraction(3, 2))
    [read] = read_frames(path, [5])
    columns = read.astype(float).reshape(96, 64, 3, 3).mean(axis=2)  # three columns for two
    pairs = numbered(8)[5].astype(float).reshape(96, 64, 2, 3).mean(axis=2)
    assert abs(columns - pairs).mean() < 6


def test_a_turned_picture_is_stretched_before_it_is_turned(tmp_path: Path):
    path = write(tmp_path / "a.mp4", numbered(3), aspect=Fraction(3, 2), rotation=90)
    assert read_frames(path, [0]).shape == (1, 192, 96, 3)
    assert (probe(path).width, probe(path).height) == (96, 192)


def grey(signal: float, transfer: int) -> int:
    """What SDR level a grey HDR signal, 0 … 1, becomes."""
    [[levels]] = to_sdr(np.full((1, 1, 3), round(signal * 65535), np.uint16), transfer)
    assert len(set(levels.tolist())) == 1  # grey stays grey
    return int(levels[0])


def test_white_paper_is_equally_bright_in_both_kinds_of_hdr():
    """ITU-R BT.2408, table 1: white paper is 58 % of PQ's signal and 75 % of HLG's; 18 % grey is 38 % of both."""
    assert abs(grey(0.58, PQ) - grey(0.75, HLG)) <= 2
    assert 215 < grey(0.58, PQ) < 245
    assert abs(grey(0.38, PQ) - grey(0.38, HLG)) <= 2
    assert abs(grey(0.38, PQ) - 255 * (26 / 203) ** (1 / 2.2)) <= 2  # 26 cd/m², by the same table


def test_black_is_black_and_a_thousand_candelas_are_white():
    """ITU-R BT.2100: 1000 cd/m² are 75.2 % of PQ's signal and all of HLG's."""
    assert [grey(0, PQ), grey(0, HLG), grey(0.752, PQ), grey(1, HLG), grey(1, PQ)] == [0, 0, 255, 255, 255]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_signals_are_never_darker_property(transfer: int):
    assert (np.diff([grey(signal, transfer) for signal in np.linspace(0, 1, 60)]) >= 0).all()


@pytest.mark.parametrize(("transfer", "name", "signal"), [(PQ, "smpte2084", 0.58), (HLG, "arib-std-b67", 0.75)])
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_an_hdr_file_is_shown_in_sdr(tmp_path: Path, transfer: int, name: str, signal: float, reader: str):
    if reader == "decord":
        pytest.importorskip("decord")
    frames = np.full((3, 48, 64, 3), round(255 * signal), np.uint8)
    path = write(tmp_path / "a.mp4", frames, pixels="yuv420p10le", options={"color_trc": name})
    assert abs(read_frames(path, [1], reader=reader).astype(int) - grey(signal, transfer)).max() <= 3
