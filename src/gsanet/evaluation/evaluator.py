"""A whole run: every sequence scored, over several processes, then averaged."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.evaluation.choices import choices
from gsanet.evaluation.files import find_predictions, find_truth
from gsanet.evaluation.pairing import SequenceFiles, pair_sequences
from gsanet.evaluation.protocols import Protocol, protocol
from gsanet.evaluation.result import Result, Scores, SequenceResult, mean_scores
from gsanet.evaluation.saliency import curve_scores
from gsanet.evaluation.scoring import Settings, score_sequence
from gsanet.video.listing import some_of

SequenceProgress = Callable[[str, int, int], None]
"""Called with a sequence that is done, the number of annotated frames done so far and in all."""


@dataclass(frozen=True)
class Evaluation:
    """A result together with the files behind it, which the report shows."""

    result: Result
    files: list[SequenceFiles]
    settings: Settings


def evaluate(
    pred: Path | str,
    gt: Path | str,
    name: str | None = None,
    *,
    protocol_name: str = "davis16",
    sequences: Sequence[str] | None = None,
    split: str = "val",
    threshold: float | None = None,
    merge: bool = False,
    keep_empty: bool = False,
    frames: str = "",
    resize: bool = False,
    stability: bool = False,
    stretch: bool = True,
    rgb: Path | str | None = None,
    workers: int = 1,
    progress: SequenceProgress | None = None,
) -> Evaluation:
    """Measure predictions against ground truth as a benchmark does.

    Args:
        pred: folder of ``<sequence>[/masks]/*.png`` or of flat ``sequence_00000.png``.
        gt: official DAVIS root, data layout or folders of masks; see :mod:`gsanet.evaluation.files`.
        name: of the run; by default the folder's.
        protocol_name: one of :data:`~gsanet.evaluation.protocols.PROTOCOLS`.
        sequences: only these.
        split: of an official DAVIS root.
        threshold: predictions are soft maps, cut above this share of white.
        merge: take several objects as one although the protocol does not.
        keep_empty: count frames with empty ground truth although the protocol does not.
        frames: ``all`` or ``inner`` (without first and last) instead of the protocol's choice.
        resize: stretch predictions of another size.
        stability: also our own temporal stability.
        stretch: spread saliency maps over 0..1 first.
        rgb: the pictures, if not in their usual place.
        workers: processes. With more than one, a script that calls this needs ``if __name__ == "__main__"``.
        progress: called after each sequence.

    Raises:
        GsanetError: anything that would make the numbers wrong; nothing doubtful is averaged in silence.
    """
    pred, gt = Path(pred), Path(gt)
    rules = _rules(protocol_name, merge, keep_empty, frames)
    if threshold is not None and not 0 <= threshold < 1:
        raise GsanetError(f"--threshold is a share of white from 0 to below 1, not {threshold}")
    settings = Settings(rules, threshold, resize, stability, stretch)
    truth = find_truth(gt, rules, split, Path(rgb) if rgb else None)
    files, warnings = pair_sequences(truth, find_predictions(pred), rules, sequences)
    if stability:
        blind = [f.name for f in files if not f.rgb]
        if blind:
            raise GsanetError(f"stability needs the pictures, and {blind[0]} has none: pass --rgb FOLDER")

    start = time.perf_counter()
    scored = list(_score_all(files, settings, workers, progress))
    seconds = time.perf_counter() - start
    counted = [s for s in scored if s.frames]
    if not counted:
        raise GsanetError("no frame counts: every ground-truth mask is empty; pass --keep-empty to count them")
    warnings += _together(scored)
    result = Result(
        name=name or _run_name(pred),
        protocol=rules.name,
        headline=rules.headline,
        choices=choices(settings, truth.layout),
        sequences=counted,
        overall=_overall(counted, rules),
        warnings=warnings,
        facts={"gsanet": __version__, "seconds": round(seconds, 3), "workers": workers},
    )
    if rules.by_class:
        groups: dict[str, list[Scores]] = {}
        for sequence in counted:
            groups.setdefault(class_of(sequence.name), []).append(sequence.summary)
        result.classes = {label: mean_scores(members) for label, members in sorted(groups.items())}
        result.overall["J_class"] = mean_scores(list(result.classes.values()))["J"]
    return Evaluation(result, files, settings)


def _rules(name: str, merge: bool, keep_empty: bool, frames: str) -> Protocol:
    rules = protocol(name)
    if frames not in ("", "all", "inner"):
        raise GsanetError(f"--frames is 'all' or 'inner', not {frames!r}")
    return replace(
        rules,
        merge=rules.merge or merge,
        skip_empty=rules.skip_empty and not keep_empty,
        inner=frames == "inner" if frames else rules.inner,
    )


def _run_name(pred: Path) -> str:
    """The folder's name, or its parent's if it is only called ``masks``."""
    folder = pred.resolve()
    return folder.parent.name if folder.name in ("masks", "predictions") else folder.name


def class_of(sequence: str) -> str:
    """YouTube-Objects: ``aeroplane/0001``, ``aeroplane_0001`` and ``aeroplane0001`` are all of class aeroplane."""
    head = sequence.split("/", 1)[0]
    return head.split("_", 1)[0].split("-", 1)[0].rstrip("0123456789") or head


def _overall(counted: list[SequenceResult], rules: Protocol) -> Scores:
    overall = mean_scores([s.summary for s in counted])
    if rules.measures == ("saliency",):
        curves = {k: np.mean([s.curves[k] for s in counted], axis=0).tolist() for k in counted[0].curves}
        overall |= curve_scores(curves)
    return overall


def _score_all(
    files: list[SequenceFiles], settings: Settings, workers: int, progress: SequenceProgress | None
) -> Iterator[SequenceResult]:
    total, done = sum(len(f.gt) for f in files), 0

    def report(sequence: SequenceFiles) -> None:
        nonlocal done
        done += len(sequence.gt)
        if progress:
            progress(sequence.name, done, total)

    if workers <= 1 or len(files) == 1:
        for sequence in files:
            yield score_sequence(sequence, settings)
            report(sequence)
        return
    # Fresh processes: forking one that holds threads (OpenCV, torch) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(files)), context, initializer=_one_thread) as pool:
        longest_first = sorted(files, key=lambda f: -len(f.gt))
        futures = {pool.submit(score_sequence, f, settings): f for f in longest_first}
        scored = {}
        try:
            for future in as_completed(futures):
                scored[futures[future].name] = future.result()
                report(futures[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    yield from (scored[f.name] for f in files)


def _together(scored: list[SequenceResult]) -> Iterator[str]:
    """The sequences' warnings, what is said of several of them once."""
    said: dict[str, list[str]] = {}
    for sequence in scored:
        for text in sequence.warnings:
            said.setdefault(text.removeprefix(f"{sequence.name}: "), []).append(sequence.name)
    for text, names in said.items():
        yield f"{some_of(names)}: {text}"


def _one_thread() -> None:
    cv2.setNumThreads(1)
