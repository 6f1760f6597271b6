"""Frames pushed one by one, and the ways a segmenter may be used."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import gsanet
from gsanet import GsanetError, LiveSegmenter, Options, Segmenter
from gsanet.model import GSANet
from gsanet.segment.options import OptionChanges


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, precision="float32")


def test_a_step_gives_what_online_gives(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    pulled = list(segmenter.stream(tiny_frames, online=True))
    with segmenter.live(fps=Fraction(10)) as live:
        for index, (image, other) in enumerate(zip(tiny_frames, pulled, strict=True)):
            result = live.step(image)
            assert (result.index, result.time) == (index, pytest.approx(index / 10))
            np.testing.assert_array_equal(result.image, image)
            np.testing.assert_array_equal(result.probability, other.probability)


def test_a_step_may_name_its_time_and_fill_its_array_again(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    live = segmenter.live()
    buffer = tiny_frames[0].copy()
    first = live.step(buffer, 0.0)
    buffer[:] = 0
    np.testing.assert_array_equal(first.image, tiny_frames[0])
    assert live.step(tiny_frames[1], 2.5).time == 2.5
    with pytest.raises(GsanetError, match=r"frame 2 is of 1 s, the one before of 2\.5 s"):
        live.step(tiny_frames[2], 1.0)


def test_a_step_that_is_no_frame(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    live: LiveSegmenter = segmenter.live()
    with pytest.raises(GsanetError, match="frame 0 must be a uint8 RGB array"):
        live.step(tiny_frames[0].astype(np.float32))
    live.step(tiny_frames[0])
    with pytest.raises(GsanetError, match="frame 1 is 48x64, the frames before it 96x64"):
        live.step(np.ascontiguousarray(tiny_frames[1][:, :48]))
    live.close()
    with pytest.raises(GsanetError, match="this live session is closed"):
        live.step(tiny_frames[2])


def test_a_stream_can_be_closed(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    stream = segmenter.stream(tiny_frames)
    assert next(stream).index == 0
    stream.close()
    assert next(stream, None) is None


def test_options_as_a_whole_or_one_by_one(tiny_model: GSANet) -> None:
    assert Segmenter(tiny_model, Options(flow="none")).options == Segmenter(tiny_model, flow="none").options
    assert Segmenter(tiny_model, Options(flow="none"), flip=True).options == Options(flow="none", flip=True)
    with pytest.raises(GsanetError, match="options or a quality, not both"):
        Segmenter(tiny_model, Options(), quality="fast")
    assert list(OptionChanges.__annotations__) == [field.name for field in fields(Options)]


def test_a_segmenter_of_another_process_says_so(
    segmenter: Segmenter, tiny_frames: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: -1)
    for use in (segmenter.stream, segmenter.segment):
        with pytest.raises(GsanetError, match=r"made in another process.*spawn"):
            use(tiny_frames)
    with pytest.raises(GsanetError, match="made in another process"):
        segmenter.live()


def test_segment_to_folder(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    folder = gsanet.segment_to_folder(tiny_clip, tmp_path, segmenter=segmenter, save=("masks", "rle"))
    assert folder == tmp_path / tiny_clip.stem
    assert len(list((folder / "masks").iterdir())) == 12 and len((folder / "rle.jsonl").read_text().splitlines()) == 12
    assert json.loads((folder / "summary.json").read_text())["runtime"] == "torch"
    with pytest.raises(GsanetError, match="exists already"):
        gsanet.segment_to_folder(tiny_clip, tmp_path, segmenter=segmenter)
    assert (
        gsanet.segment_to_folder(tiny_clip, tmp_path, segmenter=segmenter, save=["masks"], existing="resume") == folder
    )
    with pytest.raises(GsanetError, match="cannot save mask"):
        gsanet.segment_to_folder(tiny_clip, tmp_path, segmenter=segmenter, save=("mask",))


def test_a_composite_on_a_background(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    green, save = "#00ff00", ["composite"]
    folder = gsanet.segment_to_folder(tiny_clip, tmp_path, segmenter=segmenter, save=save, background=green)
    assert json.loads((folder / "summary.json").read_text())["background"] == green
    first = next(iter(gsanet.open_clip(folder / "composite.mp4"))).image
    assert first.shape == (64, 96, 3) and (first[..., 1].astype(int) - first[..., 0] > 100).any()
    with pytest.raises(GsanetError, match="background #00ff00 there, blur now"):
        gsanet.segment_to_folder(
            tiny_clip, tmp_path, segmenter=segmenter, save=save, background="blur", existing="resume"
        )
    with pytest.raises(GsanetError, match="a background is a colour"):
        gsanet.segment_to_folder(tiny_clip, tmp_path / "other", segmenter=segmenter, background="nowhere.png")
