"""Segment and evaluate in one go, on both layouts, with an untrained model: the numbers are poor, their path is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from discs import LENGTHS
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.evaluation import evaluate
from gsanet.evaluation.benchmark import benchmark
from gsanet.model import GSANet, variant
from gsanet.segment.engine import Segmenter
from gsanet.video.images import read_mask


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    torch.manual_seed(0)
    model = GSANet(variant("lite", channels=8, clusters=8, neighbours=4, size=64))
    return Segmenter(model, device="cpu", precision="float32", name="tiny")


def test_masks_numbers_and_speed(segmenter: Segmenter, gt: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    found = benchmark(segmenter, gt, tmp_path / "out", step=lambda *s: seen.append(s)).result
    assert seen[-1] == ("swan", 20, 20)
    masks = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert len(masks) == sum(LENGTHS.values())
    assert masks[0] == "duck/masks/00000.png"
    assert found.name == "tiny"
    assert found.facts["segmented_frames"] == 20
    assert found.facts["frames_per_second"] > 0
    assert found.overall == evaluate(tmp_path / "out", gt).result.overall
    # The same masks as the engine gives for the frames in memory: names and order were kept.
    expected = segmenter.segment(np.stack([np.asarray(Image.open(p)) for p in sorted((gt / "goat" / "RGB").iterdir())]))
    written = [read_mask(tmp_path / "out" / "goat" / "masks" / f"{i:05d}.png") for i in range(LENGTHS["goat"])]
    assert np.array_equal(expected, np.stack(written))


def test_flat_layout_and_chosen_sequences(segmenter: Segmenter, gt: Path, tmp_path: Path) -> None:
    for kind in ("GT", "RGB"):
        (tmp_path / "flat" / kind).mkdir(parents=True)
        for name in LENGTHS:
            for path in (gt / name / kind).iterdir():
                shutil.copy(path, tmp_path / "flat" / kind / f"{name}_{path.name}")
    found = benchmark(segmenter, tmp_path / "flat", tmp_path / "out", sequences=["goat"]).result
    assert [s.name for s in found.sequences] == ["goat"]
    assert len(list((tmp_path / "out").rglob("*.png"))) == LENGTHS["goat"]


def test_pictures_are_asked_for_before_the_work(segmenter: Segmenter, gt: Path, tmp_path: Path) -> None:
    (gt / "swan" / "RGB" / "00004.png").unlink()
    with pytest.raises(GsanetError, match="swan: no picture for annotated frame 00004"):
        benchmark(segmenter, gt, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(GsanetError, match="no ground truth for horse"):
        benchmark(segmenter, gt, tmp_path / "out", sequences=["horse"])
