"""Video files: every frame, at its time, the right way up; damaged ones as far as they go."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.video import VideoFile, VideoWriter
from gsanet.video.decoder import VideoDecoder, worthwhile_threads


def write_with(
    path: Path,
    frames: NDArray[np.uint8],
    codec: str,
    *,
    gop: int = 4,
    rotation: int = 0,
    times: list[int] | None = None,
) -> Path:
    """By PyAV directly, with key frames *gop* apart; times in 1/1000 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        stream.codec_context.gop_size = gop
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            if not hasattr(stream, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a display matrix")
            stream.set_display_rotation(rotation)
        for i, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def counted(frames: int, height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    """Grey frames, each brighter than the one before, so that a frame tells its number."""
    clip = np.zeros((frames, height, width, 3), np.uint8)
    clip += np.linspace(20, 235, frames).astype(np.uint8)[:, None, None, None]
    return clip


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx-vp9"), ("gif", "gif")],
)
def test_every_frame_in_order_and_twice(tmp_path: Path, suffix: str, codec: str) -> None:
    source = counted(20)
    clip = VideoFile(write_with(tmp_path / f"clip.{suffix}", source, codec))
    assert (clip.name, clip.width, clip.height, clip.length) == ("clip", 96, 64, 20)
    for _ in range(2):
        frames = list(clip)
        assert [frame.index for frame in frames] == list(range(20))
        assert [frame.name for frame in frames][:2] == ["00000", "00001"]
        seen = np.array([frame.image.mean() for frame in frames])
        assert np.abs(seen - source.mean((1, 2, 3))).max() < 6
    assert clip.problems == []


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx-vp9"), ("ts", "libx264")],
)
def test_fetched_frames_are_those_of_the_whole(tmp_path: Path, suffix: str, codec: str) -> None:
    clip = VideoFile(write_with(tmp_path / f"clip.{suffix}", counted(30), codec))
    whole = list(clip)
    fetched = list(clip.frames_at([29, 3, 11, 12, 3, 17, 99, -1]))
    assert [frame.index for frame in fetched] == [3, 11, 12, 17, 29]
    for frame in fetched:
        np.testing.assert_array_equal(frame.image, whole[frame.index].image)
        assert frame.time == pytest.approx(whole[frame.index].time)


def test_fetching_decodes_only_near_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = VideoFile(write_with(tmp_path / "clip.mp4", counted(80), "libx264", gop=8))
    assert clip.length == 80
    decoded = 0
    frames = VideoDecoder.frames

    def counting(self: VideoDecoder) -> Iterator[av.VideoFrame]:
        nonlocal decoded
        for frame in frames(self):
            decoded += 1
            yield frame

    monkeypatch.setattr(VideoDecoder, "frames", counting)
    assert [frame.index for frame in clip.frames_at([20, 60])] == [20, 60]
    assert decoded <= 2 * 8


def test_times_of_a_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 40, 80, 500, 540, 1500]
    clip = VideoFile(write_with(tmp_path / "clip.mkv", counted(6), "libx264", times=times))
    assert [round(frame.time * 1000) for frame in clip] == times


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_phone_videos_stand_upright(tmp_path: Path, rotation: int) -> None:
    source = np.zeros((3, 64, 96, 3), np.uint8)
    source[:, :20, :30] = 255  # a white corner, top left as stored
    clip = VideoFile(write_with(tmp_path / "phone.mp4", source, "libx264", rotation=rotation))
    shown = next(iter(clip)).image
    expected = np.rot90(source[0], rotation // 90)
    assert (clip.height, clip.width) == expected.shape[:2]
    assert np.abs(shown.astype(int) - expected).mean() < 5
    assert next(clip.frames_at([1])).image.shape == expected.shape


def test_a_cut_off_file_yields_what_is_left(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = tmp_path / "whole.mp4"
    write_with(whole, rng.integers(0, 255, (40, 64, 96, 3), np.uint8), "libx264")
    faststart = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(faststart), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = faststart.read_bytes()
    faststart.write_bytes(data[: len(data) // 2])
    clip = VideoFile(faststart)
    frames = list(clip)
    assert 5 < len(frames) < 35
    with VideoDecoder(faststart, threads=1) as alone:
        assert len(frames) == len(list(alone.frames()))
    assert len(clip.problems) == 1 and "cut off" in clip.problems[0] and "of 40 frames" in clip.problems[0]
    assert str(faststart) in clip.problems[0]


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_with(tmp_path / "hurt.avi", rng.integers(0, 255, (40, 64, 96, 3), np.uint8), "mjpeg")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(bytes(data))
    clip = VideoFile(path)
    assert 30 < len(list(clip)) <= 40


def test_frames_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    paths = [
        write_with(tmp_path / "a.ts", counted(6), "libx264"),
        write_with(tmp_path / "b.ts", counted(6, 48, 64), "libx264"),
    ]
    clip = VideoFile(joined(tmp_path / "joined.ts", *paths))
    frames = list(clip)
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 12
    seen = np.array([frame.image.mean() for frame in frames])
    assert np.abs(seen - np.tile(counted(6).mean((1, 2, 3)), 2)).max() < 6
    assert len(clip.problems) == 1
    assert "from frame 6 on there are frames of 64x48, those before are 96x64" in clip.problems[0]
    assert next(clip.frames_at([8])).image.shape == (64, 96, 3)


def joined(path: Path, *parts: Path) -> Path:
    """Transport streams one after the other, as ``cat`` makes them."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def write_streams(path: Path, *streams: NDArray[np.uint8]) -> Path:
    """One video stream for each array (T,H,W,3)."""
    with av.open(str(path), "w") as container:
        outputs = []
        for frames in streams:
            stream = container.add_stream("mjpeg", rate=25)
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuvj420p"
            outputs.append(stream)
        for stream, frames in zip(outputs, streams, strict=True):
            for image in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_film_is_read_and_not_its_thumbnail(tmp_path: Path, suffix: str) -> None:
    clip = VideoFile(write_streams(tmp_path / f"clip.{suffix}", counted(1, 46, 80), counted(20)))
    assert (clip.width, clip.height, len(list(clip)), clip.length) == (96, 64, 20, 20)


def test_large_pictures_get_fewer_threads() -> None:
    assert worthwhile_threads(640, 360) == worthwhile_threads(1920, 1080)
    assert worthwhile_threads(3840, 2160) <= 2
    assert worthwhile_threads(7680, 4320) == 1


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_files_that_are_no_video(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(GsanetError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        VideoFile(empty)
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(GsanetError, match=r"noise\.mp4 cannot be read as a video"):
        VideoFile(noise)
    with pytest.raises(GsanetError, match=r"voice\.m4a has no video in it, only audio"):
        VideoFile(sound_only(tmp_path / "voice.m4a"))


def test_a_header_without_frames(tmp_path: Path) -> None:
    path = write_with(tmp_path / "clip.avi", counted(10), "mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(GsanetError, match=r"clip\.avi"):
        VideoFile(path)


@pytest.mark.parametrize(("height", "width"), [(481, 853), (16, 16), (1, 1), (2, 90)])
def test_written_clips_read_back(tmp_path: Path, height: int, width: int) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, Fraction(30000, 1001)) as writer:
        for image in counted(5, height, width):
            writer.write(image)
    clip = VideoFile(path)
    assert clip.length == 5
    assert clip.fps == pytest.approx(30000 / 1001, rel=1e-3)
    assert clip.width - max(width, 16) in (0, 1) and clip.height - max(height, 16) in (0, 1)
    assert [round(frame.time, 3) for frame in clip] == [0, 0.033, 0.067, 0.1, 0.133]
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_the_writer_keeps_times(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, Fraction(10)) as writer:
        for image, time in zip(counted(4), (0.0, 0.1, 0.1, 2.0), strict=True):
            writer.write(image, time)
    assert [round(frame.time, 3) for frame in VideoFile(path)] == [0, 0.1, 0.1, 2]


def test_a_failed_clip_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with pytest.raises(RuntimeError), VideoWriter(path, Fraction(10)) as writer:
        for image in counted(4):
            writer.write(image)
        raise RuntimeError
    with pytest.raises(GsanetError, match="64x48"), VideoWriter(path, Fraction(10)) as writer:
        writer.write(counted(1)[0])
        writer.write(counted(1, 48, 64)[0])
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(GsanetError, match=r"cannot write .*clip\.mp4"),
        VideoWriter(tmp_path / "no" / "clip.mp4", Fraction(9)) as w,
    ):
        w.write(counted(1)[0])
