"""Pictures that the weights never saw, set in motion or still, looked at in three ways.

    python benchmarks/pictures.py DATA/DUTS_val [--model FILE ...] [--flow NAME ...] [--count 500] [-o scores.json]

Each picture has a next frame rendered by the synthetic motion of training (a slanted ground, nothing in it but the
object), or stands still; with `--state resting` parts of the object move as the ground does (`data/ground.py`).
``whole`` is one pass over the whole picture, its own reference; ``closer`` is the closer look of `segment/fovea.py` in
its place where that would be taken, ``mean`` both.
Flow is DIS, or what `--flow` names; `dis+dis-fast` is the mean of what the network sees by each. J and F in percent;
the difference from the first model and flow comes with its 95 % interval (bootstrap over pictures).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask
from gsanet.data.ground import resting
from gsanet.data.layout import image_pairs
from gsanet.data.masks import read_truth
from gsanet.data.synthetic import Scene, SyntheticMotion
from gsanet.evaluation import boundary_accuracy, region_similarity
from gsanet.evaluation.compare import bootstrap
from gsanet.flow.methods import flow_methods, methods_in
from gsanet.model.input_size import network_size
from gsanet.runtime.interface import Pictures, Runtime
from gsanet.runtime.opening import open_pretrained
from gsanet.segment.fovea import (
    PIXELS,
    SHARE,
    Closer,
    canvas,
    closer_pictures,
    closer_size,
    look_at,
    object_box,
    put_in,
)
from gsanet.segment.motion import draw
from gsanet.segment.options import Way
from gsanet.video.images import read_rgb
from gsanet.video.resize import resize

MOTION = SyntheticMotion(slant=0.7)
WAY = Way("forward", "dis")
WAYS = ("whole", "closer", "mean")
SMALL = 0.1
"""Share of the picture below which an object counts as small."""

Scores = NDArray[np.float64]


def main() -> None:
    """All models, in one go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", help="weights; the packaged ones if none are named")
    parser.add_argument(
        "--flow", action="append", help="a method of gsanet flow, or several with + between; dis if none"
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--state", choices=("moving", "resting", "still", "both"), default="both")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    models = arguments.model or ["lite"]
    networks = [open_pretrained(model) for model in models]
    flows = arguments.flow or ["dis"]
    methods = flow_methods(name for flow in flows for name in flow.split("+"))
    seen = [(network, methods_in(flow)) for network in networks for flow in flows]
    told = [f"{model}, {flow}" for model in models for flow in flows]
    pairs = image_pairs(arguments.data, check_sizes=False)[: arguments.count]
    states = ("moving", "still") if arguments.state == "both" else (arguments.state,)
    # By state: picture, model and flow, way, J or F.
    found: dict[str, Scores] = {state: np.full((len(pairs), len(seen), len(WAYS), 2), np.nan) for state in states}
    areas = np.zeros(len(pairs))
    for i, pair in enumerate(pairs):
        image = read_rgb(pair.rgb)
        assert pair.gt is not None
        truth = read_truth(pair.gt)
        areas[i] = truth.mean()
        for state in states:
            vectors = dict.fromkeys(methods, np.zeros((*truth.shape, 2), np.float32))
            if state != "still":
                for name, method in methods.items():
                    flow = MOTION.flow(np.random.default_rng(i), Scene(image, truth), method)
                    vectors[name] = resting(np.random.default_rng(i), flow, truth) if state == "resting" else flow
            for m, (network, names) in enumerate(seen):
                looks = _looks(network, image, [vectors[name] for name in names], arguments.size)
                for w, probability in enumerate(looks):
                    mask = object_mask(resize(probability, truth.shape))
                    found[state][i, m, w] = region_similarity(mask, truth), boundary_accuracy(mask, truth)
        if i % 50 == 49:
            print(f"{i + 1} of {len(pairs)}", flush=True)
    for state, scores in found.items():
        _tell(f"{state}, {len(pairs)} pictures", told, 100 * scores)
        _tell(f"{state}, {int((areas < SMALL).sum())} small objects", told, 100 * scores[areas < SMALL])
    if arguments.out:
        arguments.out.write_text(json.dumps({"models": told, **{s: v.tolist() for s, v in found.items()}}))


def _looks(network: Runtime, image: NDArray[np.uint8], flows: list[NDArray[np.float32]], side: int) -> list[Any]:
    """Probabilities of the whole picture, of it with the closer look in its place, and of both."""
    height, width = image.shape[:2]
    size = network_size(height, width, network.config, side)
    whole = _mean(network, [Pictures(resize(image, size), draw(flow, size, True, False)) for flow in flows])
    box = look_at([object_box(whole)], instead=True)
    if box is None:
        return [whole, whole, whole]
    box = box.snapped((height, width))
    part = closer_size(box, (height, width), size, PIXELS)
    closer = _mean(
        network, [closer_pictures(Closer(image, {WAY: flow}, True), box, part, WAY, False) for flow in flows]
    )
    looks = [whole]
    for share in (1.0, SHARE):
        both = canvas(whole, closer, box, (height, width))
        put_in(both, closer, box, share)
        looks.append(both)
    return looks


def _mean(network: Runtime, pictures: list[Pictures]) -> NDArray[np.float32]:
    return np.mean([network([one], [])[0].probability for one in pictures], axis=0, dtype=np.float32)


def _tell(what: str, models: list[str], scores: Scores) -> None:
    print(f"\n{what}: J / F")
    for m, model in enumerate(models):
        words = [f"{way} {j:.2f} / {f:.2f}" for way, (j, f) in zip(WAYS, scores[:, m].mean(0), strict=True)]
        print(f"  {', '.join(words)}  {model}")
    for m in range(1, len(models)):
        for w, way in enumerate(WAYS):
            gain, _ = bootstrap((scores[:, m, w] - scores[:, 0, w]).mean(1))
            said = f"{gain.mean:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
            print(f"  {way}: J&F {said}  {models[m]} against {models[0]}")


if __name__ == "__main__":
    main()
