"""Masks as annotation tools take them: COCO's JSON, and the labels of Ultralytics' YOLO.

Read for it, none of it run: of CVAT ``formats/coco.py`` (commit 0097fd1) and from ``bindings.py`` how frames are found
and what becomes of ``track_id``; of FiftyOne's ``utils/coco.py`` how it decodes run-length codes; the pages of Datumaro
on COCO, and of CVAT and Ultralytics on YOLO's labels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.base.atomic import written_whole
from gsanet.base.version import __version__
from gsanet.segment.records import Record, add_line, encoded, objects
from gsanet.segment.result import FrameResult

CATEGORY = "object"

_FEWEST_CORNERS = 3

_SLACK = 0.75
"""Pixels by which a polygon may leave the mask's border: a corner for every step of it would be ten times as many."""


class Coco(Record):
    """``coco.json``: an image for each frame, an annotation for each object in it.

    CVAT finds a frame by ``file_name`` without its ending, or by the number that this is; an annotation without
    ``keyframe`` is a mask of that frame alone, which is what it knows for masks. ``track_id`` stands beside the
    annotation for FiftyOne, and in ``attributes`` for Datumaro. ``iscrowd`` is 0: training code passes over crowds.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._images, self._annotations = folder / ".images.part", folder / ".annotations.part"
        self._image, self._annotation = 0, 0

    def add(self, result: FrameResult) -> None:
        self._image += 1
        height, width = result.mask.shape
        image = {"id": self._image, "file_name": f"{result.name}.png", "height": height, "width": width}
        add_line(self._images, json.dumps({**image, "time": round(result.time, 6)}))
        for track, mask in objects(result):
            self._annotation += 1
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            left, top = int(columns[0]), int(rows[0])
            box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
            annotation: dict[str, Any] = {
                "id": self._annotation,
                "image_id": self._image,
                "category_id": 1,
                "segmentation": encoded(mask),
                "area": int(mask.sum()),
                "bbox": box,
                "iscrowd": 0,
                "track_id": track,
                "attributes": {"track_id": track},
            }
            add_line(self._annotations, json.dumps(annotation))

    def close(self) -> None:
        head = {
            "info": {"description": "masks made by gsanet", "version": __version__},
            "licenses": [],
            "categories": [{"id": 1, "name": CATEGORY, "supercategory": ""}],
        }
        with written_whole(self.folder / "coco.json") as part, part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(head)[:-1])
            for name, lines in (("images", self._images), ("annotations", self._annotations)):
                file.write(f', "{name}": [')
                if lines.exists():
                    with lines.open(encoding="utf-8") as kept:
                        for number, line in enumerate(kept):
                            file.write((",\n" if number else "\n") + line.rstrip("\n"))
                file.write("]")
            file.write("}\n")
        self._images.unlink(missing_ok=True)
        self._annotations.unlink(missing_ok=True)


class Yolo(Record):
    """``yolo/``: ``labels/train/FRAME.txt`` with a line for each piece of the object, ``data.yaml``, ``train.txt``.

    Polygons have no holes, and say nothing about which object they are of.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "yolo")

    def add(self, result: FrameResult) -> None:
        lines = [f"0 {' '.join(corners)}" for _, mask in objects(result) for corners in polygons(mask)]
        labels = self.folder / "labels" / "train"
        with written_whole(labels / f"{result.name}.txt", parents=True) as part:
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        add_line(self.folder / "train.txt", f"images/train/{result.name}.png")

    def close(self) -> None:
        with written_whole(self.folder / "data.yaml", parents=True) as part:
            part.write_text(f"path: .\ntrain: train.txt\nnames:\n  0: {CATEGORY}\n", encoding="utf-8")


def polygons(mask: NDArray[np.bool_]) -> list[list[str]]:
    """x y x y ... of the outline of each piece of *mask* (H,W), in parts of width and height."""
    height, width = mask.shape
    # On a mask of twice the size outlines run along the pixels' edges, not through their middles.
    twice = cv2.resize(mask.view(np.uint8), (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(twice, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        corners = cv2.approxPolyDP(outline, 2 * _SLACK, True)
        if len(corners) < _FEWEST_CORNERS:
            corners = outline  # a piece of a few pixels
        shares = (corners[:, 0].astype(np.float64) + 0.5) / (2 * width, 2 * height)
        found.append([f"{value:.6f}" for value in shares.ravel()])
    return found
