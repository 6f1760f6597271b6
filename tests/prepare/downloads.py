"""Official downloads in miniature: a dictionary of path -> bytes, and the forms in which it can arrive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

Files = dict[str, bytes]
SIZE = (12, 8)
"""(width, height) of every photograph."""

_PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0] + [0] * 756 + [224, 224, 192]


def encode(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()


def photo(kind: str = "JPEG", seed: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    """Noise, so that no two seeds are alike."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return encode(Image.fromarray(pixels), kind)


def values(left: int, right: int = 0, middle: int | None = None, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H,W): *left* in the first third, *middle* in the next, *right* in the last."""
    array = np.full((size[1], size[0]), right, np.uint8)
    array[:, : size[0] // 3] = left
    if middle is not None:
        array[:, size[0] // 3 : 2 * size[0] // 3] = middle
    return array


def grey(array: np.ndarray, kind: str = "PNG") -> bytes:
    return encode(Image.fromarray(array), kind)


def palette(array: np.ndarray) -> bytes:
    image = Image.fromarray(array).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(_PALETTE)
    return encode(image, "PNG")


def colours(array: np.ndarray, colour: Mapping[int, tuple[int, int, int]], kind: str = "PNG") -> bytes:
    """Values drawn in colours; those that are not named are black."""
    drawn = np.zeros((*array.shape, 3), np.uint8)
    for value, rgb in colour.items():
        drawn[array == value] = rgb
    return encode(Image.fromarray(drawn), kind)


def as_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def as_tar(files: Files, path: Path) -> Path:
    compression = next((c for c in ("gz", "bz2", "xz") if path.name.endswith(c)), "")
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def as_folder(files: Files, path: Path) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def arrive(files: Files, form: str, folder: Path, name: str) -> Path:
    """As *form*: zip, tar, tar.gz or folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if form == "folder":
        return as_folder(files, folder / name)
    if form == "zip":
        return as_zip(files, folder / f"{name}.zip")
    return as_tar(files, folder / f"{name}.{form}")


def davis(year: int = 2016) -> Files:
    """One sequence to train and one to test, two frames each."""
    files: Files = {}
    for seed, sequence in enumerate(("bear", "goat")):
        for i in range(2):
            files[f"DAVIS/JPEGImages/480p/{sequence}/{i:05d}.jpg"] = photo(seed=seed * 2 + i)
            mask = grey(values(255)) if year == 2016 else palette(values(1, 255, 2))
            files[f"DAVIS/Annotations/480p/{sequence}/{i:05d}.png"] = mask
    for split, sequence in (("train", "bear"), ("val", "goat")):
        if year == 2016:
            lines = [
                f"/JPEGImages/480p/{sequence}/{i:05d}.jpg /Annotations/480p/{sequence}/{i:05d}.png" for i in (0, 1)
            ]
            files[f"DAVIS/ImageSets/480p/{split}.txt"] = "\n".join(lines).encode()
        else:
            files[f"DAVIS/ImageSets/2016/{split}.txt"] = f"{sequence}\n".encode()
            files[f"DAVIS/ImageSets/2017/{split}.txt"] = f"{sequence}\n".encode()
    return files


def definition(regions: list[int], frames: list[tuple[int, str, str]]) -> bytes:
    lines = ["Definition file of a shot", "", "Total number of regions:", str(len(regions)), ""]
    for i, value in enumerate(regions):
        lines += [f"Scale of region {i}:", str(value)]
    lines += ["", "Confusion penalty matrix:", *(["0 1 1"] * len(regions)), ""]
    lines += ["Total number of frames in this shot:", "40", "Total number of labeled frames for this shot:"]
    lines += [str(len(frames))]
    for number, truth, given in frames:
        lines += ["Frame number:", str(number), "File name:", truth, "Input file name:", given]
    return "\r\n".join(lines).encode()


def fbms() -> Files:
    """Camel: colours, with maps of certainty. marple7: greys as dark as 20. tennis: other names."""
    files: Files = {}
    for i in range(1, 5):
        files[f"Testset/camel01/camel01_{i:04d}.jpg"] = photo(seed=i)
        files[f"Testset/marple7/marple7_{i:03d}.jpg"] = photo(seed=i)
        files[f"Testset/tennis/tennis{453 + i}.ppm"] = photo("PPM", seed=i)
    drawn = {0: (255, 255, 255), 1: (255, 0, 0), 2: (0, 0, 0), 3: (9, 9, 9)}
    files["Testset/camel01/GroundTruth/camel01_0001_gt.ppm"] = colours(values(1, 0, 2), drawn, "PPM")
    files["Testset/camel01/GroundTruth/camel01_0001_gt.pgm"] = grey(values(255, 255, 255), "PPM")
    files["Testset/camel01/GroundTruth/camel01_0001_PROB_gt.ppm"] = colours(values(1), drawn, "PPM")
    files["Testset/camel01/GroundTruth/camel01_0003_gt.ppm"] = colours(values(1, 0, 3), drawn, "PPM")
    files["Testset/camel01/GroundTruth/camel01Def.dat"] = definition(
        [0xFFFFFF, 0xFF0000, 0],
        [(0, "camel01_0001_gt.ppm", "camel01_0001.ppm"), (2, "camel01_0003_gt.ppm", "camel01_0003.ppm")],
    )
    files["Testset/marple7/GroundTruth/marple7_0002.pgm"] = grey(values(20, 0, 155), "PPM")
    files["Testset/marple7/GroundTruth/marple7Def.dat"] = definition(
        [0, 20, 155], [(1, "marple7_0002.pgm", "marple7_0002.ppm")]
    )
    files["Testset/tennis/GroundTruth/tennis456.pgm"] = grey(values(255), "PPM")
    files["Testset/tennis/GroundTruth/tennisDef.dat"] = definition([0, 255], [(2, "tennis456.pgm", "tennis456.ppm")])
    return files
