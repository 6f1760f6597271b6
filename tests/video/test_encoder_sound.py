"""Sound of a source in what is written from its frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sounds import FPS, beeps, ends, flashes, flashing

from gsanet.video import VideoFile, VideoWriter
from gsanet.video.output_format import H264, PRORES_4444, VP9_ALPHA, OutputFormat
from gsanet.video.sound import SoundSource

FRAME = 1 / FPS


def written(source: Path, folder: Path, format: OutputFormat = H264, **sound) -> tuple[Path, list[str]]:  # type: ignore[no-untyped-def]
    """The frames of *source* with its sound, as another file; and what was noted."""
    out = folder / f"out{format.suffix}"
    notes: list[str] = []
    clip = VideoFile(source)
    with VideoWriter(out, clip.fps, format=format, sound=SoundSource(source, note=notes.append, **sound)) as writer:
        for frame in clip:
            image = frame.image
            if format.alpha:
                image = np.dstack((image, np.full(image.shape[:2], 255, np.uint8)))
            writer.write(image, frame.time)
    return out, notes


def test_three_minutes_stay_in_sync(tmp_path: Path) -> None:
    source = flashing(tmp_path / "in.mp4", 180, 9)
    out, notes = written(source, tmp_path)
    seen, heard = flashes(out), beeps(out)
    assert len(seen) == len(heard) == 20 and not notes
    assert np.abs(np.subtract(seen, heard)).max() < 0.005 < FRAME
    assert seen[-1] == pytest.approx(171, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "format", "expected"),
    [
        ("in.mp4", "aac", H264, "aac"),
        ("in.mkv", "libopus", H264, "opus"),
        ("in.mkv", "flac", H264, "flac"),
        ("in.mkv", "libmp3lame", H264, "mp3float"),
        ("in.ts", "aac", H264, "aac"),
        ("in.ts", "mp2", H264, "aac"),
        ("in.avi", "pcm_s16le", H264, "aac"),
        ("in.wmv", "wmav2", H264, "aac"),
        ("in.mp4", "aac", VP9_ALPHA, "opus"),
        ("in.mkv", "libopus", VP9_ALPHA, "opus"),
        ("in.mp4", "aac", PRORES_4444, "aac"),
        ("in.mkv", "libopus", PRORES_4444, "pcm_s16le"),
        ("in.avi", "pcm_s16le", PRORES_4444, "pcm_s16le"),
    ],
)
def test_copied_where_it_can_be_and_encoded_where_not(
    tmp_path: Path, name: str, codec: str, format: OutputFormat, expected: str
) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    source = flashing(tmp_path / name, 6, 2, codec=codec, rate=rate)
    before = np.subtract(beeps(source), flashes(source))
    out, notes = written(source, tmp_path, format)
    found = ends(out)
    assert found["audio"][0] == expected and not notes
    seen, heard = flashes(out), beeps(out)
    assert len(seen) == len(heard) == 3
    assert np.abs(np.subtract(heard, seen) - before).max() < 0.006
    # Sound begins and ends with the frames, as exactly as its packets allow.
    assert found["audio"][2] == pytest.approx(found["video"][2], abs=0.06)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize(
    ("video_from", "sound_from", "sound_to"), [(0, 0.72, None), (1.52, 0, None), (0, 0, 9.0), (1.0, 0.5, 3.0)]
)
def test_who_begins_or_ends_first_does_not_matter(
    tmp_path: Path, codec: str, video_from: float, sound_from: float, sound_to: float | None
) -> None:
    source = flashing(
        tmp_path / "in.mkv", 6, 2, codec=codec, video_from=video_from, sound_from=sound_from, sound_to=sound_to
    )
    out, notes = written(source, tmp_path)
    seen, heard = flashes(out), beeps(out)
    in_sound = [time for time in seen if sound_from <= time + video_from < (sound_to or 99)]
    heard = [time for time in heard if time > 0.03 or (time >= 0 and 0 in seen)]
    late = [time for time in in_sound if time > 0.05]
    assert len(late) >= 1 and not notes
    for time in late:
        assert min(abs(time - beep) for beep in heard) < FRAME / 2
    video, sound = ends(out)["video"], ends(out)["audio"]
    assert video[1] == 0 and video[2] == pytest.approx(6, abs=1e-3)
    assert sound[2] < video[2] + 0.03


def test_a_part_of_a_clip_has_its_own_sound(tmp_path: Path) -> None:
    source = flashing(tmp_path / "in.mp4", 8, 3)
    clip = VideoFile(source)
    out = tmp_path / "out.mp4"
    with VideoWriter(out, clip.fps, sound=SoundSource(source, after=2.0)) as writer:
        for frame in clip:
            if 2 <= frame.time < 7:
                writer.write(frame.image, frame.time - 2)
    assert flashes(out) == pytest.approx([1, 4], abs=1e-3)
    assert beeps(out) == pytest.approx([1, 4], abs=0.005)
    assert ends(out)["audio"][2] == pytest.approx(5, abs=0.03)


def test_a_clock_that_begins_anew(tmp_path: Path) -> None:
    piece = flashing(tmp_path / "piece.ts", 4, 2).read_bytes()
    source = tmp_path / "in.ts"
    source.write_bytes(piece * 2)
    frames = list(VideoFile(tmp_path / "piece.ts"))
    out = tmp_path / "out.mp4"
    with VideoWriter(out, Fraction(FPS), sound=SoundSource(source)) as writer:
        for frame in frames:
            writer.write(frame.image, frame.time)
        for frame in frames:
            writer.write(frame.image, frame.time + 4)
    seen, heard = flashes(out), beeps(out)
    assert len(seen) == len(heard) == 4
    assert np.abs(np.subtract(seen, heard)).max() < 2 * FRAME


def test_a_name_with_colons_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("12:30:45.mp4").write_bytes(flashing(tmp_path / "in.mp4", 2, 1).read_bytes())
    out, notes = written(Path("12:30:45.mp4"), tmp_path)
    assert len(beeps(out)) == len(flashes(out)) == 2 and not notes


def test_a_clip_without_sound_is_silent(tmp_path: Path, tiny_clip: Path) -> None:
    out, notes = written(tiny_clip, tmp_path)
    assert set(ends(out)) == {"video"} and not notes


def test_what_is_no_video_is_silent(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    notes: list[str] = []
    for source in (tmp_path, tmp_path / "notes.txt", tmp_path / "nothing.mp4"):
        with VideoWriter(tmp_path / "out.mp4", Fraction(5), sound=SoundSource(source, note=notes.append)) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8))
    assert not notes and set(ends(tmp_path / "out.mp4")) == {"video"}


def test_sound_that_breaks_costs_a_note_and_not_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = flashing(tmp_path / "in.mp4", 4, 2)
    from gsanet.video import sound_tracks

    def broken(*args, **kwargs):  # type: ignore[no-untyped-def]
        raise av.InvalidDataError(1, "no such sound")

    monkeypatch.setattr(sound_tracks.EncodedSound, "_encode", broken)
    out, notes = written(source, tmp_path, VP9_ALPHA)
    assert len(notes) == 1 and "ends early (no such sound)" in notes[0]
    assert len(flashes(out)) == 2

    monkeypatch.setattr("gsanet.video.encoder.attach_sound", broken)
    out, notes = written(source, tmp_path)
    assert len(notes) == 1 and set(ends(out)) == {"video"}


def test_sound_of_many_channels(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width = video.height = 32
        sound = container.add_stream("pcm_s16le", rate=48_000)
        sound.codec_context.layout = "5.1"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 6 * 48_000), np.int16), format="s16", layout="5.1")
        frame.sample_rate = 48_000
        for i in range(25):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
            picture.pts = i
            container.mux(video.encode(picture))
        container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    out, notes = written(source, tmp_path)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.channels == 6
    assert not notes
