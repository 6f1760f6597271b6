"""The pictures in the README and the docs: the bundled clip, by the weights in the package. After new weights:

    python docs/images/draw.py [--only serve]

That of the page needs Chromium (`make chromium`). Which frames and parts of them show what fails is said here, and was
chosen by eye: look at them again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

import gsanet
from gsanet.segment.render import overlay, panel
from gsanet.segment.result import FrameResult
from gsanet.video.sample_clip import sample_clip

HERE = Path(__file__).parent
NAMES = ("demo", "slots", "failures", "serve")
DEMO = 7
SLOTS = (7, 70, 100)
FAILURES = ((7, 40, 80), (20, 20, 110), (113, 120, 170))
"""Frame, and left and top of a part of it."""
PART = (240, 180)
"""Its width and height."""
PAGE = 40
"""The frame that the page shows."""


def write(name: str, picture: np.ndarray, width: int | None = None) -> None:
    """*picture* (h,w,3) as a JPEG of this folder."""
    if width is not None:
        size = (width, round(picture.shape[0] * width / picture.shape[1]))
        picture = cv2.resize(
            picture, size, interpolation=cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
        )
    cv2.imwrite(str(HERE / f"{name}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def part(result: FrameResult, left: int, top: int) -> np.ndarray:
    """A part of the overlay, twice as large."""
    width, height = PART
    cut = overlay(result)[top : top + height, left : left + width]
    return cv2.resize(cut, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)


def page() -> None:
    """The page in Chromium, after the bundled clip."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        sys.exit("no Chromium here: `make chromium` installs Debian's")
    words = [sys.executable, "-m", "gsanet", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        address = next(line.strip() for line in server.stdout if line.startswith("http"))
        # Without its own sandbox, which root may not use; it sees nothing but this page.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
        view.goto(address)
        view.click("#sample", timeout=60_000)
        view.wait_for_selector(".downloads a", timeout=600_000)
        view.focus(".scrub input")
        view.keyboard.press("Home")
        for _ in range(PAGE):
            view.keyboard.press("ArrowRight")
        view.wait_for_timeout(1000)
        view.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        shot = np.frombuffer(view.screenshot(), np.uint8)
        browser.close()
        server.terminate()
    write("serve", cv2.imdecode(shot, cv2.IMREAD_COLOR)[..., ::-1])


def main() -> None:
    """Those that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NAMES, action="append", help="may be given several times")
    names = parser.parse_args().only or NAMES
    if set(names) != {"serve"}:
        results = list(gsanet.Segmenter.from_pretrained().stream(sample_clip(), slots=True))
    if "demo" in names:
        write("demo", panel(results[DEMO]))
    if "slots" in names:
        write("slots", np.concatenate([panel(results[number]) for number in SLOTS]), width=1212)
    if "failures" in names:
        write("failures", np.concatenate([part(results[number], *corner) for number, *corner in FAILURES], axis=1))
    if "serve" in names:
        page()


if __name__ == "__main__":
    main()
