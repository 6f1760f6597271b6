"""Masks for annotation tools."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from gsanet.segment import FrameResult
from gsanet.segment.annotations import Coco, Yolo, polygons

SIZE = (60, 100)


def frames(count: int = 5) -> list[FrameResult]:
    """A disc with a piece beside it that moves; in the third frame there is nothing."""
    made = []
    for k in range(count):
        probability = np.zeros(SIZE, np.float32)
        if k != 2:
            cv2.circle(probability, (30 + k, 30), 15, 1.0, -1)
            probability[5:12, 70:80] = 1
        image = np.zeros((*SIZE, 3), np.uint8)
        made.append(FrameResult(k, k / 10, f"IMG_{k}", image, probability, image, {}))
    return made


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_coco_is_read_by_cocos_own_tools(tmp_path: Path) -> None:
    record = Coco(tmp_path)
    for result in frames():
        record.add(result)
    record.close()
    assert [file.name for file in tmp_path.iterdir()] == ["coco.json"]
    data = COCO(str(tmp_path / "coco.json"))
    assert [image["file_name"] for image in data.loadImgs(data.getImgIds())] == [f"IMG_{k}.png" for k in range(5)]
    assert [category["name"] for category in data.loadCats(data.getCatIds())] == ["object"]
    for result, image in zip(frames(), data.getImgIds(), strict=True):
        annotations = data.loadAnns(data.getAnnIds(imgIds=image, iscrowd=False))
        assert len(annotations) == (1 if result.mask.any() else 0)
        for one in annotations:
            np.testing.assert_array_equal(data.annToMask(one), result.mask)
            assert one["area"] == result.mask.sum()
            assert one["attributes"]["track_id"] == one["track_id"] == 1
            left, top, width, height = one["bbox"]
            assert result.mask[top : top + height, left : left + width].sum() == one["area"]
            assert result.mask[top].any() and result.mask[:, left + width - 1].any()
            # A tool that takes an annotation with keyframe for a track refuses masks.
            assert "keyframe" not in one["attributes"]


def test_each_object_has_its_annotation(tmp_path: Path) -> None:
    record = Coco(tmp_path)
    for result in frames(2):
        result.ids = result.mask.astype(np.uint8)  # type: ignore[attr-defined]
        result.ids[:, 60:] *= 7  # type: ignore[attr-defined]
        record.add(result)
    record.close()
    found = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    assert [(one["image_id"], one["track_id"]) for one in found] == [(1, 1), (1, 7), (2, 1), (2, 7)]
    assert [one["area"] for one in found if one["track_id"] == 7] == [70, 70]


def test_a_clip_without_any_object(tmp_path: Path) -> None:
    record = Coco(tmp_path)
    record.add(frames(3)[2])
    record.close()
    found = json.loads((tmp_path / "coco.json").read_text())
    assert len(found["images"]) == 1 and found["annotations"] == []
    Coco(tmp_path).close()
    assert json.loads((tmp_path / "coco.json").read_text())["images"] == []


def drawn(line: str) -> np.ndarray:
    """The polygon of a line of labels, by 8 x 8 points in every pixel."""
    name, *values = line.split()
    assert name == "0" and all(0 <= float(value) <= 1 for value in values)
    corners = np.array(values, np.float64).reshape(-1, 2) * (SIZE[1], SIZE[0]) * 8
    fine = np.zeros((8 * SIZE[0], 8 * SIZE[1]), np.uint8)
    cv2.fillPoly(fine, [corners.round().astype(np.int32)], 1)
    return fine.reshape(SIZE[0], 8, SIZE[1], 8).mean((1, 3)) > 0.5


def test_yolo_outlines_are_the_masks(tmp_path: Path) -> None:
    record = Yolo(tmp_path)
    for result in frames():
        record.add(result)
    record.close()
    assert (tmp_path / "yolo" / "train.txt").read_text().split() == [f"images/train/IMG_{k}.png" for k in range(5)]
    assert "0: object" in (tmp_path / "yolo" / "data.yaml").read_text()
    for result in frames():
        lines = (tmp_path / "yolo" / "labels" / "train" / f"{result.name}.txt").read_text().splitlines()
        assert len(lines) == (2 if result.mask.any() else 0)
        if lines:
            mask = np.any([drawn(line) for line in lines], axis=0)
            assert (mask & result.mask).sum() / (mask | result.mask).sum() > 0.97


def test_a_pixel_is_a_polygon() -> None:
    mask = np.zeros(SIZE, bool)
    mask[7, 9] = True
    (corners,) = polygons(mask)
    assert len(corners) == 8
