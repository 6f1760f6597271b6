"""Where a frame's milliseconds go: every stage of the engine by itself, and all of them together as users run them.

Alone, a stage has the whole machine; together they share it, so the sum of the stages is not the time of a frame.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.segment.clip_folder import segment_clip
from gsanet.segment.engine import Segmenter
from gsanet.segment.pipeline import Pipeline
from gsanet.segment.planning import ClipJob
from gsanet.segment.save import ClipWriter
from gsanet.video.sources import open_clip

STAGES = {
    "decode": "video to RGB",
    "flow": "between neighbouring frames, there and back if it is averaged over time",
    "prepare": "both pictures at the network's size, flow coloured",
    "network": "all of it; by PyTorch these are parts of it:",
    "rgb": "  encoder and multi-scale fusion of the RGB stream",
    "motion": "  the same of the flow stream",
    "slots": "  clusters, aggregation, slot attention of both streams",
    "resize": "probabilities to the size of the frame",
    "smooth": "average over time",
    "write": "what was asked to be saved",
}
"""Stages in order, and what they do."""

PARTS = ("rgb", "motion", "slots")
"""Stages that are counted in ``network`` already."""

_WARM_UP = 3
"""Results before the clock starts: memory is asked for and weights are laid out in the first frames."""

_SCRIPT = "import sys; from gsanet.segment.profile import clean_run; clean_run(*sys.argv[1:])"


class StageClock:
    """Adds up seconds by stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """A block whose time is *stage*'s."""
        started = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - started


def profile_stages(
    segmenter: Segmenter, source: str | Path, *, save: Sequence[str], frames: int = 60
) -> dict[str, float]:
    """Milliseconds a frame of every stage (:data:`STAGES`): the engine's own, one after the other in one thread, of
    frames that are all shown to the network, key frames or not.

    Args:
        save: kinds of results to write (:func:`gsanet.segment.save.parse_kinds`).
        frames: of the clip that are looked at; the first few are not counted.

    Raises:
        GsanetError: the clip cannot be read or has too few frames.
    """
    clip = open_clip(source)
    clock = StageClock()
    options = segmenter.options.change({"keyframes": False})
    pipeline = Pipeline(segmenter.runtime, clip, options, threads=False, timer=clock)
    count = 0
    with (
        segmenter.runtime.timed(clock),
        tempfile.TemporaryDirectory() as folder,
        ClipWriter(Path(folder), clip, save) as writer,
        closing(pipeline.run()) as results,
    ):
        for result in results:
            with clock("write"):
                writer.add(result)
            count += 1
            if count == _WARM_UP:
                clock.seconds = dict.fromkeys(STAGES, 0.0)
            if count == frames:
                break
    if count <= _WARM_UP:
        raise GsanetError(f"{source}: a profile needs at least {_WARM_UP + 1} frames, this clip has {count}")
    return {stage: 1000 * seconds / (count - _WARM_UP) for stage, seconds in clock.seconds.items()}


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
    begun = float(started)
    values = {"import": time.time() - begun}
    segmenter = Segmenter.from_pretrained(**json.loads(arguments))
    values["load"] = time.time() - begun
    with closing(segmenter.stream(source)) as stream:
        next(stream)
        values["first_frame"] = time.time() - begun
    with tempfile.TemporaryDirectory() as folder:
        job = ClipJob(Path(source), Path(folder) / "clip", False)
        summary = segment_clip(segmenter, job, save=save.split(","))
    values["frames"] = summary["frames"]
    values["frames_per_second"] = summary["frames"] / summary["seconds"]
    values["peak_mb"] = _peak_mb()
    print(json.dumps(values))


def _peak_mb() -> float:
    """Of this process alone: what `getrusage` says begins with what the process that started it had."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # no Linux
        return _peak_of_usage()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _peak_of_usage() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return -1.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024
