"""Where a frame's milliseconds go: every stage of the engine by itself, and all of them together as users run them.

Alone, a stage has the whole machine; together they share it, so the sum of the stages is not the time of a frame.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.model import ReferenceFeatures
from gsanet.runtime.interface import Backend, Pictures
from gsanet.runtime.torch_network import TorchNetwork
from gsanet.segment.averaging import LOOKAHEAD, smoothed
from gsanet.segment.engine import Segmenter, average_views
from gsanet.segment.links import Link, Linker
from gsanet.segment.motion import open_motion, windows
from gsanet.segment.pictures import known_flow, show
from gsanet.segment.result import FrameResult
from gsanet.segment.save import ClipWriter
from gsanet.video.sources import open_clip

T = TypeVar("T")
Map = NDArray[np.float32]

STAGES = {
    "decode": "video to RGB",
    "flow": "between neighbouring frames, there and back if it is averaged over time",
    "prepare": "both pictures at the network's size, flow coloured",
    "rgb": "encoder and multi-scale fusion of the RGB stream",
    "motion": "the same of the flow stream",
    "slots": "clusters, aggregation, slot attention of both streams",
    "decoder": "fusion of the streams, top-down decoder, and what else the network does",
    "resize": "probabilities to the size of the frame",
    "smooth": "average over time",
    "write": "what was asked to be saved",
}
"""Stages in order, and what they do."""

_SCRIPT = "import sys; from gsanet.segment.profile import clean_run; clean_run(*sys.argv[1:])"


class Clock:
    """Seconds by name, for each frame."""

    def __init__(self, device: torch.device) -> None:
        self.frames: list[dict[str, float]] = []
        self._device = device

    def begin(self) -> None:
        """The next frame."""
        self.frames.append({})

    def time(self, name: str, work: Callable[[], T]) -> T:
        """What *work* returns; its time is added to the frame's *name*."""
        started = time.perf_counter()
        result = work()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        frame = self.frames[-1]
        frame[name] = frame.get(name, 0.0) + time.perf_counter() - started
        return result

    @contextmanager
    def inside(self, network: TorchNetwork) -> Iterator[None]:
        """Times the parts of *network* while the block runs."""
        model = network.model
        parts: list[tuple[Any, str, str]] = [(model.rgb, "forward", "rgb"), (model.flow, "forward", "motion")]
        if model.config.slot_attention:
            parts += [(model.rgb_slots, "forward", "slots"), (model.flow_slots, "forward", "slots")]
        for owner, method, name in parts:
            whole = getattr(owner, method)
            setattr(owner, method, lambda *a, whole=whole, name=name: self.time(name, lambda: whole(*a)))
        try:
            yield
        finally:
            for owner, method, _ in parts:
                delattr(owner, method)


def profile_stages(
    segmenter: Segmenter, source: str | Path, *, save: Sequence[str], frames: int = 60
) -> dict[str, list[float]]:
    """Milliseconds of every stage (:data:`STAGES`) for each frame, one stage after the other.

    Args:
        save: kinds of results to write (:func:`gsanet.segment.save.parse_kinds`).
        frames: of the clip that are looked at, at least 4; the first two are not counted.

    Raises:
        GsanetError: the clip cannot be read or has too few frames.
    """
    clip = open_clip(source)
    options = segmenter.options
    network = segmenter.network
    views = options.views(clip.height, clip.width, network.config)
    motion = open_motion(options, clip, str(network.device))
    clock = Clock(network.device)
    decoded = []
    images = iter(clip)
    for _ in range(frames):
        clock.begin()
        frame = clock.time("decode", lambda: next(images, None))
        if frame is None:
            clock.frames.pop()
            break
        decoded.append(frame)
    if len(decoded) < 4:
        raise GsanetError(f"{source}: a profile needs at least 4 frames, this clip has {len(decoded)}")
    shown = list(windows(decoded, motion.lookahead, motion.size))
    # The clock's frames are gone through once for each stage.
    entries = clock.frames

    def each(items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for i, item in enumerate(items):
            clock.frames = [entries[i]]
            yield i, item

    pictures: list[list[Pictures]] = []
    links: list[Link | None] = []
    linker = Linker(not options.online)
    for _, window in each(shown):
        flows = {}
        for direction in dict.fromkeys(view.direction for view in views):
            flows[direction] = clock.time("flow", partial(motion, window, direction))
        known = known_flow(window, flows, motion)
        links.append(clock.time("flow", partial(linker, window, *known)) if options.smooth else None)
        pictures.append(clock.time("prepare", partial(show, window, views, flows, motion.in_pixels)))
    count = network.config.references
    spread = [pictures[i * len(pictures) // count] for i in range(count)]
    banks = [network.references([one[k] for one in spread]) for k in range(len(views))]
    results: list[FrameResult] = []
    with clock.inside(network) if isinstance(network, TorchNetwork) else nullcontext():
        for i, one in each(pictures):
            answers = clock.time("network", partial(_run, network, one, banks))
            frame = shown[i].frame
            probability = clock.time("resize", partial(average_views, answers, views, frame.image.shape[:2]))
            results.append(FrameResult(i, frame.time, frame.name, frame.image, probability, one[0].flow, {}))
    if options.smooth:
        averaged = smoothed(zip(results, links, strict=True), motion.size, 0 if options.online else LOOKAHEAD)
        clock.frames = [{}]
        results = clock.time("smooth", lambda: list(averaged))
        # Frames wait for others and are done several at a time: each has its share.
        for entry in entries:
            entry["smooth"] = clock.frames[0]["smooth"] / len(entries)
    with tempfile.TemporaryDirectory() as folder, ClipWriter(Path(folder), clip, save) as writer:
        for _, result in each(results):
            clock.time("write", partial(writer.add, result))
    for entry in entries:
        inner = sum(entry.get(name, 0.0) for name in ("rgb", "motion", "slots"))
        entry["decoder"] = entry.pop("network") - inner
    return {name: [1000 * entry.get(name, 0.0) for entry in islice(entries, 2, None)] for name in STAGES}


def _run(network: Backend, views: Sequence[Pictures], banks: Sequence[ReferenceFeatures]) -> list[Map]:
    return [network([one], bank)[0][0] for one, bank in zip(views, banks, strict=True)]


def profile_process(source: str | Path, arguments: dict[str, Any], save: Sequence[str]) -> dict[str, float]:
    """The clip from end to end in a process of its own, cold.

    Args:
        arguments: of :meth:`Segmenter.from_pretrained`.

    Returns:
        Seconds until gsanet is imported (``import``), the model is there (``load``) and the first frame has its mask
        (``first_frame``), each from the start of the process; ``frames_per_second`` of the whole clip, reading and
        writing included, loading not; ``peak_mb``, -1 where the system does not say; ``frames``.

    Raises:
        GsanetError: the clip cannot be read.
    """
    command = [sys.executable, "-c", _SCRIPT, str(time.time()), str(source), json.dumps(arguments), ",".join(save)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        raise GsanetError(f"the run in a process of its own failed: {last}")
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return values


def clean_run(started: str, source: str, arguments: str, save: str) -> None:
    """What :func:`profile_process` runs; prints its result."""
    from gsanet.segment.clip_folder import ClipJob, segment_clip

    begun = float(started)
    values = {"import": time.time() - begun}
    segmenter = Segmenter.from_pretrained(**json.loads(arguments))
    values["load"] = time.time() - begun
    stream = segmenter.stream(source)
    next(stream)
    values["first_frame"] = time.time() - begun
    stream.close()  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        plan = ClipJob(Path(source), Path(folder) / "clip", False)
        summary = segment_clip(segmenter, plan, save=save.split(","))
    values["frames"] = summary["frames"]
    values["frames_per_second"] = summary["frames"] / summary["seconds"]
    values["peak_mb"] = _peak_mb()
    print(json.dumps(values))


def _peak_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return -1.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024
