"""Time the evaluator against ``vos-benchmark`` on as many masks as DAVIS-2016 val has, and check that they agree.

    python benchmarks/evaluator.py [--frames 1376] [--sequences 20] [--workers N] [--masks FOLDER]

Masks are drawn (wobbling shapes, 480x854) unless a folder of real ones is given, which are then used in
turn, scaled to 480x854. Both tools read the same PNGs with the same number of processes. Needs ``pip install
vos-benchmark scikit-image tqdm``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from gsanet.evaluation import evaluate

SIZE = (480, 854)


def drawn(rng: np.random.Generator) -> np.ndarray:
    """A closed, wobbling outline, filled."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    wobble = sum(rng.normal(0, 0.25 / k) * np.sin(k * angle + rng.uniform(0, 6.3)) for k in range(1, 9))
    radius = rng.uniform(60, 150) * (1 + 0.5 * wobble)
    centre = rng.uniform(0.25, 0.75, 2) * SIZE[::-1]
    points = np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1)
    mask = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(mask, [points.astype(np.int32)], 255)
    return mask


def write_data(root: Path, frames: int, sequences: int, masks: Path | None) -> None:
    rng = np.random.default_rng(0)
    real = sorted(masks.glob("*.png")) if masks else []
    for number, share in enumerate(np.array_split(np.arange(frames), sequences)):
        for kind in ("gt", "pred"):
            (root / kind / f"s{number:02d}").mkdir(parents=True)
        for i in share:
            if real:
                loaded = np.asarray(Image.open(real[i % len(real)]).convert("L"))
                gt = cv2.resize(loaded, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
                gt = (gt > 127).astype(np.uint8) * np.uint8(255)
            else:
                gt = drawn(rng)
            pred = np.roll(gt, rng.integers(-8, 9, 2), axis=(0, 1))
            # Never empty: vos-benchmark counts no frame before the first in which it has seen the object.
            pred[:4, :4] = gt[:4, :4] = 255
            for kind, values in (("gt", gt), ("pred", pred)):
                Image.fromarray(values).save(root / kind / f"s{number:02d}" / f"{i:05d}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1376)
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--masks", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_data(root, given.frames, given.sequences, given.masks)
        start = time.perf_counter()
        ours = evaluate(root / "pred", root / "gt", workers=given.workers).result
        seconds = time.perf_counter() - start
        print(f"{given.frames} frames, {given.sequences} sequences, {given.workers} processes")
        print(f"gsanet         {seconds:6.2f} s  J {ours.overall['J'] * 100:.6f}  F {ours.overall['F'] * 100:.6f}")

        from vos_benchmark.benchmark import benchmark

        start = time.perf_counter()
        _, (j,), (f,), _ = benchmark(
            [str(root / "gt")], [str(root / "pred")], num_processes=given.workers, verbose=False
        )
        theirs = time.perf_counter() - start
        print(f"vos-benchmark  {theirs:6.2f} s  J {j:.6f}  F {f:.6f}")
        print(f"{theirs / seconds:.1f} times as fast")
        if max(abs(ours.overall["J"] * 100 - j), abs(ours.overall["F"] * 100 - f)) > 1e-6:
            raise SystemExit("the two disagree")


if __name__ == "__main__":
    main()
