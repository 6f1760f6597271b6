"""Which prediction belongs to which ground truth: sequences and frames in any of the layouts people have.

Ground truth: an official DAVIS root (``Annotations/480p``, ``ImageSets``), folders ``<sequence>/{RGB,GT}``, the
flat ``{RGB,GT}`` with names ``sequence_00000``, ``Annotations/<sequence>``, or plain folders of masks.
Predictions: ``<sequence>[/masks]`` or flat.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.evaluation.protocols import Protocol
from gsanet.video.listing import list_images, natural_key

Frames = dict[str, Path]
"""Files of one sequence by the name of the frame, in order of time."""

TRUTH_FOLDERS = ("GT", "GroundTruth", "ground-truth", "masks")
MASK_FOLDERS = ("masks", "GT")
_FLAT = re.compile(r"(?P<sequence>.+)_(?P<frame>\d+)")
_NO_MASKS = ("RGB", "FLOW", "JPEGImages", "ImageSets")
_DEEPEST = 4


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


@dataclass(frozen=True)
class Truth:
    """Ground truth on disk, as found."""

    layout: str
    """One phrase for the report."""
    sequences: dict[str, Frames]
    rgb: dict[str, Frames]
    warnings: tuple[str, ...] = ()


def find_truth(root: Path, protocol: Protocol, split: str = "val", rgb: Path | None = None) -> Truth:
    """Recognise the layout of *root* and list its masks and, if there are any, pictures.

    Args:
        split: of an official DAVIS root.
        rgb: where the pictures are, when they are not in their usual place.

    Raises:
        GsanetError: no masks, or an official root without the list of the split.
    """
    if not root.is_dir():
        raise GsanetError(f"no such folder of ground truth: {root}")
    truth = _davis_root(root, protocol, split) if (root / "ImageSets").is_dir() else _folders(root)
    if not truth.sequences:
        raise GsanetError(
            f"no ground-truth masks in {root}: expected a DAVIS root, <sequence>/GT, GT/sequence_00000.png or "
            "<sequence>/*.png; `gsanet prepare` turns official archives into the second"
        )
    if rgb is not None:
        found = _sequences(rgb, ("RGB", "JPEGImages", "frames"))
        truth = Truth(truth.layout, truth.sequences, _single_as(found, truth.sequences), truth.warnings)
    return truth


def _davis_root(root: Path, protocol: Protocol, split: str) -> Truth:
    warnings = []
    annotations = root / "Annotations"
    if protocol.name == "davis17-merged" and (root / "Annotations_unsupervised").is_dir():
        annotations = root / "Annotations_unsupervised"
        warnings.append("both years' annotations may be here: Annotations_unsupervised was used")
    masks = next((annotations / r for r in ("480p", "Full-Resolution", "1080p") if (annotations / r).is_dir()), None)
    if masks is None:
        raise GsanetError(f"{root} has ImageSets but no {annotations.name}/480p: is it a whole DAVIS root?")
    lists = [root / "ImageSets" / folder / f"{split}.txt" for folder in protocol.image_sets or ("2017", "2016", ".")]
    chosen = next((file for file in lists if file.is_file()), None)
    if chosen is None:
        shown = " or ".join(str(file.relative_to(root)) for file in lists)
        raise GsanetError(f"{root} has no {shown}: pass another --split, or the folder {masks} itself as ground truth")
    if protocol.name == "davis16" and (root / "ImageSets" / "2017").is_dir():
        warnings.append(
            "this is a DAVIS-2017 root: its annotations of the 2016 sequences were redrawn, so the numbers "
            "differ slightly from DAVIS-2016's own"
        )
    names = _listed(chosen)
    missing = [name for name in names if not _images(masks / name)]
    if missing:
        raise GsanetError(f"{chosen} lists {_some(missing)}, but {masks} has no masks for {_pronoun(missing)}")
    pictures = root / "JPEGImages" / masks.name
    return Truth(
        f"official DAVIS root, {annotations.name}/{masks.name}, {chosen.relative_to(root / 'ImageSets')}",
        {name: _images(masks / name) for name in names},
        {name: _images(pictures / name) for name in names if (pictures / name).is_dir()},
        tuple(warnings),
    )


def _listed(file: Path) -> list[str]:
    """Sequence names of an ImageSets list: a name a line, or (2016) a picture and a mask a line."""
    names: dict[str, None] = {}
    for line in file.read_text().split("\n"):
        if line.strip():
            first = line.split()[0]
            names[first.split("/")[-2] if "/" in first else first] = None
    return list(names)


def _folders(root: Path) -> Truth:
    """Every layout other than an official root."""
    annotations = root / "Annotations"
    if annotations.is_dir():
        masks, pictures = annotations, root / "JPEGImages"
        if (masks / "480p").is_dir():
            masks, pictures = masks / "480p", pictures / "480p"
        layout = f"folders of {masks.relative_to(root)}"
        return Truth(layout, _sequences(masks, TRUTH_FOLDERS), _sequences(pictures, ("RGB",)))
    flat = next((root / name for name in TRUTH_FOLDERS if _images(root / name)), None)
    if flat is not None:
        label = root.resolve().name
        return Truth(f"flat {flat.name}/", _split_flat(label, _images(flat)), _split_flat(label, _images(root / "RGB")))
    sequences = _sequences(root, TRUTH_FOLDERS)
    pictures_found = _sequences(root, ("RGB", "JPEGImages"), only=True)
    return Truth("a folder a sequence", sequences, {k: v for k, v in pictures_found.items() if k in sequences})


def find_predictions(root: Path) -> dict[str, Frames]:
    """Masks by sequence; a folder that holds masks itself, not named ``sequence_00000``, is one sequence.

    Raises:
        GsanetError: no such folder, or nothing in it.
    """
    if not root.is_dir():
        raise GsanetError(f"no such folder of predictions: {root}")
    found = _sequences(root, MASK_FOLDERS)
    if not found:
        raise GsanetError(
            f"no masks in {root}: expected <sequence>/*.png, <sequence>/masks/*.png or sequence_00000.png"
        )
    return found


def _sequences(root: Path, inside: Sequence[str], only: bool = False) -> dict[str, Frames]:
    """Sequences under *root*: name (with / for classes) -> frames.

    Args:
        inside: a sequence's sub-folders that may hold its files; where one does, nothing else of it is read.
        only: files that lie in the sequence's folder itself do not count.
    """
    found: dict[str, Frames] = {}
    if not root.is_dir():
        return found
    own = _images(root)
    if own and not only:
        return _split_flat(root.resolve().name, own)

    def visit(folder: Path, name: str, depth: int) -> None:
        chosen = next((folder / sub for sub in inside if _images(folder / sub)), None)
        if chosen is None and not only and _images(folder):
            chosen = folder
        if chosen is not None:
            files = _images(chosen)
            found.update({name: files} if name else _split_flat(root.resolve().name, files))
        elif depth < _DEEPEST:
            children = [p for p in folder.iterdir() if p.is_dir() and p.name[0] != "." and p.name not in _NO_MASKS]
            for child in sorted(children, key=lambda p: natural_key(p.name)):
                visit(child, f"{name}/{child.name}" if name else child.name, depth + 1)

    visit(root, "", 0)
    return found


def _split_flat(label: str, files: Frames) -> dict[str, Frames]:
    """Files of one folder: by sequence if all are called ``sequence_00000``, else one sequence called *label*."""
    matches = {name: _FLAT.fullmatch(name) for name in files}
    found: dict[str, Frames] = {}
    for name, match in matches.items():
        if match is None:
            return {label: files}
        found.setdefault(match["sequence"], {})[match["frame"]] = files[name]
    return found


def _images(folder: Path) -> Frames:
    return list_images(folder, empty=True)


def pair(
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
            f"no ground truth for {_some(unknown)}: there are {_some(sorted(truth.sequences), 8)}; check --sequences"
        )
    predictions = _single_as(predictions, truth.sequences)
    missing = [name for name in wanted if name not in predictions]
    if missing:
        raise GsanetError(
            f"no prediction for {len(missing)} of {len(wanted)} sequences: {_some(missing)}; "
            f"predict {_pronoun(missing)} or choose with --sequences"
        )
    warnings = list(truth.warnings)
    extra = sorted(set(predictions) - set(truth.sequences))
    if extra:
        warnings.append(f"{len(extra)} predicted sequence(s) without ground truth were left out: {_some(extra)}")
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
            f"{name}: predictions {_some(extra)} have no ground truth and ground truth {_some(missing)} no prediction: "
            "the frame numbers look shifted; rename the predictions"
        )
    needed = set(list(gt)[1:-1]) if protocol.inner else set(gt)
    lacking = [frame for frame in missing if frame in needed]
    if lacking:
        raise GsanetError(f"{name}: no prediction for {len(lacking)} of {len(gt)} annotated frames: {_some(lacking)}")
    if missing:
        warnings.append(f"{name}: no prediction for {_some(missing)}, which the protocol leaves out anyway")
    if extra and not protocol.sparse:
        warnings.append(f"{name}: {len(extra)} predicted frame(s) without ground truth were left out: {_some(extra)}")
    return SequenceFiles(name, gt, pred, rgb), warnings


def _without_prefix(sequence: str, frames: Frames) -> Frames:
    """Drop ``sequence_`` from frame names such as ``cars1_0001``, when all of them have it."""
    prefix = sequence.rsplit("/", 1)[-1] + "_"
    if frames and all(frame.startswith(prefix) and frame != prefix for frame in frames):
        return {frame.removeprefix(prefix): path for frame, path in frames.items()}
    return frames


def _single_as(found: dict[str, Frames], wanted: dict[str, Frames]) -> dict[str, Frames]:
    """One sequence against one sequence: the names of their folders need not agree."""
    if len(found) == len(wanted) == 1:
        return dict(zip(wanted, found.values(), strict=True))
    return found


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _pronoun(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
