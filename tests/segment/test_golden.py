"""The masks of the shipped weights on twelve frames of the bundled clip, kept as pictures: nothing changes them unseen.

After a change that is meant to change them: ``GSANET_GOLDEN=write pytest tests/segment/test_golden.py``, and look.
"""

from __future__ import annotations

import os
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from gsanet import Segmenter, open_clip, sample_clip
from gsanet.runtime.interface import RuntimeName
from gsanet.video.images import read_mask, write_mask, write_rgb

GOLDEN = Path(__file__).parent / "golden"
FAILURES = Path(__file__).parents[1] / "failures"
"""Frames whose masks differ, to look at: white where both have the object, red what is gone, green what is new."""

FRAMES = range(0, 120, 10)
LIKE = 0.99


def frames() -> list[np.ndarray]:
    """Every tenth frame, as a clip of its own: far apart, so that each mask says something else."""
    return [frame.image for frame in open_clip(sample_clip()).frames_at(FRAMES)]


def difference(mask: np.ndarray, golden: np.ndarray, image: np.ndarray) -> np.ndarray:
    colours = np.zeros((*mask.shape, 3), np.uint8)
    colours[mask & golden], colours[golden & ~mask], colours[mask & ~golden] = 255, (255, 0, 0), (0, 255, 0)
    return np.concatenate((image, colours), axis=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "runtime",
    [
        "onnx",
        pytest.param("torch", marks=pytest.mark.skipif(not util.find_spec("torch"), reason="torch is not installed")),
    ],
)
def test_masks_of_the_shipped_weights(runtime: RuntimeName) -> None:
    images = frames()
    masks = Segmenter.from_pretrained(runtime=runtime, precision="float32").segment(images)
    files = [GOLDEN / f"{number:05d}.png" for number in FRAMES]
    if os.environ.get("GSANET_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        for file, mask in zip(files, masks, strict=True):
            write_mask(file, mask)
    wrong = {}
    for file, mask, image in zip(files, masks, images, strict=True):
        golden = read_mask(file)
        either = (mask | golden).sum()
        iou = float((mask & golden).sum() / either) if either else 1.0
        if iou < LIKE:
            wrong[file.stem] = round(iou, 4)
            FAILURES.mkdir(exist_ok=True)
            write_rgb(FAILURES / f"{runtime}-{file.name}", difference(mask, golden, image))
    assert not wrong, f"IoU below {LIKE}: {wrong}; look in {FAILURES}"
