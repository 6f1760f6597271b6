"""What each ``--save`` costs: milliseconds a frame and bytes a frame, of the bundled clip brought to one height.

    python benchmarks/saving.py --height 480

The masks are made once, so the network is not in the numbers. One kind is written after the other, in one thread as the
engine does it; encoders may use more.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

from gsanet.segment import FrameResult, Segmenter
from gsanet.segment.save import KINDS, ClipWriter
from gsanet.video.resize import resize
from gsanet.video.sample_clip import sample_clip
from gsanet.video.sources import open_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=480, help="of the frames, in pixels")
    parser.add_argument("--frames", type=int, default=60, help="written of each kind")
    parser.add_argument("--model", default="lite")
    parser.add_argument("--kinds", default=",".join(KINDS))
    arguments = parser.parse_args()

    clip = open_clip(sample_clip())
    size = (arguments.height, round(arguments.height * clip.width / clip.height / 2) * 2)
    segmenter = Segmenter.from_pretrained(arguments.model)
    results = [enlarged(one, size) for one in islice(segmenter.stream(clip, slots=True), arguments.frames)]
    print(f"{len(results)} frames of {size[1]}x{size[0]}\n")
    print("| --save | ms a frame | as overlay | KB a frame |\n|---|---|---|---|")
    kinds = [kind for kind in ("overlay", *arguments.kinds.split(",")) if kind]
    reference = None
    for kind in dict.fromkeys(kinds):
        seconds, size_written = write(kind, results)
        reference = reference or seconds
        print(f"| {kind} | {1000 * seconds:.1f} | {seconds / reference:.1f}x | {size_written / 1000:.1f} |", flush=True)


def enlarged(result: FrameResult, size: tuple[int, int]) -> FrameResult:
    image, probability = resize(result.image, size), resize(result.probability, size)
    return FrameResult(result.index, result.time, result.name, image, probability, result.flow, result.slots)


def write(kind: str, results: list[FrameResult]) -> tuple[float, float]:
    """(seconds, bytes) a frame; the sound of the clip included."""
    folder = Path(tempfile.mkdtemp())
    # Masks are made on first use, and belong to the network's part.
    for result in results:
        result.mask.any()
    try:
        start = time.perf_counter()
        with ClipWriter(folder, open_clip(sample_clip()), (kind,)) as writer:
            for result in results:
                writer.add(result)
        seconds = time.perf_counter() - start
        written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    finally:
        shutil.rmtree(folder)
    return seconds / len(results), float(np.divide(written, len(results)))


if __name__ == "__main__":
    main()
