"""Where ground truth and predictions are: sequences and frames in any of the layouts people have.

Ground truth: an official DAVIS root (``Annotations/480p``, ``ImageSets``), folders ``<sequence>/{RGB,GT}``, the
flat ``{RGB,GT}`` with names ``sequence_00000``, ``Annotations/<sequence>``, or plain folders of masks.
Predictions: ``<sequence>[/masks]`` or flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.data.flat_names import by_sequence
from gsanet.data.image_sets import listed_sequences
from gsanet.evaluation.protocols import Protocol
from gsanet.video.listing import list_images, natural_key, some_of

Frames = dict[str, Path]
"""Files of one sequence by the name of the frame, in order of time."""

TRUTH_FOLDERS = ("GT", "GroundTruth", "ground-truth", "masks")
MASK_FOLDERS = ("masks", "GT")
_NO_MASKS = ("RGB", "FLOW", "JPEGImages", "ImageSets")
_DEEPEST = 4


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
        truth = Truth(truth.layout, truth.sequences, single_as(found, truth.sequences), truth.warnings)
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
    names = listed_sequences(chosen.read_text().splitlines())
    missing = [name for name in names if not _images(masks / name)]
    if missing:
        raise GsanetError(f"{chosen} lists {some_of(missing)}, but {masks} has no masks for {pronoun(missing)}")
    pictures = root / "JPEGImages" / masks.name
    return Truth(
        f"official DAVIS root, {annotations.name}/{masks.name}, {chosen.relative_to(root / 'ImageSets')}",
        {name: _images(masks / name) for name in names},
        {name: _images(pictures / name) for name in names if (pictures / name).is_dir()},
        tuple(warnings),
    )


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
    found = by_sequence(files)
    if found is None:
        return {label: files}
    return {sequence: {number: files[name] for number, name in names.items()} for sequence, names in found.items()}


def _images(folder: Path) -> Frames:
    return list_images(folder, empty=True)


def single_as(found: dict[str, Frames], wanted: dict[str, Frames]) -> dict[str, Frames]:
    """One sequence against one sequence: the names of their folders need not agree."""
    if len(found) == len(wanted) == 1:
        return dict(zip(wanted, found.values(), strict=True))
    return found


def pronoun(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
