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
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.data.layout import sequences
from gsanet.data.masks import read_truth
from gsanet.evaluation import region_similarity
from gsanet.flow.colour import Flow
from gsanet.flow.methods import flow_methods
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
    wanted = arguments.sequences.split(",") if arguments.sequences else None
    videos = [
        video
        for video in sequences(arguments.data, need_gt=True, check_sizes=False)
        if wanted is None or video.name in wanted
    ]
    methods = flow_methods(arguments.methods.split(","), weights=arguments.weights)
    print("| method | overlap | frames | ms a pair |\n|---|---|---|---|")
    for name, method in methods.items():
        found: dict[str, list[float]] = {}
        spent = []
        for video in videos:
            for frame, following in islice(pairwise(video.frames), 0, None, arguments.every):
                first, second = (limit(read_rgb(one.rgb), SIDE) for one in (frame, following))
                assert frame.gt is not None
                truth = limit(read_truth(frame.gt).astype(np.float32), SIDE) > 0.5
                if truth.any():
                    started = time.process_time()
                    flow = method(first, second)
                    spent.append(1000 * (time.process_time() - started))
                    found.setdefault(video.name, []).append(overlap(residual(flow), truth))
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
    """J with *truth* (h,w) of the best threshold on *length* (h,w)."""
    return max(region_similarity(length > threshold, truth) for threshold in np.quantile(length, THRESHOLDS))


if __name__ == "__main__":
    main()
