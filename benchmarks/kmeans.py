"""Our k-means against others on the same vectors: how good the clusters are, and how long they take.

    pip install fast-pytorch-kmeans psutil   # no dependencies of gsanet; without them, it is left out
    python benchmarks/kmeans.py [--repeat N] [--device cuda] [--size 448]

The vectors are what the shipped model clusters, embedded stage-3 pixels of both streams on frames of the clip inside
the package, and random ones of the same shape. Everybody does the same number of Lloyd iterations; others have no
batches and take image by image, each from its own start (k-means++ for scikit-learn, random pixels for
fast-pytorch-kmeans, both also from ours). Inertia is the mean squared distance of a vector to its nearest centre,
averaged over images and, where there is chance in it, three seeds. Time is the shortest of N runs.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib import util

import numpy as np
import torch
from torch import Tensor

from gsanet import Options, open_clip, sample_clip
from gsanet.base.device import choose_device
from gsanet.model import GSANet
from gsanet.model.clustering import evenly_spaced, kmeans
from gsanet.segment.motion import open_motion
from gsanet.segment.pictures import prepared_frames
from gsanet.weights.checkpoint import load_model
from gsanet.weights.packaged import find_weights

BATCHES = (1, 8, 32)
SEEDS = 3

Method = Callable[[Tensor, int, int, int], Tensor]
"""Vectors (B,P,C), clusters, iterations and seed -> centres (B,D,C)."""


def ours(x: Tensor, clusters: int, iterations: int, seed: int) -> Tensor:
    return kmeans(x, clusters, iterations)[1]


def fast_pytorch(x: Tensor, clusters: int, iterations: int, seed: int, same_start: bool = False) -> Tensor:
    from fast_pytorch_kmeans import KMeans

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it draws from the global generator
    centres = []
    for one in x:
        method = KMeans(clusters, max_iter=iterations, tol=0)
        start = one[evenly_spaced(len(one), clusters, x.device)].clone() if same_start else None
        method.fit(one, start)
        centres.append(method.centroids)
    return torch.stack(centres)


def scikit_learn(x: Tensor, clusters: int, iterations: int, seed: int, same_start: bool = False) -> Tensor:
    from sklearn.cluster import KMeans

    centres = []
    for one in x.cpu().numpy():
        start = one[evenly_spaced(len(one), clusters).numpy()] if same_start else "k-means++"
        method = KMeans(clusters, init=start, n_init=1, max_iter=iterations, tol=0, random_state=seed, copy_x=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged, which nobody has after so few
            centres.append(method.fit(one).cluster_centers_)
    return torch.from_numpy(np.stack(centres)).to(x)


def inertia(x: Tensor, centres: Tensor) -> float:
    """Mean over all vectors of the squared distance to the nearest centre, in float64."""
    return float(torch.cdist(x.double(), centres.double()).amin(-1).square().mean())


@torch.inference_mode()
def features(model: GSANet, count: int, size: int | None) -> Tensor:
    """Embedded stage-3 pixels (count,h*w,C), half of the RGB stream and half of the flow stream."""
    clip = open_clip(sample_clip())
    options = Options(size=size)
    views = options.views(clip.height, clip.width, model.config)
    frames = max(1, count // 2)
    wanted = range(0, clip.length or 0, (clip.length or 0) // frames)[:frames]
    prepared = prepared_frames(clip, views, open_motion(options, clip), only=wanted)
    shown = [one.picture(views[0]) for one in prepared]
    found = []
    for one in shown:
        pictures = [model.normalise(torch.from_numpy(p).permute(2, 0, 1)[None]) for p in one]
        for stages, slots in zip(model.encode(*pictures), (model.rgb_slots, model.flow_slots), strict=True):
            found.append(slots.squeeze(stages[2]).flatten(2).transpose(1, 2))
    return torch.cat(found)[:count].contiguous()


def methods() -> dict[str, tuple[Method, int]]:
    """By name, with the number of seeds that make a difference."""
    found: dict[str, tuple[Method, int]] = {"gsanet": (ours, 1)}
    for name, packages, install, method in (
        # Its own list of requirements lacks psutil.
        ("fast-pytorch-kmeans", ("fast_pytorch_kmeans", "psutil"), "fast-pytorch-kmeans psutil", fast_pytorch),
        ("scikit-learn", ("sklearn",), "scikit-learn", scikit_learn),
    ):
        if all(util.find_spec(package) for package in packages):
            found[name] = (method, SEEDS)
            found[f"{name}, our start"] = (partial(method, same_start=True), 1)
        else:
            print(f"{name} is left out: pip install {install}")
    return found


def seconds(method: Method, x: Tensor, clusters: int, iterations: int, repeat: int) -> float:
    """Of one call, the shortest of *repeat* after one to warm up."""
    best = float("inf")
    for turn in range(repeat + 1):
        started = time.perf_counter()
        method(x, clusters, iterations, 0)
        if x.is_cuda:
            torch.cuda.synchronize()
        if turn:
            best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int, help="input size, which decides the number of vectors")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    with find_weights("lite") as file:
        model = load_model(file)
    clusters, iterations = model.config.clusters, model.config.kmeans_iterations
    real = features(model, max(BATCHES), arguments.size)
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    print(
        f"{real.shape[1]} vectors of {real.shape[2]} numbers an image, {clusters} clusters, {iterations} iterations, "
        f"{device}, {torch.get_num_threads()} threads"
    )
    row = "{:<10} {:>5}  {:<32} {:>10} {:>12} {:>10}"
    print(row.format("vectors", "batch", "method", "inertia", "ms", "x our time"))
    ratios: dict[str, list[tuple[float, float]]] = {}
    compared = methods()
    for data, everything in (("features", real), ("random", noise)):
        for batch in BATCHES:
            x = everything[:batch].to(device)
            own: tuple[float, float] | None = None
            for name, (method, seeds) in compared.items():
                spread = float(np.mean([inertia(x, method(x, clusters, iterations, seed)) for seed in range(seeds)]))
                duration = seconds(method, x, clusters, iterations, arguments.repeat)
                own = own or (spread, duration)
                print(
                    row.format(data, batch, name, f"{spread:.4f}", f"{1000 * duration:.2f}", f"{duration / own[1]:.1f}")
                )
                ratios.setdefault(name, []).append((spread / own[0], duration / own[1]))
    print(
        "summary, over all rows, of ours: "
        + "; ".join(
            f"{name}: inertia x {np.mean([r[0] for r in each]):.3f} (at least x {min(r[0] for r in each):.3f}), "
            f"time x {min(r[1] for r in each):.1f} to {max(r[1] for r in each):.1f}"
            for name, each in ratios.items()
            if name != "gsanet"
        )
    )


if __name__ == "__main__":
    main()
