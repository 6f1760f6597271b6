"""How well what moves by itself shows in flow: the best threshold on residual motion against the object.

    python benchmarks/motion_overlap.py DATA/DAVIS_train --methods dis,dis-fast [--sequences surf,train] [--every 6]
    python benchmarks/motion_overlap.py DATA/DAVIS_train --methods gmflow --weights flownet.pkl

Of each frame's flow to the next, found on frames of 384 pixels, the affine motion of the ground is taken away (least
squares, four times, each time without what is more than twice the median off). Of sixty thresholds on the length of
what is left the one counts whose pixels overlap the true mask best: a measure for flow, not a way to segment. The mean
over each sequence's frames, then over the sequences; and milliseconds a pair on one thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.data.masks import read_truth
from gsanet.flow.colour import Flow
from gsanet.flow.methods import METHODS, flow_method
from gsanet.video.images import read_rgb
from gsanet.video.resize import limit

SIDE = 384
ROUNDS = 4
THRESHOLDS = np.linspace(0.3, 0.995, 60)
"""Shares of the pixels that lie below."""


def main() -> None:
    """A row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods", default="dis")
    parser.add_argument("--weights", type=Path, help="for those that need a file")
    parser.add_argument("--sequences", help="separated by commas; all if not given")
    parser.add_argument("--every", type=int, default=6, help="one of so many frames is looked at")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    sequences: dict[str, list[Path]] = {}
    for file in sorted((arguments.data / "RGB").iterdir()):
        sequences.setdefault(file.stem.rsplit("_", 1)[0], []).append(file)
    wanted = set(arguments.sequences.split(",")) if arguments.sequences else set(sequences)
    print("| method | overlap | frames | ms a pair |\n|---|---|---|---|")
    for name in arguments.methods.split(","):
        method = flow_method(name, weights=arguments.weights if "weights" in METHODS[name].settings else None)
        found: dict[str, list[float]] = {}
        spent = []
        for sequence in sorted(wanted & set(sequences)):
            files = sequences[sequence]
            for at in range(0, len(files) - 1, arguments.every):
                first, second = (limit(read_rgb(file), SIDE) for file in files[at : at + 2])
                truth = read_truth(arguments.data / "GT" / f"{files[at].stem}.png")
                truth = cv2.resize(truth.astype(np.uint8) * 255, first.shape[1::-1], interpolation=cv2.INTER_AREA) > 127
                if truth.any():
                    started = time.process_time()
                    flow = method(first, second)
                    spent.append(1000 * (time.process_time() - started))
                    found.setdefault(sequence, []).append(overlap(residual(flow), truth))
        mean = np.mean([np.mean(values) for values in found.values()])
        print(f"| {name} | {mean:.3f} | {len(spent)} | {np.median(spent):.0f} |", flush=True)


def residual(flow: Flow) -> NDArray[np.float64]:
    """How far each pixel of a flow (h,w,2) moves against the ground, in pixels, (h,w)."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    places = np.stack([np.ones(y.size), y / height, x / width], 1)
    vectors = flow.reshape(-1, 2)
    ground = np.ones(y.size, bool)
    length = np.zeros(y.size)
    for _ in range(ROUNDS):
        affine = np.linalg.lstsq(places[ground], vectors[ground], rcond=None)[0]
        length = np.linalg.norm(vectors - places @ affine, axis=1)
        ground = length <= 2 * np.median(length) + 1e-6
    return length.reshape(height, width)


def overlap(length: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Intersection over union with *truth* (h,w) of the best threshold on *length* (h,w)."""
    masks = (length > threshold for threshold in np.quantile(length, THRESHOLDS))
    return max(float((mask & truth).sum() / max(1, (mask | truth).sum())) for mask in masks)


if __name__ == "__main__":
    main()
