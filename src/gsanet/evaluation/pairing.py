"""Which prediction belongs to which ground truth, sequence by sequence and frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gsanet.base.errors import GsanetError
from gsanet.evaluation.files import Frames, Truth, pronoun, single_as
from gsanet.evaluation.protocols import Protocol
from gsanet.video.listing import some_of


@dataclass(frozen=True)
class SequenceFiles:
    """Everything on disk about one sequence."""

    name: str
    gt: Frames
    """The annotated frames."""
    pred: Frames
    """By the names of the ground truth where the two could be matched."""
    rgb: Frames = field(default_factory=dict)
    """The pictures, when they are there."""


def pair_sequences(
    truth: Truth, predictions: dict[str, Frames], protocol: Protocol, sequences: Sequence[str] | None = None
) -> tuple[list[SequenceFiles], list[str]]:
    """Match predictions with ground truth, sequence by sequence and frame by frame.

    Args:
        sequences: which ones; by default all of the ground truth.

    Returns:
        the pairs and the warnings (what was left out or assumed).

    Raises:
        GsanetError: sequences or frames without a prediction, or frame names that look shifted against the truth's.
    """
    wanted = list(truth.sequences) if sequences is None else list(dict.fromkeys(sequences))
    unknown = [name for name in wanted if name not in truth.sequences]
    if unknown:
        raise GsanetError(
            f"no ground truth for {some_of(unknown)}: there are {some_of(sorted(truth.sequences), 8)}; "
            "check --sequences"
        )
    predictions = single_as(predictions, truth.sequences)
    missing = [name for name in wanted if name not in predictions]
    if missing:
        raise GsanetError(
            f"no prediction for {len(missing)} of {len(wanted)} sequences: {some_of(missing)}; "
            f"predict {pronoun(missing)} or choose with --sequences"
        )
    warnings = list(truth.warnings)
    extra = sorted(set(predictions) - set(truth.sequences))
    if extra:
        warnings.append(f"{len(extra)} predicted sequence(s) without ground truth were left out: {some_of(extra)}")
    pairs = []
    for name in wanted:
        files, said = _match(name, truth.sequences[name], predictions[name], truth.rgb.get(name, {}), protocol)
        pairs.append(files)
        warnings += said
    return pairs, warnings


def _match(name: str, gt: Frames, pred: Frames, rgb: Frames, protocol: Protocol) -> tuple[SequenceFiles, list[str]]:
    gt, pred, rgb = (_without_prefix(name, frames) for frames in (gt, pred, rgb))
    warnings = []
    every = rgb if protocol.sparse and set(gt) <= set(rgb) else gt
    missing = [frame for frame in gt if frame not in pred]
    if len(missing) == len(gt) and len(pred) == len(every):
        # Numbered otherwise, but one for one: the order says it all.
        pred = dict(zip(every, pred.values(), strict=True))
        warnings.append(f"{name}: frame names differ from the ground truth's; matched in order")
        missing = []
    extra = [frame for frame in pred if frame not in every]
    sparse_blind = protocol.sparse and every is gt
    if missing and extra and not sparse_blind:
        raise GsanetError(
            f"{name}: predictions {some_of(extra)} have no ground truth and ground truth {some_of(missing)} no "
            "prediction: the frame numbers look shifted; rename the predictions"
        )
    needed = set(list(gt)[1:-1]) if protocol.inner else set(gt)
    lacking = [frame for frame in missing if frame in needed]
    if lacking:
        raise GsanetError(f"{name}: no prediction for {len(lacking)} of {len(gt)} annotated frames: {some_of(lacking)}")
    if missing:
        warnings.append(f"{name}: no prediction for {some_of(missing)}, which the protocol leaves out anyway")
    if extra and not protocol.sparse:
        warnings.append(f"{name}: {len(extra)} predicted frame(s) without ground truth were left out: {some_of(extra)}")
    return SequenceFiles(name, gt, pred, rgb), warnings


def _without_prefix(sequence: str, frames: Frames) -> Frames:
    """Drop ``sequence_`` from frame names such as ``cars1_0001``, when all of them have it."""
    prefix = sequence.rsplit("/", 1)[-1] + "_"
    if frames and all(frame.startswith(prefix) and frame != prefix for frame in frames):
        return {frame.removeprefix(prefix): path for frame, path in frames.items()}
    return frames
