"""Frames that arrive: pipes, addresses, cameras."""

from __future__ import annotations

import functools
import http.server
import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.video import Clip
from gsanet.video.sources import open_clip
from gsanet.video.streams import stop_streams


def encoded(frames: np.ndarray, format: str, **options: str) -> bytes:
    """Lossless, twelve frames a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=format, options=options) as container:
        stream = container.add_stream("libx264rgb" if format == "matroska" else "libx264", rate=12)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = ("rgb24" if format == "matroska" else "yuv444p"), {"qp": "0", "bf": "0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    """A named pipe, and what sends bytes into it from a thread; without bytes it only holds the pipe open."""
    path = tmp_path / "feed.mkv"
    os.mkfifo(path)
    done = threading.Event()
    threads: list[threading.Thread] = []

    def send(*parts: bytes, stay: bool = False) -> None:
        def work() -> None:
            with path.open("wb", buffering=0) as file:
                for part in parts:
                    try:
                        file.write(part)
                    except BrokenPipeError:
                        return
                if stay:
                    done.wait(30)

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()

    yield path, send
    done.set()
    for thread in threads:
        thread.join(10)


def check(clip: Clip, frames: np.ndarray, *, exact: bool = True) -> None:
    assert clip.live and clip.length is None and list(clip.frames_at([0])) == []
    assert (clip.width, clip.height, clip.fps) == (96, 64, 12)
    seen = list(clip)
    assert [frame.index for frame in seen] == list(range(len(frames)))
    assert [frame.time for frame in seen] == pytest.approx([i / 12 for i in range(len(frames))], abs=2e-3)
    if exact:
        np.testing.assert_array_equal(np.stack([frame.image for frame in seen]), frames)
    with pytest.raises(GsanetError, match="have been taken already: they come only once"):
        list(clip)


@pytest.mark.parametrize(
    ("format", "options"), [("matroska", {}), ("mpegts", {}), ("mp4", {"movflags": "frag_keyframe+empty_moov"})]
)
def test_a_named_pipe(pipe: tuple[Path, Any], tiny_frames: np.ndarray, format: str, options: dict[str, str]) -> None:
    path, send = pipe
    send(encoded(tiny_frames, format, **options))
    clip = open_clip(path)
    assert clip.name == "feed" and clip.path is None
    check(clip, tiny_frames, exact=format == "matroska")


def test_what_cannot_be_read_from_its_beginning_says_what_can(pipe: tuple[Path, Any], tiny_frames: np.ndarray) -> None:
    path, send = pipe
    send(encoded(np.concatenate([tiny_frames] * 20), "mp4"))
    with pytest.raises(GsanetError, match=r"feed\.mkv: no frame came; .*\+faststart.*matroska") as caught:
        open_clip(path)
    assert "\n" not in str(caught.value)


def test_standard_input(tiny_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        data = encoded(tiny_frames, "matroska")
        thread = threading.Thread(target=lambda: (os.write(writing, data), os.close(writing)))
        thread.start()
        clip = open_clip("-")
        assert clip.name == "stdin"
        check(clip, tiny_frames)
        thread.join()
    # A file that is redirected can be sought in: its index may come last.
    (tmp_path / "clip.mp4").write_bytes(encoded(tiny_frames, "mp4"))
    with (tmp_path / "clip.mp4").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        check(open_clip("-"), tiny_frames, exact=False)


def test_a_pipe_that_falls_silent_is_left_when_nobody_wants_more(
    pipe: tuple[Path, Any], tiny_frames: np.ndarray
) -> None:
    path, send = pipe
    data = encoded(np.concatenate([tiny_frames] * 20), "matroska")
    send(data[: len(data) // 2], stay=True)
    clip = open_clip(path)
    taken: list[int] = []
    thread = threading.Thread(target=lambda: taken.extend(frame.index for frame in clip))
    assert not stop_streams(), "nobody reads yet"
    thread.start()
    time.sleep(1)
    assert thread.is_alive(), "more may come"
    assert stop_streams()
    thread.join(10)
    assert not thread.is_alive() and 50 < len(taken) < 200
    assert any("stopped after" in problem for problem in clip.problems)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def test_an_address(tiny_clip: Path, tiny_frames: np.ndarray) -> None:
    handler = functools.partial(Quiet, directory=str(tiny_clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        clip = open_clip(f"{place}/tiny.mp4?key=secret")
        assert clip.name == "tiny"
        check(clip, tiny_frames, exact=False)
        with pytest.raises(
            GsanetError, match=rf"{place}/gone\.mp4 cannot be read as a video \(.*Not Found.*\)"
        ) as error:
            open_clip(f"{place}/gone.mp4?key=secret")
        assert "secret" not in str(error.value) and "\n" not in str(error.value)
        server.shutdown()
    with pytest.raises(
        GsanetError, match=r"tiny\.mp4 cannot be read as a video \(Connection refused\); is the address"
    ):
        open_clip(f"{place}/tiny.mp4")


class Camera:
    """What OpenCV gives for a camera, with frames of a clip."""

    opened: list[Any]
    frames: np.ndarray
    there = True

    def __init__(self, device: int | str) -> None:
        self.opened.append(device)
        self.count, self.released = 0, False

    def isOpened(self) -> bool:
        return self.there

    def get(self, what: int) -> float:
        return 12.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.count == len(self.frames):
            return False, None
        time.sleep(0.02)
        self.count += 1
        return True, self.frames[self.count - 1][..., ::-1]

    def release(self) -> None:
        self.released = True


@pytest.fixture
def camera(tiny_frames: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> type[Camera]:
    Camera.opened, Camera.frames, Camera.there = [], tiny_frames, True
    monkeypatch.setattr("cv2.VideoCapture", Camera)
    monkeypatch.setattr("gsanet.video.streams.sys.platform", "darwin")
    return Camera


def test_a_camera(camera: type[Camera], tiny_frames: np.ndarray) -> None:
    for source in (3, "3"):
        clip = open_clip(source)
        assert clip.live and clip.name == "camera3" and clip.fps == 12
        seen = list(clip)
        np.testing.assert_array_equal(np.stack([frame.image for frame in seen]), tiny_frames)
        # Times are of arrival, not of a rate that it only promises.
        assert 0.02 * 11 <= seen[-1].time < 0.9 and seen[0].time == 0
        assert any("gave no more frames" in problem for problem in clip.problems)
    device = open_clip("/dev/null")  # as /dev/video0, a device
    assert device.name == "null" and camera.opened == [3, 3, "/dev/null"]
    part = [frame.index for frame in open_clip(3, start=0.05, end=0.15)]
    assert 1 <= len(part) <= 5 and part == list(range(len(part)))


def test_a_camera_that_is_busy(camera: type[Camera]) -> None:
    camera.there = False
    with pytest.raises(
        GsanetError, match="camera 3 cannot be opened: is it a camera, and does no other program use it"
    ):
        open_clip(3)
