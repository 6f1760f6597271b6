"""High dynamic range (PQ and HLG, BT.2100) and wide colour (BT.2020) brought down to an ordinary screen's BT.709.

Seen as they are stored, such pictures are flat and grey. What is as bright as paper (203 cd/m2, ITU-R BT.2408) becomes
white; light above it, which an ordinary screen cannot show, shares the last part of the range.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.video.clip import Image

PQ, HLG = 16, 18
"""Transfer functions in the numbers of ITU-T H.273."""

_PAPER = 203.0
"""cd/m2 of diffuse white (ITU-R BT.2408)."""

_PEAK = 1000.0
"""cd/m2 of the brightest light where the file does not say: what most material is made for."""

_HLG_PAPER = 0.265
"""Linear light of diffuse white in HLG, whose signal it is 75 % of."""

_KNEE = 0.7
"""Below this part of white nothing is changed."""

_GAMMA = 2.4
"""Of an ordinary screen (ITU-R BT.1886)."""

Number = TypeVar("Number", np.uint8, np.float32)

_STEPS = 1 << 16

_TO_709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)
"""Linear RGB of BT.2020 -> of BT.709 (ITU-R BT.2087)."""

_STRIPE = 1 << 17
"""Pixels that are worked on at once: they stay in the processor's cache, and no picture of floats is made."""


class ToneMap:
    """Pictures of one kind to BT.709.

    Args:
        transfer: :data:`PQ`, :data:`HLG`, or another for ordinary brightness in the colours of BT.2020.
        peak: cd/m2 of the brightest light in the clip, for PQ; 0 if it is not known.
    """

    def __init__(self, transfer: int, peak: float = 0) -> None:
        signal = np.arange(_STEPS) / (_STEPS - 1)
        if transfer == PQ:
            brightest = max(peak or _PEAK, _PAPER) / _PAPER
            light = _pq(signal)
        elif transfer == HLG:
            brightest = 1 / _HLG_PAPER
            light = _hlg(signal)
        else:
            brightest = 1.0
            light = signal**_GAMMA
        self._light = np.minimum(light, brightest).astype(np.float32)
        # The way out goes through a square root, so that dark colours get as many steps as the eye sees.
        self._matrix = (_TO_709 * ((_STEPS - 1) ** 2 / brightest)).astype(np.float32)
        self._code = np.round(255 * _shoulder(signal**2 * brightest, brightest) ** (1 / _GAMMA)).astype(np.uint8)

    def __call__(self, picture: NDArray[np.uint16]) -> Image:
        """(H,W,3) RGB of BT.2020 as coded, 0..65535 -> uint8 RGB of BT.709."""
        height, width = picture.shape[:2]
        result = np.empty((height, width, 3), np.uint8)
        rows = max(1, _STRIPE // width)
        for top in range(0, height, rows):
            part = slice(top, top + rows)
            light = cv2.transform(_look_up(picture[part], self._light), self._matrix)
            np.maximum(light, 0, out=light)  # colours that BT.709 has not
            cv2.sqrt(light, light)
            np.minimum(light, _STEPS - 1, out=light)
            result[part] = _look_up(light.astype(np.uint16), self._code)
        return result


def _look_up(picture: NDArray[np.uint16], table: NDArray[Number]) -> NDArray[Number]:
    """The entry of *table* for every value."""
    try:
        found: NDArray[Number] = cv2.LUT(picture, table)
    except cv2.error:  # before OpenCV 5 it takes eight bits only; NumPy needs three times as long
        found = table.take(picture, mode="clip")
    return found


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the PQ signal, 1 for diffuse white (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = signal ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) * (10_000 / _PAPER)
    return light


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the HLG signal, 1 for diffuse white (ARIB STD-B67).

    The light of the scene is taken as that of the screen: on a screen of 300 cd/m2, which is an ordinary one, BT.2100
    makes the exponent between the two 1.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12) / _HLG_PAPER


def _shoulder(light: NDArray[np.float64], brightest: float) -> NDArray[np.float64]:
    """Light 0..*brightest* -> 0..1: a straight line up to the knee, from there on Reinhard's curve, which meets it."""
    if brightest <= 1:
        return np.minimum(light, 1)
    over = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    most = (brightest - _KNEE) / (1 - _KNEE)
    bent = over * (1 + over / most**2) / (1 + over)
    return np.minimum(np.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * bent), 1)
