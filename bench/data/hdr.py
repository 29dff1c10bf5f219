"""Brings HDR pictures (PQ and HLG, as phones and televisions record them) to the SDR that models were trained on.

Without it they look grey and flat. Light is computed from the signal, brought from BT.2020's colours to BT.709's,
scaled to white paper (203 cd/m²), compressed where it is bright, and written with SDR's gamma.
"""

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18  # ISO 23091-2, TransferCharacteristics
TRANSFERS = {PQ, HLG}
WHITE = 203.0  # cd/m² of white paper in HDR (ITU-R BT.2408, table 1)
PEAK = 1000.0  # cd/m² of the screen that HLG is made for, and from which on PQ is cut
LINEAR = 0.5  # up to this share of white nothing is compressed
STEPS = 4096  # of the signal: what 12 bits tell apart
# BT.2020's colours as BT.709's, linear light (ITU-R BT.2087, section 4, inverted)
COLOURS = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
    dtype=np.float32,
)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)  # of BT.2020's red, green and blue


def to_sdr(image: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """An HDR picture as an SDR one. image: (H, W, 3) R'G'B', 0 … 65535; transfer: PQ or HLG. Returns (H, W, 3)."""
    light_of = (_pq if transfer == PQ else _hlg)(np.linspace(0, 1, STEPS)).astype(np.float32)
    light = light_of[image // (65536 // STEPS)]
    if transfer == HLG:  # the scene's light to the screen's, with the gamma for 1000 cd/m² (BT.2100, table 5)
        scene = light @ LUMINANCE
        light = light * np.float32(PEAK) * np.maximum(scene, np.float32(1e-6))[..., None] ** np.float32(0.2)
    relative = np.clip(light, 0, PEAK) / np.float32(WHITE) @ COLOURS.T
    strongest = np.maximum(relative.max(axis=-1, keepdims=True), 1e-6)
    compressed = np.clip(relative * (_compress(strongest) / strongest), 0, 1)
    return np.round(255 * compressed ** (1 / 2.2)).astype(np.uint8)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's signal, 0 … 1, as cd/m² (SMPTE ST 2084; ITU-R BT.2100, table 4)."""
    power = signal ** (1 / 78.84375)
    return 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """HLG's signal, 0 … 1, as the scene's light, 0 … 1 (ITU-R BT.2100, table 5)."""
    bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(signal <= 0.5, signal**2 / 3, bright)


def _compress(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light, 1 is white, to 0 … 1: unchanged up to LINEAR, from there on ever less, PEAK to 1.

    The curve is the one that FFmpeg calls mobius (libavfilter, vf_tonemap.c).
    """
    j, peak = LINEAR, PEAK / WHITE
    a = -(j**2) * (peak - 1) / (j**2 - 2 * j + peak)
    b = (j**2 - 2 * j * peak + peak) / (peak - 1)
    return np.where(light <= j, light, (b**2 + 2 * b * j + j**2) / (b - a) * (light + a) / (light + b))
