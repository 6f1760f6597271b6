"""What ``gsanet segment`` takes of memory at its peak, for clips of several sizes and for several kinds of results.

    python benchmarks/memory.py [--sizes 854x480,3840x2160,7680x4320] [--frames 40] [--codec libx264]
        [--quality balanced] [--clips FOLDER]

Clips are the sample clip, enlarged; with --clips they are kept there and used again. Each run is a process of its own,
whose peak (VmHWM of /proc, so Linux alone) is read at its end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av

from gsanet import open_clip, sample_clip
from gsanet.video.resize import resize

_SCRIPT = """
import atexit, sys
from pathlib import Path
def peak():
    print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], file=sys.stderr)
atexit.register(peak)
from gsanet.cli.entry import main
main()
"""


def make_clip(path: Path, width: int, height: int, frames: int, codec: str) -> None:
    """The sample clip at another size, with the codec's own settings but for its speed."""
    rate = Fraction(24)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"  # type: ignore[union-attr]
        for _, frame in zip(range(frames), open_clip(sample_clip()), strict=False):
            image = av.VideoFrame.from_ndarray(resize(frame.image, (height, width)), format="rgb24")
            container.mux(stream.encode(image.reformat(format="yuv420p")))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]


def peak_mb(clip: Path, save: str, quality: str) -> tuple[float, float]:
    """MB at the peak, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["segment", str(clip), "-o", folder, "--save", save, "--quality", quality]
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _SCRIPT, *command], capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
    return int(done.stderr.split()[-1]) / 1024, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="854x480,1920x1080,3840x2160,7680x4320")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--codec", default="libx264", help="of the clips: libx264, libx265 ...")
    parser.add_argument("--save", nargs="+", default=["masks", "masks,overlay"])
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--clips", type=Path, help="where clips are kept")
    arguments = parser.parse_args()
    print("| clip | saved | MB at the peak | seconds |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.clips or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for size in arguments.sizes.split(","):
            width, height = map(int, size.split("x"))
            clip = place / f"{size}-{arguments.codec}-{arguments.frames}.mp4"
            if not clip.exists():
                make_clip(clip, width, height, arguments.frames, arguments.codec)
            for save in arguments.save:
                peak, seconds = peak_mb(clip, save, arguments.quality)
                print(f"| {clip.name} | {save} | {peak:.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
