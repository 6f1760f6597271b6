"""A tiny benchmark: moving discs as ground truth, the same discs a little off as predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 80)
LENGTHS = {"duck": 9, "goat": 5, "swan": 6}


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def truth_masks(name: str) -> list[np.ndarray]:
    start = 10 + 3 * list(LENGTHS).index(name)
    return [disc(start + 5 * i, 22 + i, 11) for i in range(LENGTHS[name])]


def predicted_masks(name: str, worse: float = 1.0) -> list[np.ndarray]:
    start = 10 + 3 * list(LENGTHS).index(name)
    return [disc(start + 5 * i + worse * (i % 4), 22 + i, 11 - worse * (i % 3)) for i in range(LENGTHS[name])]


def write_grey(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path)


def write_masks(folder: Path, masks: list[np.ndarray], first: int = 0) -> None:
    for i, mask in enumerate(masks, start=first):
        write_grey(folder / f"{i:05d}.png", mask)


def write_truth(root: Path) -> Path:
    """``<sequence>/{RGB,GT}``."""
    ground = np.random.default_rng(0).integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    for name in LENGTHS:
        write_masks(root / name / "GT", truth_masks(name))
        (root / name / "RGB").mkdir()
        for i, mask in enumerate(truth_masks(name)):
            Image.fromarray(ground + mask[..., None].astype(np.uint8) * 150).save(root / name / "RGB" / f"{i:05d}.png")
    return root
