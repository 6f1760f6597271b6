"""What each runtime costs on this CPU, and whether they give the same masks.

    python benchmarks/runtimes.py [--clip CLIP] [--repeat 3] [--data DATA/DAVIS_train --sequences A,B] [--json FILE]

First the network alone: the runtimes take turns, frame by frame of the clip, so that whatever else the machine does
disturbs all of them; IoU is that of the masks with PyTorch's in float32. Then each as users run it, in turns: a process
of its own, from its start to masks and overlay. With --data also J&F of sequences with ground truth. Runtimes that are
not installed are left out, so that an installation without PyTorch can be measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import util
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gsanet import Options, Segmenter, open_clip, sample_clip
from gsanet.base.threshold import object_mask
from gsanet.runtime.interface import Reference
from gsanet.segment.motion import open_motion
from gsanet.segment.pictures import prepared_frames
from gsanet.segment.profile import profile_process
from gsanet.segment.references import reference_indices

RUNTIMES: dict[str, dict[str, Any]] = {
    "onnx float32": {"runtime": "onnx", "precision": "float32"},
    "onnx int8": {"runtime": "onnx", "precision": "int8"},
    "torch float32": {"runtime": "torch", "precision": "float32"},
    "torch bfloat16": {"runtime": "torch", "precision": "bfloat16"},
}
WARM_UP = 3
"""Frames before the clock starts."""


def network_alone(names: list[str], clip_path: Path, count: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a frame and of the references, and IoU with what PyTorch finds in float32, or else the first."""
    segmenters = {name: Segmenter.from_pretrained("lite", device="cpu", **RUNTIMES[name]) for name in names}
    exact = "torch float32" if "torch float32" in names else names[0]
    config = segmenters[exact].runtime.config
    clip, options = open_clip(clip_path), Options()
    views = options.views(clip.height, clip.width, config)
    frames = [one.picture(views[0]) for one in islice(prepared_frames(clip, views, open_motion(options, clip)), count)]
    chosen = [frames[i] for i in reference_indices(len(frames), config.references)]
    found: dict[str, dict[str, float]] = {}
    references: dict[str, list[Reference]] = {}
    for name, segmenter in segmenters.items():
        segmenter.runtime.encode(chosen)
        started = time.perf_counter()
        references[name] = segmenter.runtime.encode(chosen)
        found[name] = {"references_ms": 1000 * (time.perf_counter() - started)}
    milliseconds: dict[str, list[float]] = {name: [] for name in names}
    overlaps: dict[str, list[float]] = {name: [] for name in names}
    for index, pictures in enumerate(frames):
        masks = {}
        for name, segmenter in segmenters.items():
            started = time.perf_counter()
            answer = segmenter.runtime([pictures], references[name])[0]
            if index >= WARM_UP:
                milliseconds[name].append(1000 * (time.perf_counter() - started))
            masks[name] = object_mask(answer.probability)
        for name, mask in masks.items():
            union = (mask | masks[exact]).sum()
            overlaps[name].append(float((mask & masks[exact]).sum() / union) if union else 1.0)
    for name in names:
        found[name] |= {
            "ms": median(milliseconds[name]),
            "iou": float(np.mean(overlaps[name])),
            "least_iou": min(overlaps[name]),
        }
    return found


def as_users_run_it(names: list[str], clip: Path, repeat: int) -> dict[str, list[dict[str, float]]]:
    """Runs of each, in turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeat):
        for name in names:
            arguments = {"name_or_path": "lite", "device": "cpu", **RUNTIMES[name]}
            found[name].append(profile_process(clip, arguments, ("masks", "overlay")))
    return found


def scores(names: list[str], data: Path, sequences: str) -> dict[str, float]:
    """J&F of each."""
    found = {}
    for name in names:
        choice = RUNTIMES[name]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "scores.json"
            command = [sys.executable, "-m", "gsanet", "score", "lite", "--data", str(data), "--json", str(file)]
            command += ["--runtime", choice["runtime"], "--precision", choice["precision"], "--device", "cpu"]
            command += ["--sequences", sequences] if sequences else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found[name] = 100 * json.loads(file.read_text())["overall"]["J&F"]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="the clip in the package if not given")
    parser.add_argument("--frames", type=int, default=60, help="for the network alone")
    parser.add_argument("--repeat", type=int, default=3, help="runs in a process of its own, of each")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sequences", default="")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    clip = arguments.clip or sample_clip()
    names = [name for name, choice in RUNTIMES.items() if choice["runtime"] == "onnx" or util.find_spec("torch")]
    alone = network_alone(names, clip, arguments.frames)
    runs = as_users_run_it(names, clip, arguments.repeat)
    measured = scores(names, arguments.data, arguments.sequences) if arguments.data else {}
    print("| runtime | ms a frame | references, ms | IoU, mean | least | first mask, s | frames/s | peak MB | J&F |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        one, each = alone[name], runs[name]
        first, speed = ([f"{run[key]:.2f}" for run in each] for key in ("first_frame", "frames_per_second"))
        peak = max(run["peak_mb"] for run in each)
        print(
            f"| {name} | {one['ms']:.1f} | {one['references_ms']:.0f} | {one['iou']:.4f} | {one['least_iou']:.4f} | "
            f"{', '.join(first)} | {', '.join(speed)} | {peak:.0f} | {measured.get(name, float('nan')):.2f} |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"network": alone, "runs": runs, "scores": measured}, indent=1) + "\n")


if __name__ == "__main__":
    main()
