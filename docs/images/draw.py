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
from gsanet.video.resize import resize
from gsanet.video.sample_clip import sample_clip

HERE = Path(__file__).parent
NAMES = ("demo", "slots", "failures", "serve")
DEMO = 7
SLOTS = (7, 70, 100)
FAILURES = ((12, 20, 90), (20, 20, 110), (68, 60, 0))
"""Frame, and left and top of a part of it."""
PART = (240, 180)
"""Its width and height."""
PAGE = 40
"""The frame that the page shows."""


def write(name: str, picture: np.ndarray) -> None:
    """*picture* (h,w,3) as a JPEG of this folder."""
    cv2.imwrite(str(HERE / f"{name}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def slots(panels: list[np.ndarray]) -> np.ndarray:
    """One below the other, three quarters as large."""
    joined = np.concatenate(panels)
    return resize(joined, (joined.shape[0] * 3 // 4, joined.shape[1] * 3 // 4))


def part(result: FrameResult, left: int, top: int) -> np.ndarray:
    """A part of the overlay, twice as large."""
    width, height = PART
    return resize(overlay(result)[top : top + height, left : left + width], (2 * height, 2 * width))


def screenshot(address: str, chromium: str) -> np.ndarray:
    """The page after the bundled clip, as the bytes of a PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without its own sandbox, which root may not use; it sees nothing but this page.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
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
    return shot


def page() -> None:
    """The page in Chromium, as a server of its own shows it."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("no Chromium here: `make chromium` installs Debian's")
    server = subprocess.Popen(
        [sys.executable, "-m", "gsanet", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = next(line.strip() for line in server.stdout if line.startswith("http"))
        shot = screenshot(address, program)
    finally:
        server.terminate()
        server.wait()
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
        write("slots", slots([panel(results[number]) for number in SLOTS]))
    if "failures" in names:
        write("failures", np.concatenate([part(results[number], *corner) for number, *corner in FAILURES], axis=1))
    if "serve" in names:
        page()


if __name__ == "__main__":
    main()
