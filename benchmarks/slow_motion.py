"""Pictures that the weights never saw, set in slow and noisy motion: flow to the next frame, or followed further.

    python benchmarks/slow_motion.py DATA/DUTS_val [--model FILE ...] [--pace 0.1,0.03] [--count 120]

Each picture, at 448 pixels, goes on in the same motion for a few frames, a pace of that of `benchmarks/pictures.py`
(1: the shift of the ground has a standard deviation of 2 % of the diagonal, that of the object 2.5 % more), and every
frame gets grey noise of two levels of 255. The network sees the first frame once with flow by `dis-sharp` to the next
one and once with what the engine makes of it (`segment/slow.py`). J&F in percent, and the difference with its 95 %
interval (bootstrap over pictures).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask
from gsanet.data.layout import image_pairs
from gsanet.data.masks import read_truth
from gsanet.data.sample import noisy
from gsanet.data.synthetic import Scene, SyntheticMotion
from gsanet.evaluation import boundary_accuracy, region_similarity
from gsanet.evaluation.compare import bootstrap
from gsanet.flow.colour import Flow
from gsanet.flow.methods import flow_methods
from gsanet.model.input_size import network_size
from gsanet.runtime.interface import Pictures, Runtime
from gsanet.runtime.opening import open_pretrained
from gsanet.segment.kept import Kept
from gsanet.segment.links import Link
from gsanet.segment.motion import draw
from gsanet.segment.options import Way
from gsanet.segment.pictures import Prepared
from gsanet.segment.slow import MOST, followed
from gsanet.video.images import read_rgb
from gsanet.video.resize import resize, resize_mask

SIDE, NOISE = 448, 2.0
USUAL = SyntheticMotion(slant=0.7)
WAY = Way("forward", "dis-sharp")


def main() -> None:
    """A row for each pace and model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", help="weights; the packaged ones if none are named")
    parser.add_argument("--pace", default="0.1,0.03", help="separated by commas")
    parser.add_argument("--count", type=int, default=120)
    arguments = parser.parse_args()
    models = arguments.model or ["lite"]
    networks = [open_pretrained(model) for model in models]
    pairs = image_pairs(arguments.data, check_sizes=False)[: arguments.count]
    for pace in map(float, arguments.pace.split(",")):
        # By picture, model, and flow to the next frame or followed.
        scores = np.zeros((len(pairs), len(networks), 2))
        for i, pair in enumerate(pairs):
            image = read_rgb(pair.rgb)
            assert pair.gt is not None
            truth = read_truth(pair.gt)
            flows = _flows(image, truth, pace, i)
            for m, network in enumerate(networks):
                scores[i, m] = [_score(network, image, truth, flow) for flow in flows]
        for m, model in enumerate(models):
            (one, more), gain = 100 * scores[:, m].mean(0), bootstrap(100 * (scores[:, m, 1] - scores[:, m, 0]))[0]
            said = f"{gain.mean:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
            print(f"pace {pace:g}, {len(pairs)} pictures: to the next {one:.2f}, followed {more:.2f}, {said}  {model}")


def _flows(image: NDArray[np.uint8], truth: NDArray[np.bool_], pace: float, seed: int) -> tuple[Flow, Flow]:
    """Of the first frame, to the next one and as the engine follows it."""
    height, width = image.shape[:2]
    size = (round(height * SIDE / max(height, width)), round(width * SIDE / max(height, width)))
    scene = Scene(resize(image, size), resize_mask(truth.astype(np.uint8), size) > 0)
    frames = [scene.image]
    for number in range(1, MOST + 2):
        # All is drawn from a normal distribution, so that the same numbers give the same motion, so many times as far.
        far = pace * number
        motion = SyntheticMotion(
            camera=far * USUAL.camera, camera_turn=far * USUAL.camera_turn, object=far * USUAL.object,
            object_turn=far * USUAL.object_turn, slant=USUAL.slant,
        )  # fmt: skip
        frames.append(motion.next_frame(np.random.default_rng(seed), scene))
    rng = np.random.default_rng(seed)
    frames = [noisy(rng, frame, NOISE) for frame in frames]
    dis = flow_methods([WAY.method])[WAY.method]
    link = Link(np.zeros((*size, 2), np.float32), np.ones(size, np.float32))
    prepared = [
        Prepared(Kept(i, i / 25, str(i), size), {}, {WAY: dis(frames[i], frames[i + 1])}, True, link if i else None)
        for i in range(MOST + 1)
    ]
    return prepared[0].flows[WAY], next(followed(prepared, causal=False)).flows[WAY]


def _score(network: Runtime, image: NDArray[np.uint8], truth: NDArray[np.bool_], flow: Flow) -> float:
    """J&F of one look, its own reference."""
    size = network_size(*image.shape[:2], network.config, SIDE)
    answer = network([Pictures(resize(image, size), draw(flow, size, True, False))], [])[0]
    mask = object_mask(resize(answer.probability, truth.shape))
    return (region_similarity(mask, truth) + boundary_accuracy(mask, truth)) / 2


if __name__ == "__main__":
    main()
