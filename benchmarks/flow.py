"""What a frame's flow costs, by method and size: prints a table of milliseconds and of memory.

    python benchmarks/flow.py [--methods dis,raft-small] [--sizes 854x480,1920x1080] [--device auto] [--threads 2]

Frames are those of the clip inside the package, resized. Networks run with random weights: their time does not depend
on them. The first group of pairs is not counted, nor is reading frames or drawing pictures. Processor time is that of
all threads together; on a busy machine it says more than the clock. Every row is a process of its own: its memory is
the most it ever had, with Python, torch and the frames (what dis-ultrafast shows is little else), or on a GPU torch's
own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from itertools import islice, pairwise

import cv2

from gsanet.flow.base import FlowMethod
from gsanet.flow.methods import METHODS, flow_method
from gsanet.flow.scaled import ScaledFlow
from gsanet.video import VideoFile
from gsanet.video.sample_clip import sample_clip


def make(arguments: argparse.Namespace, name: str) -> FlowMethod:
    """The method, a network with random weights."""
    flow: FlowMethod
    where = {"device": arguments.device, "precision": arguments.precision, "batch": arguments.batch}
    if name.startswith("raft-"):
        from gsanet.flow.raft import RAFTFlow
        from gsanet.flow.raft_weights import build_raft

        flow = RAFTFlow(build_raft(name.removeprefix("raft-")), iterations=arguments.iterations, **where)
    elif name == "gmflow":
        from gsanet.flow.gmflow import GMFlowFlow
        from gsanet.flow.gmflow_network import GMFlow

        flow = GMFlowFlow(GMFlow(), **where)
    else:
        flow = flow_method(name)
    return flow if arguments.long_side is None else ScaledFlow(flow, arguments.long_side)


def measure(arguments: argparse.Namespace, name: str, size: str) -> dict[str, object]:
    """One row, in this process."""
    width, height = (int(side) for side in size.split("x"))
    cv2.setNumThreads(arguments.threads)
    method = make(arguments, name)
    groups = 1 + -(-arguments.frames // method.batch)
    frames = [
        cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_LINEAR)
        for frame in islice(VideoFile(sample_clip()), groups * method.batch + 1)
    ]
    pairs = list(pairwise(frames))
    start = busy = 0.0
    for group in range(groups):
        if group == 1:
            start, busy = time.perf_counter(), time.process_time()
        method.many(pairs[group * method.batch : (group + 1) * method.batch])
    counted = len(pairs) - method.batch
    row: dict[str, object] = {
        "ms": 1000 * (time.perf_counter() - start) / counted,
        "busy": 1000 * (time.process_time() - busy) / counted,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "device": "cpu",
        "frames": counted,
    }
    if not name.startswith("dis"):
        import torch

        inner = method._method if isinstance(method, ScaledFlow) else method
        row["device"] = f"{inner.device} {inner.precision}"  # type: ignore[attr-defined]
        if torch.cuda.is_available() and "cuda" in str(row["device"]):
            row["memory"] = torch.cuda.max_memory_allocated() / 2**20
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--sizes", default="640x360,854x480,1920x1080")
    parser.add_argument("--frames", type=int, default=4, help="counted, of each row")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--iterations", type=int, default=None)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--long-side", type=int, default=None)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(measure(arguments, *arguments.row.split(","))))
        return
    print("| method | frames of | ms per frame | processor ms | memory, MB | on |\n|---|---|---|---|---|---|")
    # The numbers of threads that torch takes at its import.
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    for size in arguments.sizes.split(","):
        for name in arguments.methods.split(","):
            command = [sys.executable, *sys.argv, "--row", f"{name},{size}"]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                print(f"| {name} | {size} | failed ({done.returncode}) | | | |", flush=True)
                continue
            row = json.loads(done.stdout)
            numbers = " | ".join(f"{row[key]:.0f}" for key in ("ms", "busy", "memory"))
            print(f"| {name} | {size} | {numbers} | {row['device']} |", flush=True)


if __name__ == "__main__":
    main()
