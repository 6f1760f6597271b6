"""The measures of video salient object detection, by ``pysodmetrics`` (MAE, S, E and F)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.data.raw_masks import RawMask
from gsanet.evaluation.result import Scores
from gsanet.video.images import Mask


class SaliencyMeasures:
    """Accumulates the frames of one sequence."""

    def __init__(self, stretch: bool = True) -> None:
        """*stretch*: spread each map over 0..1 first, as the field's toolboxes do.

        Raises:
            GsanetError: ``pysodmetrics`` is not installed.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from py_sod_metrics.sod_metrics import MAE, Emeasure, Fmeasure, Smeasure

                self._f, self._e, self._s, self._mae = Fmeasure(), Emeasure(), Smeasure(), MAE()
        except ImportError:
            raise GsanetError("--protocol vsod needs pysodmetrics: pip install 'gsanet[eval]'") from None
        self.stretch = stretch

    def add(self, saliency: NDArray[np.uint8], gt: Mask) -> None:
        """A frame: map (H,W) uint8 and mask (H,W) bool."""
        pred: Any = saliency if self.stretch else saliency / 255.0
        truth: Any = gt.astype(np.uint8) * 255 if self.stretch else gt
        for measure in (self._f, self._e, self._s, self._mae):
            measure.step(pred, truth, normalize=self.stretch)

    def values(self) -> dict[str, list[float]]:
        """Per frame: S, MAE, and F and E at the adaptive threshold."""
        series = {
            "S": self._s.sms,
            "MAE": self._mae.maes,
            "F_adaptive": self._f.adaptive_fms,
            "E_adaptive": self._e.adaptive_ems,
        }
        return {name: [float(v) for v in values] for name, values in series.items()}

    def curves(self) -> dict[str, list[float]]:
        """Mean over the frames of F and E at each of 256 thresholds."""
        series = {"F": self._f.changeable_fms, "E": self._e.changeable_ems}
        return {name: np.mean(np.asarray(values, np.float64), axis=0).tolist() for name, values in series.items()}


def curve_scores(curves: dict[str, list[float]]) -> Scores:
    """Maximum and mean over thresholds of averaged curves."""
    scores: Scores = {}
    for name, curve in curves.items():
        scores[f"{name}_max"] = float(np.max(curve))
        scores[f"{name}_mean"] = float(np.mean(curve))
    return scores


def saliency_map(raw: RawMask, path: Path) -> NDArray[np.uint8]:
    """A mask file as a map 0..255; masks of 0 and 1 become 0 and 255.

    Raises:
        GsanetError: objects or colours instead of a map.
    """
    if raw.kind == "palette":
        if len(raw.levels) > 2:
            raise GsanetError(f"{path} holds {len(raw.levels) - 1} objects: a saliency map is grey")
        return np.where(raw.values != 0, np.uint8(255), np.uint8(0))
    if raw.kind == "colour":
        raise GsanetError(f"{path} is a colour picture, not a saliency map")
    if raw.kind == "bit" or raw.levels == (0, 1):
        return np.where(raw.values != 0, np.uint8(255), np.uint8(0))
    if raw.full == 255 and raw.values.dtype == np.uint8:
        return raw.values
    return np.asarray(raw.values * np.float32(255 / raw.full), np.uint8)
