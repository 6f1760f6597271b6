"""How cost grows: time and memory of the engine against frames, pixels of the input, batch and number of clips.

    python benchmarks/scaling.py -o FOLDER [--only frames,pixels,batch,clips] [--frames 50,200,1000,4000] [--threads 2]

Clips are a square that moves over noise, drawn frame by frame, so that none is in memory; they go through the engine
as users run it (default quality, DIS flow), without reading or writing files. Every point is a process of its own. Time
begins after the model is loaded and a short clip has gone through; so does the peak of memory, which has Python and
torch in it (where the system is not Linux, loading counts too). Prints a straight line fitted to each series; writes
FOLDER/scaling.csv and an SVG of each. On a CPU a batch is taken one by one, so that neither time nor memory should
depend on it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from pathlib import Path

import numpy as np

from gsanet.video.clip import Clip, Frame

COLUMNS = ("series", "x", "seconds", "processor_seconds", "memory_mb", "frames", "height", "width", "batch", "clips")


class MovingSquare(Clip):
    """Frames of a square that crosses noise, made when they are asked for."""

    def __init__(self, frames: int, height: int, width: int) -> None:
        super().__init__("square", None, width, height, Fraction(24))
        self._frames = frames
        rng = np.random.default_rng(0)
        side = min(height, width) // 3
        self._ground = rng.integers(0, 90, (height, width, 3), np.uint8)
        self._square = rng.integers(160, 256, (side, side, 3), np.uint8)

    @property
    def length(self) -> int:
        """T."""
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(self._frames))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`."""
        side = len(self._square)
        for index in sorted(set(indices)):
            image = self._ground.copy()
            x = round((self.width - side) * (1 - abs(1 - index % 48 / 24)))
            y = (self.height - side) // 2
            image[y : y + side, x : x + side] = self._square
            yield Frame(index, index / 24, f"{index:05d}", image)


def measure(point: dict[str, int], model: str, device: str, threads: int) -> dict[str, float]:
    """One point, in this process."""
    import torch

    from gsanet.segment import Segmenter

    torch.set_num_threads(threads)
    segmenter = Segmenter.from_pretrained(model, device=device, size=point["side"], batch=point["batch"])
    # Frames are as large as the input: what it costs to make them smaller is not the question.
    height, width = point["side"] * 9 // 16, point["side"]

    def run(frames: int) -> tuple[int, int]:
        size = (0, 0)
        for result in segmenter.stream(MovingSquare(frames, height, width)):
            size = result.flow.shape[0], result.flow.shape[1]
        return size

    size = run(2 * point["batch"] + 4)
    forgotten = forget_peak()
    busy, started = time.process_time(), time.perf_counter()
    for _ in range(point["clips"]):
        run(point["frames"])
    values = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - busy}
    if segmenter.runtime.device.startswith("cuda"):
        memory = torch.cuda.max_memory_allocated() / 2**20
    else:
        memory = peak_mb(forgotten)
    return {**values, "memory_mb": memory, "height": size[0], "width": size[1]}


def forget_peak() -> bool:
    """Let the most memory this process ever had be what it has now; False where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_mb(forgotten: bool) -> float:
    """The most memory since then, else since the start."""
    if forgotten:
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 2**10
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


@dataclass(frozen=True)
class Line:
    """A straight line through points by least squares."""

    slope: float
    intercept: float
    r2: float
    """1: all lie on it; 0: a level line would do as well."""

    @classmethod
    def through(cls, x: Sequence[float], y: Sequence[float]) -> Line:
        """At least two points with different x."""
        slope, intercept = np.polyfit(x, y, 1)
        rest = np.asarray(y) - slope * np.asarray(x) - intercept
        total = float(np.square(np.asarray(y) - np.mean(y)).sum())
        return cls(float(slope), float(intercept), 1 - float(np.square(rest).sum()) / total if total > 0 else 1.0)


def nice_step(reach: float, ticks: int = 5) -> float:
    """1, 2 or 5 times a power of ten, for at most about *ticks* steps up to *reach*."""
    rough = max(reach, 1e-9) / ticks
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(k * power for k in (1, 2, 5, 10) if k * power >= rough * 0.999))


def draw(x: Sequence[float], y: Sequence[float], line: Line, labels: tuple[str, str]) -> str:
    """An SVG of the points and the line, both axes from zero."""
    width, height, left, right, top, bottom = 480, 300, 64, 34, 30, 44
    steps = nice_step(max(x)), nice_step(max(y))
    ends = [float(np.ceil(max(v) / s - 1e-9) * s) for v, s in zip((x, y), steps, strict=True)]

    def place(a: float, b: float) -> tuple[float, float]:
        return left + (width - left - right) * a / ends[0], height - bottom - (height - top - bottom) * b / ends[1]

    parts = [f'<rect width="{width}" height="{height}" fill="white"/>']
    for k in range(round(ends[1] / steps[1]) + 1):
        _, at = place(0, k * steps[1])
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{k * steps[1]:g}</text>')
    for k in range(round(ends[0] / steps[0]) + 1):
        at, _ = place(k * steps[0], 0)
        parts.append(f'<text x="{at:.1f}" y="{height - bottom + 16}" text-anchor="middle">{k * steps[0]:g}</text>')
    middle = left + (width - left - right) / 2
    parts.append(f'<text x="{middle}" y="{height - 8}" text-anchor="middle">{escape(labels[0])}</text>')
    parts.append(f'<text x="8" y="18">{escape(labels[1])}</text>')
    ax, ay = place(0, line.intercept)
    bx, by = place(max(x), line.intercept + line.slope * max(x))
    parts.append(f'<line x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}" stroke="#1f6fb4" stroke-width="1.5"/>')
    for a, b in zip(x, y, strict=True):
        cx, cy = place(a, b)
        parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="#c4451c"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="#333">{"".join(parts)}</svg>\n'
    )


def numbers(text: str) -> list[int]:
    """``1,2,4``, in ascending order; a line needs at least two."""
    values = sorted({int(value) for value in text.split(",")})
    if len(values) < 2 or values[0] < 1:
        raise argparse.ArgumentTypeError(f"at least two different positive numbers are needed, got {text}")
    return values


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("scaling"), help="folder for the table and the plots")
    parser.add_argument("--only", default="frames,pixels,batch,clips")
    parser.add_argument("--frames", type=numbers, default="50,200,1000,2000,4000", help="lengths of a clip")
    parser.add_argument("--sides", type=numbers, default="128,256,384,512,640,768", help="widths of the input, 16:9")
    parser.add_argument("--batches", type=numbers, default="1,2,4,8,16")
    parser.add_argument("--clips", type=numbers, default="1,2,4,8")
    parser.add_argument("--count", type=int, default=48, help="frames of a clip where that is not what varies")
    parser.add_argument("--side", type=int, default=128, help="width of the input where that is not what varies")
    parser.add_argument("--model", default="lite")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--processor", action="store_true", help="fit and plot processor time: for a busy machine")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        point = json.loads(arguments.point)
        print(json.dumps(measure(point, arguments.model, arguments.device, arguments.threads)))
        return 0

    plain = {"frames": arguments.count, "side": arguments.side, "batch": 1, "clips": 1}
    series = {
        "frames": [{**plain, "frames": n} for n in arguments.frames],
        "pixels": [{**plain, "side": n} for n in arguments.sides],
        "batch": [{**plain, "batch": n} for n in arguments.batches],
        "clips": [{**plain, "clips": n} for n in arguments.clips],
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    clock = "processor_seconds" if arguments.processor else "seconds"
    rows: list[dict[str, float | str]] = []
    print(f"{arguments.model} on {arguments.device}, {arguments.threads} threads; {clock.replace('_', ' ')}\n")
    print("| against | of | slope | intercept | R^2 | points |\n|---|---|---|---|---|---|")
    for name in arguments.only.split(","):
        mine = []
        for point in series[name]:
            command = [sys.executable, *sys.argv, "--point", json.dumps(point)]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            values = json.loads(done.stdout.splitlines()[-1])
            x = values["height"] * values["width"] if name == "pixels" else point[name]
            mine.append({"series": name, "x": x, **point, **values})
        rows += mine
        x = [one["x"] for one in mine]
        # Where the number of frames does not vary, milliseconds per frame say more.
        each = name in ("pixels", "batch")
        times = [one[clock] / one["frames"] * 1000 if each else one[clock] for one in mine]
        memory = [one["memory_mb"] for one in mine]
        for what, y, label in (
            ("time", times, "ms per frame" if each else "seconds"),
            ("memory", memory, "MB at the peak"),
        ):
            line = Line.through(x, y)
            found = ", ".join(f"{a:g}: {b:.4g}" for a, b in zip(x, y, strict=True))
            print(
                f"| {name} | {label} | {line.slope:.4g} | {line.intercept:.4g} | {line.r2:.4f} | {found} |", flush=True
            )
            (arguments.out / f"{name}-{what}.svg").write_text(draw(x, y, line, (name, label)))
    with (arguments.out / "scaling.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
