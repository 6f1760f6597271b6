"""Several clips at once, or one after the other: seconds of whole commands, and the memory of a worker.

    python benchmarks/jobs.py [--short 8] [--seconds 1] [--long 1] [--rounds 2] [--ray] [--quality balanced]
    python benchmarks/jobs.py --presets

Short clips are the first seconds of the sample clip, ``--short`` of them; the long one is the sample clip, ``--long``
times as many as it is. Ways take turns, round after round, so that what else the machine does falls on all alike. Of
each the shortest time counts. ``--ray``: the same with one and two Ray actors, and the long clip in pieces. Rows are
Markdown; times include the start of the command and of its workers.

``--presets`` counts the seconds of a processor that a frame of the sample clip takes on one thread: those of 2 s of the
clip less those of 0.4 s, so that starting does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gsanet import sample_clip

WAYS = {"one after the other": (), "--jobs 2": ("--jobs", "2")}
RAY = {
    "--engine ray --jobs 1": ("--engine", "ray", "--jobs", "1", "--piece", "0"),
    "--engine ray --jobs 2": ("--engine", "ray", "--jobs", "2", "--piece", "0"),
}


def run(clips: Sequence[Path], out: Path, arguments: Sequence[str]) -> tuple[float, float, float, int]:
    """Seconds of the command, of its work without starting Ray, of processors, and frames."""
    shutil.rmtree(out, ignore_errors=True)
    report = out.parent / "report.json"
    command = [sys.executable, "-m", "gsanet", "segment", *map(str, clips), "-o", str(out), "--report", str(report)]
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    said = json.loads(report.read_text())
    return seconds, said["seconds"], used, said["frames"]


def measure(title: str, clips: Sequence[Path], ways: dict[str, tuple[str, ...]], place: Path, rounds: int) -> None:
    """A table of one set of clips."""
    best: dict[str, tuple[float, float, float, int]] = {}
    for _ in range(rounds):
        for name, arguments in ways.items():
            found = run(clips, place / "out", arguments)
            best[name] = min(found, best.get(name, found))
    print(f"\n| {title} | seconds | of these, work | processor seconds | frames per second | times as quick |")
    print("|---|---|---|---|---|---|")
    base = next(iter(best.values()))
    for name, (seconds, work, used, frames) in best.items():
        # Ray's processes are not children of the command: what they use is not counted here.
        cells = f"{seconds:.1f} | {work:.1f} | {used:.1f} | {frames / seconds:.1f} | {base[0] / seconds:.2f}"
        print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", type=int, default=8, help="clips")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each")
    parser.add_argument("--long", type=int, default=1, help="times the sample clip")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--long-seconds", type=float, help="of the long clip")
    parser.add_argument("--piece", type=int, default=32, help="frames of a piece of the long clip")
    parser.add_argument("--presets", action="store_true")
    arguments = parser.parse_args()
    if arguments.presets:
        presets()
        return
    common = ("--quality", arguments.quality, "--save", "masks", "--runtime", "onnx")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        short = []
        for i in range(arguments.short):
            short.append(place / f"short{i}.mp4")
            os.link(shutil.copy(sample_clip(), place / "source.mp4"), short[-1])
            (place / "source.mp4").unlink()
        long = place / "long.mp4"
        repeated(sample_clip(), long, arguments.long)
        ways = {way: (*common, *words) for way, words in (RAY if arguments.ray else WAYS).items()}
        cut = ("--duration", str(arguments.seconds))
        title = f"{arguments.short} clips of {arguments.seconds:g} s"
        measure(title, short, {way: (*words, *cut) for way, words in ways.items()}, place, arguments.rounds)
        if arguments.long_seconds:
            ways = {way: (*words, "--duration", str(arguments.long_seconds)) for way, words in ways.items()}
            common += ("--duration", str(arguments.long_seconds))
        if arguments.ray:
            pieces = ("--engine", "ray", "--piece", str(arguments.piece))
            ways |= {f"{n} workers, in pieces": (*common, *pieces, "--jobs", str(n)) for n in (1, 2)}
        measure("one clip", [long], ways, place, arguments.rounds)


def presets() -> None:
    """Hours of video that a processor does in an hour."""
    os.environ["OMP_NUM_THREADS"] = "1"
    print(
        "| --quality | processor seconds a frame | hours of video at 25 frames a second in a core-hour |\n|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        for quality in ("fast", "balanced", "best"):
            common = ("--quality", quality, "--save", "masks", "--runtime", "onnx")
            found = [run([sample_clip()], Path(name) / "out", (*common, "--duration", n)) for n in ("0.4", "2")]
            each = (found[1][2] - found[0][2]) / (found[1][3] - found[0][3])
            print(f"| {quality} | {each:.3f} | {1 / (25 * each):.2f} |", flush=True)


def repeated(clip: Path, long: Path, times: int) -> None:
    """The clip so often in a row."""
    if times == 1:
        shutil.copy(clip, long)
        return
    import av

    with av.open(str(clip)) as source, av.open(str(long), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        offset = 0
        for _ in range(times):
            source.seek(0)
            last = 0
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                last = max(last, packet.pts + (packet.duration or 0))
                packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                packet.stream = copy
                target.mux(packet)
            offset += last


if __name__ == "__main__":
    main()
