"""Many pictures in one call: several at once, told in their order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsanet import Segmenter
from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import plan_clips, segment_clip
from gsanet.segment.planning import ClipJob
from gsanet.segment.stills import MOST, segment_each
from gsanet.video.images import read_mask, write_rgb


def jobs(*names: str) -> list[ClipJob]:
    return [ClipJob(Path(name), Path("out") / name) for name in names]


def test_what_is_a_picture() -> None:
    assert [job.named.picture for job in jobs("a.png", "b.JPG", "c.mp4", "folder")] == [True, True, False, False]


def test_pictures_are_worked_on_at_once_and_videos_alone() -> None:
    both = threading.Barrier(2, timeout=10)
    now: set[str] = set()

    def work(job: ClipJob) -> dict[str, Any]:
        now.add(job.said)
        if job.named.picture:
            both.wait()  # breaks if this one is alone
        else:
            assert now == {job.said}
        now.discard(job.said)
        return {"said": job.said}

    names = ["a.png", "b.png", "film.mp4", "c.png", "d.png"]
    done = list(segment_each(jobs(*names), work, 2))
    assert [one["said"] for one in done if isinstance(one, dict)] == names


def test_no_more_at_once_than_there_is_memory_for() -> None:
    lock, now, most = threading.Lock(), 0, 0
    enough = threading.Event()

    def work(job: ClipJob) -> dict[str, Any]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if most == MOST:
                enough.set()
        assert enough.wait(10)
        with lock:
            now -= 1
        return {}

    assert len(list(segment_each(jobs(*(f"{i}.png" for i in range(20))), work, 64))) == 20
    assert most == MOST


def test_one_that_fails_stops_no_other() -> None:
    def work(job: ClipJob) -> dict[str, Any]:
        if job.said == "b.png":
            raise GsanetError("b.png is no picture")
        return {"said": job.said}

    one, other, last = segment_each(jobs("a.png", "b.png", "c.png"), work, 2)
    assert one == {"said": "a.png"} and last == {"said": "c.png"}
    assert isinstance(other, GsanetError) and str(other) == "b.png is no picture"


@pytest.mark.parametrize("workers", [1, 2])
def test_masks_are_those_of_each_alone(
    tiny_model: GSANet, tiny_frames: np.ndarray, tmp_path: Path, workers: int
) -> None:
    segmenter = Segmenter(tiny_model, precision="float32")
    files = []
    for k, frame in enumerate(tiny_frames[:4]):
        files.append(tmp_path / f"picture{k}.png")
        write_rgb(files[-1], frame[:, : 96 - 8 * k])
    planned = plan_clips(files, tmp_path / "out")
    summaries = list(
        segment_each(planned, lambda job: segment_clip(segmenter, job, save=("masks",), mine=True), workers)
    )
    assert [isinstance(one, dict) and one["frames"] for one in summaries] == [1] * 4
    for k, job in enumerate(planned):
        (mask,) = (read_mask(file) for file in (job.folder / "masks").iterdir())
        np.testing.assert_array_equal(mask, segmenter.segment(tiny_frames[k : k + 1, :, : 96 - 8 * k])[0])
