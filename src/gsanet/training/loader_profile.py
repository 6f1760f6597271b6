"""How many samples a second the loader makes, and where its time goes."""

from __future__ import annotations

import cProfile
import pstats
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gsanet.data.cache import Progress
from gsanet.training.config import TrainingConfig
from gsanet.training.finetune import FinetuneStage
from gsanet.training.loader import batches_of, one_thread
from gsanet.training.pretrain import PretrainStage
from gsanet.training.steps import Share, draws_of

_PARTS = {
    "read": (("data/cache.py", "__getitem__"),),
    "synthetic motion": (("data/synthetic.py", "next_frame"),),
    "flow": (("flow/dis.py", "__call__"),),
    "warp": (("data/augment.py", "warp_image"), ("data/augment.py", "warp_mask"), ("data/augment.py", "warp_flow")),
    "vary flow": (("data/sample.py", "_vary_flow"),),
    "colour flow": (("flow/colour.py", "flow_to_picture"),),
    "colour jitter": (("data/augment.py", "colour_jitter"),),
    "stack": (("data/sample.py", "stack"),),
}
"""What the time is told apart into: the functions that do it, by file. None of them calls another."""


@dataclass(frozen=True)
class LoaderProfile:
    """One stage's loader."""

    parts: dict[str, float]
    """Milliseconds per picture in one process, by what is done; ``rest`` is the remainder."""
    pictures_per_second: dict[int, float]
    """Throughput of the loader by number of worker processes; 0 loads in the training process."""
    pictures: int
    """In a step."""


def profile_loader(
    recipe: TrainingConfig, stage: str, cache: Path, *, seconds: float = 10.0, progress: Progress | None = None
) -> LoaderProfile:
    """Profile the loader of ``pretrain`` or ``train`` as *recipe* has it.

    Args:
        cache: folder of decoded pictures, filled if need be.
        seconds: of measuring, for each number of workers and for the parts.

    Raises:
        GsanetError: the data sets are not there.
    """
    made = PretrainStage(recipe, cache, progress) if stage == "pretrain" else FinetuneStage(recipe, cache, progress)
    one_thread()  # as a worker has
    parts = _parts(made, recipe.seed, seconds)
    speeds = {}
    for workers in dict.fromkeys((0, recipe.workers)):
        with closing(batches_of(made, Share(made, recipe.seed, 0), workers)) as batches:
            next(batches)  # starting workers is not loading
            started, count = time.perf_counter(), 0
            for batch in batches:
                count += len(batch.rgb)
                if time.perf_counter() - started > seconds:
                    break
            speeds[workers] = count / (time.perf_counter() - started)
    return LoaderProfile(parts, speeds, made.config.batch // made.config.accumulate)


def _parts(made: PretrainStage | FinetuneStage, seed: int, seconds: float) -> dict[str, float]:
    profiler, count, step = cProfile.Profile(), 0, 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds and step < made.config.steps:
        draws = draws_of(made, seed, step)
        profiler.enable()
        count += sum(len(made.dataset[draw].rgb) for draw in draws)
        profiler.disable()
        step += 1
    statistics = pstats.Stats(profiler)
    cumulative: dict[str, float] = {}
    for (file, _, function), numbers in statistics.stats.items():  # type: ignore[attr-defined]
        for part, places in _PARTS.items():
            if any(Path(file).as_posix().endswith("gsanet/" + place) and function == name for place, name in places):
                cumulative[part] = cumulative.get(part, 0.0) + numbers[3]
    whole: float = statistics.total_tt  # type: ignore[attr-defined]
    cumulative["rest"] = whole - sum(cumulative.values())
    return {part: 1000 * value / count for part, value in cumulative.items()}
