"""Video saliency measures are those of pysodmetrics, averaged frame, sequence, data set."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from discs import LENGTHS, SIZE, truth_masks
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.evaluation import evaluate

sod = pytest.importorskip("py_sod_metrics.sod_metrics", reason="pysodmetrics is not installed (extra eval)")


def maps(name: str) -> list[np.ndarray]:
    rng = np.random.default_rng(len(name))
    return [
        np.where(m, rng.integers(90, 256, SIZE), rng.integers(0, 140, SIZE)).astype(np.uint8) for m in truth_masks(name)
    ]


@pytest.fixture
def soft(tmp_path: Path) -> Path:
    for name in LENGTHS:
        (tmp_path / "soft" / name).mkdir(parents=True)
        for i, values in enumerate(maps(name)):
            Image.fromarray(values).save(tmp_path / "soft" / name / f"{i:05d}.png")
    return tmp_path / "soft"


def expected() -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    curves: dict[str, list[np.ndarray]] = {"F": [], "E": []}
    for name in LENGTHS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measures = [sod.MAE(), sod.Smeasure(), sod.Fmeasure(), sod.Emeasure()]
        for values, mask in list(zip(maps(name), truth_masks(name), strict=True))[1:-1]:
            for measure in measures:
                measure.step(values, mask.astype(np.uint8) * 255)
        mae, s, f, e = (m.get_results() for m in measures)
        found = {"MAE": mae["mae"], "S": s["sm"], "F_adaptive": f["fm"]["adp"], "E_adaptive": e["em"]["adp"]}
        for key, value in found.items():
            scores.setdefault(key, []).append(float(value))
        curves["F"].append(f["fm"]["curve"])
        curves["E"].append(e["em"]["curve"])
    result = {key: float(np.mean(values)) for key, values in scores.items()}
    for key, drawn in curves.items():
        result[f"{key}_max"] = float(np.mean(drawn, axis=0).max())
        result[f"{key}_mean"] = float(np.mean(drawn))
    return result


def test_agrees_with_pysodmetrics(gt: Path, soft: Path) -> None:
    overall = evaluate(soft, gt, protocol_name="vsod").result.overall
    for key, value in expected().items():
        assert overall[key] == pytest.approx(value, abs=1e-6), key


def test_unstretched_maps_keep_their_level(gt: Path, tmp_path: Path) -> None:
    for name in LENGTHS:
        (tmp_path / "pale" / name).mkdir(parents=True)
        for i, mask in enumerate(truth_masks(name)):
            Image.fromarray(mask.astype(np.uint8) * 51).save(tmp_path / "pale" / name / f"{i:05d}.png")
    stretched = evaluate(tmp_path / "pale", gt, protocol_name="vsod").result
    plain = evaluate(tmp_path / "pale", gt, protocol_name="vsod", stretch=False).result
    assert stretched.overall["MAE"] == 0
    share = np.mean([np.mean([m.mean() for m in truth_masks(n)[1:-1]]) for n in LENGTHS])
    assert plain.overall["MAE"] == pytest.approx(0.8 * share)
    assert "Maps are not stretched." in plain.choices


def test_objects_are_no_saliency_map(gt: Path, soft: Path) -> None:
    labels = truth_masks("duck")[2].astype(np.uint8)
    labels[:5] = 2
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(soft / "duck" / "00002.png")
    with pytest.raises(GsanetError, match="2 objects"):
        evaluate(soft, gt, protocol_name="vsod")
