"""The engine's memory does not grow with the clip."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gsanet.runtime.interface import Answer, Pictures, Reference
from gsanet.segment import Segmenter
from gsanet.video import Clip, Frame
from tiny import TINY


class Counting(Clip):
    """A clip made up as it goes, which knows how many of its frames are alive."""

    def __init__(self, frames: int, height: int = 64, width: int = 96) -> None:
        super().__init__("counting", None, width, height, Fraction(25))
        self._frames = frames
        self.alive = self.most = 0
        self._lock = threading.Lock()

    @property
    def length(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(self._frames))

    def frames_at(self, indices) -> Iterator[Frame]:  # type: ignore[no-untyped-def]
        for index in sorted(indices):
            image = np.full((self.height, self.width, 3), index % 256, np.uint8)
            with self._lock:
                self.alive += 1
                self.most = max(self.most, self.alive)
            weakref.finalize(image, self._gone)
            yield Frame(index, index / 25, f"{index:05d}", image)

    def _gone(self) -> None:
        with self._lock:
            self.alive -= 1


class Nothing:
    """In place of the network: finds nothing, at once."""

    name, config, device, precision, workers, batch = "torch", TINY, "cpu", "float32", 2, 1

    def one_thread(self, others: int) -> None:
        pass

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        return [None for _ in pictures]

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        return [Answer(np.zeros(one.rgb.shape[:2], np.float32), {}) for one in pictures]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_long_clip_holds_no_more_frames_than_a_short_one(batch: int) -> None:
    segmenter = Segmenter(Nothing(), flow="none", batch=batch)  # type: ignore[arg-type]
    for frames in (40, 800):
        clip = Counting(frames)
        assert sum(1 for _ in segmenter.stream(clip)) == frames
        gc.collect()
        assert clip.alive == 0
        # Two batches wait, three are at the network or done, one with its taker; the thread, flow and the average
        # over time hold some, references three; four wait to be looked at closer, and as many in each of two threads
        # for what is found in the key frames around them.
        assert clip.most <= 6 * batch + 10 + 3 * segmenter.options.keyframe_interval


@pytest.mark.slow
def test_peak_memory_is_flat() -> None:
    """Through the whole of ``segment_clip``, 20 times as long: the frames alone would be 230 MB."""
    script = """
import resource, sys, tempfile
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[3]]
import torch
torch.set_num_threads(1)
import test_engine_memory, tiny
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.segment import Segmenter, clip_folder
clip = test_engine_memory.Counting(int(sys.argv[1]), 400, 640)
clip_folder.open_clip = lambda source: clip
segmenter = Segmenter(GSANet(tiny.TINY), precision="float32", size=64, flow="none")
with tempfile.TemporaryDirectory() as folder:
    clip_folder.segment_clip(segmenter, clip_folder.ClipJob(Path("clip"), Path(folder) / "clip", False))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    here = Path(__file__).parent
    peaks = []
    for frames in (15, 300):
        command = [sys.executable, "-c", script, str(frames), str(here.parent), str(here)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 50, peaks
