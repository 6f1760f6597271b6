"""A tiny data folder and a tiny recipe: bright squares that move over dark noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

RECIPE = """
seed = 3
backbone_weights = "none"
precision = "float32"
threads = 1
workers = 0
checkpoint_minutes = 0.0

[model]
backbone = "test_efficientnet"
channels = 8
clusters = 6
neighbours = 3
heads = 1
head_dim = 4
iterations = 2
references = 2

[pretrain]
steps = 6
batch = 2
sizes = [[64, 96], [64, 64]]
warmup = 2
validate_every = 3
validate_frames = 2

[train]
steps = 6
batch = 4
group = 2
sizes = [[64, 96], [96, 64]]
warmup = 2
validate_every = 3
validate_frames = 4
held_out = ["left"]
synthetic = 0.4
distractor = 0.3

[train.flow]
gaps = [1, -1, 2]
global_motion = 0.5
blank = 0.1

[train.motion]
distractor = 0.3
near = 0.5
front = 0.5
slant = 0.5
"""


def frame(rng: np.random.Generator, left: int, top: int) -> tuple[np.ndarray, np.ndarray]:
    """A square of 24 pixels at (left, top): picture (72,104,3) and mask (72,104)."""
    picture = rng.integers(0, 60, (72, 104, 3), dtype=np.uint8)
    mask = np.zeros((72, 104), np.uint8)
    picture[top : top + 24, left : left + 24] += np.array([150, 90, 40], np.uint8)
    mask[top : top + 24, left : left + 24] = 255
    return picture, mask


def make_world(root: Path) -> Path:
    """``DUTS_train``, ``DUTS_val`` and ``DAVIS_train`` (two sequences of six frames) below *root*."""
    rng = np.random.default_rng(0)
    for name, count in (("DUTS_train", 5), ("DUTS_val", 2)):
        for i in range(count):
            _write(root / name, f"picture{i}", *frame(rng, int(rng.integers(0, 80)), int(rng.integers(0, 48))))
    for name, step in (("right", 5), ("left", -5)):
        for t in range(6):
            _write(root / "DAVIS_train", f"{name}_{t:05d}", *frame(rng, 40 + step * t, 20))
    (root / "tiny.toml").write_text(RECIPE)
    return root


def _write(folder: Path, name: str, picture: np.ndarray, mask: np.ndarray) -> None:
    for kind, image in (("RGB", picture[..., ::-1]), ("GT", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / kind / f"{name}.png"), image)
