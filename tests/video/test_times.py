"""Times that only go forwards, and files whose clocks do not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gsanet.video import VideoFile
from gsanet.video.times import Clock


def run(stamps: list[float | None], fps: int = 10) -> list[float]:
    clock = Clock(Fraction(fps))
    return [round(clock(stamp), 6) for stamp in stamps]


def test_a_clock_that_runs_is_left_alone() -> None:
    assert run([5.0, 5.1, 5.25, 9.0]) == [0, 0.1, 0.25, 4]  # a variable rate, and a pause


def test_frames_without_a_time_come_one_period_after_the_last() -> None:
    assert run([None, None, None]) == [0, 0.1, 0.2]
    assert run([1.0, None, 1.2]) == [0, 0.1, 0.2]


def test_a_clock_that_starts_again_runs_on() -> None:
    assert run([0, 0.1, 0.2, 0, 0.1, 0.2, 0, 0.1]) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert run([50, 50.1, 1.4, 1.5, 1.6]) == [0, 0.1, 0.2, 0.3, 0.4]


def test_one_wrong_time_does_not_move_the_others() -> None:
    assert run([0, 0.1, 0.2, 0, 0.4, 0.5]) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_equal_times_become_different_ones() -> None:
    times = run([0, 0.1, 0.1, 0.2])
    assert np.all(np.diff(times) > 0) and times[3] == 0.2
    assert run([0] * 40)[-1] > 3.5  # no clock at all: the rate decides


def write_ts(path: Path, frames: int, start: float, **options: str) -> Path:
    with av.open(str(path), "w", options={"mpegts_copyts": "1", **options}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.gop_size = 5
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 10 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = i + round(start * 25), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_recordings_joined_to_one_last_as_long_as_both(tmp_path: Path) -> None:
    early, late = write_ts(tmp_path / "a.ts", 10, 0), write_ts(tmp_path / "b.ts", 10, 50)
    for parts in ((early, early), (late, early)):
        path = tmp_path / "joined.ts"
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        clip = VideoFile(path)
        frames = list(clip)
        np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / 25, atol=1e-3)
        assert clip.problems == [] and "its clock starts again" in clip.facts[0]
        for fetched in clip.frames_at([3, 12, 19]):
            np.testing.assert_array_equal(fetched.image, frames[fetched.index].image)
            assert fetched.time == frames[fetched.index].time


def test_a_pause_stays_one_and_is_no_complaint(tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    parts = write_ts(tmp_path / "a.ts", 10, 0), write_ts(tmp_path / "b.ts", 10, 50)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = VideoFile(path)
    times = np.array([frame.time for frame in clip])
    steps = np.diff(times)
    np.testing.assert_allclose(np.delete(steps, 9), 1 / 25, atol=1e-3)
    assert steps[9] == pytest.approx(49.6, abs=0.1)
    assert clip.problems == [] and clip.facts == []


def test_frames_left_out_are_no_complaint(tmp_path: Path) -> None:
    """An AVI repeats a frame by an empty chunk; here every second one is empty."""
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 10 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 2 * i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = VideoFile(path)
    frames = list(clip)
    assert len(frames) == 20 and frames[-1].time == pytest.approx(38 / 25)
    assert clip.problems == []


@pytest.mark.parametrize(
    ("name", "frames", "end"),
    [
        ("10_discontinuity/cat.ts", 100, 3.96),
        ("10_discontinuity/catback.ts", 100, 3.96),
        ("11_false_cut_off/edit.mp4", 34, 1.32),
        ("11_false_cut_off/drop.avi", 40, 1.96),
        ("11_false_cut_off/catgap.ts", 100, 51.88),
        ("14_truncated/trunc_fast.mp4", 24, 0.92),
    ],
)
def test_clips_of_the_field_test(shared: Path, name: str, frames: int, end: float) -> None:
    path = shared / "cases" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    clip = VideoFile(path)
    times = [frame.time for frame in clip]
    assert len(times) == frames and times[-1] == pytest.approx(end, abs=0.01)
    assert np.all(np.diff(times) > 0)
    assert len(clip.problems) == (1 if "truncated" in name else 0)
