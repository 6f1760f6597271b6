"""Frames in the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from gsanet.cli.preview import Preview, half_blocks
from gsanet.cli.progress import frame_progress
from gsanet.model import GSANet
from gsanet.segment import FrameResult, Segmenter, segment_clip
from gsanet.segment.planning import plan_clips
from gsanet.segment.render import TINT


def result() -> FrameResult:
    image = np.zeros((90, 160, 3), np.uint8)
    image[:, 80:] = (0, 0, 200)
    probability = np.zeros((90, 160), np.float32)
    probability[20:70, 10:50] = 1
    return FrameResult(0, 0.0, "00000", image, probability, image, {})


def test_a_character_is_two_pixels() -> None:
    text = half_blocks(result(), 80, 30)
    assert text is not None
    lines = text.split("\n", allow_blank=False)
    assert {len(line) for line in lines} == {80} and len(lines) == 22  # 80 x 45 pixels
    console = Console(width=80, color_system="truecolor", force_terminal=True)

    def colour(line: int, column: int) -> tuple[int, int, int]:
        style = lines[line].get_style_at_offset(console, column)
        assert style.color is not None and style.color.triplet is not None
        return tuple(style.color.triplet)

    assert colour(10, 70) == (0, 0, 200) and colour(1, 2) == (0, 0, 0)
    assert np.argmax(colour(10, 15)) == np.argmax(TINT) and min(colour(10, 15)) > 0


@pytest.mark.parametrize(("width", "rows"), [(80, 1), (5, 30), (80, -2)])
def test_without_room_there_is_none(width: int, rows: int) -> None:
    assert half_blocks(result(), width, rows) is None


def test_only_a_terminal_is_drawn_on(tiny_model: GSANet, tiny_clip: Path, tmp_path: Path) -> None:
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32")
    for terminal in (True, False):
        shown = io.StringIO()
        console = Console(file=shown, width=80, height=40, force_terminal=terminal, color_system="truecolor")
        preview = Preview(console)
        (plan,) = plan_clips([tiny_clip], tmp_path / str(terminal))
        with frame_progress("tiny", preview) as progress:
            segment_clip(segmenter, plan, save=["masks"], progress=progress, watch=preview)
        assert (preview.picture is not None) == ("▀" in shown.getvalue()) == terminal
        assert len(list((plan.folder / "masks").iterdir())) == 12
