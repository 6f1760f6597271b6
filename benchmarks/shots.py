"""Cuts in a film made of the sequences of a data folder: those that the engine sees, and those of PySceneDetect.

    python benchmarks/shots.py DATA/DAVIS_train -o runs/shots [--frames 40] [--hard]

Joins all sequences into one clip, in the order of their names. Plain, every border is a hard cut. With --hard, of every
four borders one is a hard cut, one a dissolve of twelve frames, one a fade through black of ten and ten frames, and one
a hard cut with two white frames (a flash) in the middle of the sequence before it. A border is found if something is
told between the first and the last frame of its change, give or take a frame. Frames a second are those of the
detector alone, decoding included, on one thread of Python.

PySceneDetect is no part of gsanet: `pip install scenedetect-headless==0.7.2`. Without, only our own measure is taken.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsanet.data.layout import sequences
from gsanet.segment.links import Linker
from gsanet.segment.motion import windows
from gsanet.video.encoder import VideoWriter
from gsanet.video.images import read_rgb
from gsanet.video.resize import resize
from gsanet.video.sources import open_clip

SIZE = (480, 854)
FPS = 24
DISSOLVE, FADE, FLASH = 12, 10, 2

Image = NDArray[np.uint8]
Change = tuple[int, int]
"""First frame that is changed, and the first that is wholly of the new shot."""


def make(folder: Path, film: Path, frames: int, hard: bool) -> list[tuple[str, Change]]:
    """Write the film; the kind and place of each border in it."""
    borders: list[tuple[str, Change]] = []
    count = 0
    with VideoWriter(film, Fraction(FPS)) as writer:

        def put(image: Image) -> None:
            nonlocal count
            writer.write(np.ascontiguousarray(image), count / FPS)
            count += 1

        tail: list[Image] = []
        """Of the sequence before, what the border takes."""
        for number, sequence in enumerate(sequences(folder, check_sizes=False)):
            images = [resize(read_rgb(frame.rgb), SIZE) for frame in sequence.frames[:frames]]
            kind = ("cut", "dissolve", "fade", "flash")[(number - 1) % 4] if hard else "cut"
            start = count
            if number and kind == "dissolve":
                for k, (old, new) in enumerate(zip(tail[-DISSOLVE:], images, strict=False)):
                    put(mixed(old, new, (k + 1) / (DISSOLVE + 1)))
                images = images[DISSOLVE:]
            elif number and kind == "fade":
                for k, old in enumerate(tail[-FADE:]):
                    put(mixed(old, np.zeros_like(old), (k + 1) / FADE))
                for k, new in enumerate(images[:FADE]):
                    put(mixed(np.zeros_like(new), new, (k + 1) / FADE))
                images = images[FADE:]
            if number:
                borders.append((kind, (start, count)))
            following = ("cut", "dissolve", "fade", "flash")[number % 4] if hard else "cut"
            taken = {"dissolve": DISSOLVE, "fade": FADE}.get(following, 0)
            body, tail = images[: len(images) - taken], images[len(images) - taken :]
            for k, image in enumerate(body):
                flash = following == "flash" and len(body) // 2 <= k < len(body) // 2 + FLASH
                put(mixed(image, np.full_like(image, 255), 0.9) if flash else image)
    return borders


def mixed(old: Image, new: Image, share: float) -> Image:
    """*share* of *new* over *old*."""
    return np.rint(old * (1 - share) + new * share).astype(np.uint8)


def ours(film: Path) -> list[int]:
    """Where the average over time begins anew."""
    linker = Linker(lookahead=True)
    found = []
    for window in windows(iter(open_clip(film)), lookahead=True, size=448):
        if linker(window) is None and window.frame.index:
            if window.frame.index in linker.returned:
                found.pop()  # the flash before it is no shot
            else:
                found.append(window.frame.index)
    return found


def scenedetect(name: str) -> Callable[[Path], list[int]] | None:
    """A detector of PySceneDetect with its own settings; None if it is not installed."""
    try:
        import scenedetect
    except ImportError:
        return None

    def find(film: Path) -> list[int]:
        scenes = scenedetect.detect(str(film), getattr(scenedetect, name)())
        return [start.frame_num for start, _ in scenes][1:]

    return find


def score(found: list[int], borders: list[tuple[str, Change]]) -> Iterator[str]:
    """Precision, recall, and recall by kind."""
    left = list(found)
    hits: dict[str, list[bool]] = {}
    for kind, (first, last) in borders:
        inside = [place for place in left if first - 1 <= place <= last + 1]
        hits.setdefault(kind, []).append(bool(inside))
        left = [place for place in left if place not in inside]
    right = sum(sum(one) for one in hits.values())
    yield f"precision {right / max(1, right + len(left)):.3f}"
    yield f"recall {right / len(borders):.3f}"
    yield from (f"{kind} {sum(one)}/{len(one)}" for kind, one in sorted(hits.items()))
    yield f"false {left}"


def main() -> None:
    """Make the film and take all measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=40, help="of each sequence at most")
    parser.add_argument("--hard", action="store_true", help="dissolves, fades and flashes too")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    film = arguments.out / f"film{'-hard' if arguments.hard else ''}.mp4"
    borders = make(arguments.data, film, arguments.frames, arguments.hard)
    detectors: dict[str, Callable[[Path], list[int]] | None] = {
        "ours": ours,
        **{name: scenedetect(name) for name in ("ContentDetector", "AdaptiveDetector", "HashDetector")},
    }
    for name, find in detectors.items():
        if find is not None:
            began = time.perf_counter()
            found = find(film)
            speed = open_clip(film).length or 0
            print(f"{name}: {', '.join(score(found, borders))}; {speed / (time.perf_counter() - began):.0f} frames/s")


if __name__ == "__main__":
    main()
