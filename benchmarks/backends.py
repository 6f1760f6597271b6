"""What the network's backends cost on this CPU, and whether they give the same masks.

    python benchmarks/backends.py [--model lite] [--size 448] [--frames 60]

PyTorch in float32 and bfloat16 and ONNX Runtime in float32 take turns, frame by frame of the clip in the package, so
that whatever else the machine does disturbs all of them. Only the network is timed, not decoding, flow or writing.
IoU is that of the masks with PyTorch's in float32, at the size of the network's input.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice

import numpy as np
import torch

from gsanet import Options, Segmenter, open_clip, sample_clip
from gsanet.base.threshold import THRESHOLD
from gsanet.segment.motion import open_motion
from gsanet.segment.pictures import prepared_frames
from gsanet.segment.references import reference_indices

BACKENDS = {
    "torch float32": {"runtime": "torch", "precision": "float32"},
    "torch bfloat16": {"runtime": "torch", "precision": "bfloat16"},
    "onnx float32": {"runtime": "onnx", "precision": "float32"},
}
WARM_UP = 3
"""Frames before the clock starts."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--size", type=int, help="long side of the network's input; the model's own if not given")
    parser.add_argument("--frames", type=int, default=60)
    arguments = parser.parse_args()
    segmenters = {
        name: Segmenter.from_pretrained(arguments.model, device="cpu", **choice) for name, choice in BACKENDS.items()
    }
    config = segmenters["torch float32"].runtime.config
    clip, options = open_clip(sample_clip()), Options(size=arguments.size)
    views = options.views(clip.height, clip.width, config)
    motion = open_motion(options, clip)
    frames = [one.views[0] for one in islice(prepared_frames(clip, views, motion), arguments.frames)]
    chosen = [frames[i] for i in reference_indices(len(frames), config.references)]

    milliseconds: dict[str, list[float]] = {name: [] for name in segmenters}
    references, encoding = {}, {}
    for name, segmenter in segmenters.items():
        segmenter.runtime.load_sizes([views[0].size])
        segmenter.runtime.encode(chosen)
        started = time.perf_counter()
        references[name] = segmenter.runtime.encode(chosen)
        encoding[name] = 1000 * (time.perf_counter() - started)
    overlaps: dict[str, list[float]] = {name: [] for name in segmenters}
    for index, pictures in enumerate(frames):
        masks = {}
        for name, segmenter in segmenters.items():
            started = time.perf_counter()
            probability, _ = segmenter.runtime([pictures], references[name])[0]
            if index >= WARM_UP:
                milliseconds[name].append(1000 * (time.perf_counter() - started))
            masks[name] = probability > THRESHOLD
        for name, mask in masks.items():
            union = (mask | masks["torch float32"]).sum()
            overlaps[name].append(float((mask & masks["torch float32"]).sum() / union) if union else 1.0)

    height, width = views[0].size
    print(f"{arguments.model}, {height}x{width}, {len(frames)} frames, {torch.get_num_threads()} threads")
    print(f"{'backend':<16} {'ms/frame':>9} {'fastest':>9} {'references':>11} {'IoU mean':>9} {'least':>7}")
    for name, each in milliseconds.items():
        print(
            f"{name:<16} {np.median(each):>9.1f} {min(each):>9.1f} {encoding[name]:>11.1f} "
            f"{np.mean(overlaps[name]):>9.4f} {min(overlaps[name]):>7.4f}"
        )


if __name__ == "__main__":
    main()
