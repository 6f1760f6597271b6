"""A part of a clip: the frames that were asked for, with the names and times they have in the whole."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.video import Clip, VideoWriter
from gsanet.video.decoder import VideoDecoder
from gsanet.video.images import write_rgb
from gsanet.video.sources import open_clip
from gsanet.video.trimmed import seconds


def facts(clip: Clip) -> list[tuple[int, str, float]]:
    return [(frame.index, frame.name, round(frame.time, 3)) for frame in clip]


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ({"start": 0.5}, range(6, 12)),
        ({"start": "0:00.5", "end": "0:00:00.75"}, range(6, 9)),
        ({"end": 0.25}, range(3)),
        ({"every": 5}, range(0, 12, 5)),
        ({"start": 0.3, "end": 0.9, "every": 3}, range(4, 11, 3)),
        ({"start": 0.917}, range(11, 12)),  # as a player shows the time of frame 11
        ({"end": 100}, range(12)),
    ],
    ids=str,
)
def test_every_kind_of_clip_gives_the_frames_of_its_part(
    tiny_clip: Path, tiny_frames: np.ndarray, tmp_path: Path, part: dict[str, Any], numbers: range
) -> None:
    for i, frame in enumerate(tiny_frames):
        write_rgb(tmp_path / f"{i:05d}.png", frame)
    rate = Fraction(12)
    expected = [(k, f"{number:05d}", round(number / 12, 3)) for k, number in enumerate(numbers)]
    for source in (tiny_clip, tmp_path, tmp_path / "%05d.png", tiny_frames, list(tiny_frames)):
        clip = open_clip(source, fps=rate, **part)
        assert clip.length == len(numbers) and not clip.live
        assert facts(clip) == expected
        assert facts(clip) == expected, "a second time"
        if not isinstance(source, Path):
            np.testing.assert_array_equal(np.stack([frame.image for frame in clip]), tiny_frames[numbers])
        last = len(numbers) - 1
        assert [frame.index for frame in clip.frames_at([last, 0, last + 1, -1])] == sorted({0, last})
        assert clip.begins == pytest.approx(numbers[0] / 12, abs=1e-3)  # type: ignore[attr-defined]
    live = open_clip(iter(tiny_frames), fps=rate, **part)
    assert live.live and live.length is None and facts(live) == expected
    assert clip.fps == rate / part.get("every", 1)


def test_the_part_of_a_clip_whose_frames_come_at_odd_times(tiny_frames: np.ndarray, tmp_path: Path) -> None:
    times = [0, 0.04, 0.08, 2.0, 2.04, 5.5, 5.54, 5.58, 5.62, 9.0, 9.04, 9.08]
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, Fraction(25)) as writer:
        for frame, time in zip(tiny_frames, times, strict=True):
            writer.write(frame, time)
    for start in (0.0, 0.05, 1.0, 2.0, 5.0, 5.6, 9.08):
        expected = [i for i, time in enumerate(times) if time >= start]
        clip = open_clip(path, start=start, end=20)
        assert [frame.name for frame in clip] == [f"{i:05d}" for i in expected]


def test_frames_before_the_part_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(200):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), i, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = open_clip(path, start=18.0)
    decoded = []
    frames = VideoDecoder.frames

    def counted(self: VideoDecoder) -> Iterator[av.VideoFrame]:
        for frame in frames(self):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(VideoDecoder, "frames", counted)
    assert [frame.name for frame in clip] == [f"{i:05d}" for i in range(180, 200)]
    assert len(decoded) == 20


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"start": 1.0}, r"tiny\.mp4 has no frame from 1 s to its end: its last frame is at 0\.917 s"),
        ({"start": 0.01, "end": 0.02}, "has no frame from 0.01 s to 0.02 s"),
        ({"start": 2, "end": 1}, r"the end \(1 s\) must come after the start \(2 s\)"),
        ({"start": -1}, "the start of a clip cannot be before its first frame"),
        ({"every": 0}, "every must be at least 1"),
        ({"start": "soon"}, "a time is in seconds .* not 'soon'"),
    ],
)
def test_parts_that_are_none(tiny_clip: Path, part: dict[str, Any], message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        open_clip(tiny_clip, **part)


def test_a_stream_that_ends_before_the_part(tiny_frames: np.ndarray) -> None:
    with pytest.raises(GsanetError, match=r"live has no frame from 9 s to its end: it ended before"):
        list(open_clip(iter(tiny_frames), start=9))


def test_times_as_people_write_them() -> None:
    written = {"12.5": 12.5, "90": 90, "1:02.5": 62.5, "0:01:02": 62, "2:00:00.25": 7200.25, " 3 ": 3, ".5": 0.5}
    assert {text: seconds(text) for text in written} == written
