"""Annotations in COCO's form become masks: ours and those of tools that correct them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from downloads import as_zip, photo
from PIL import Image
from pycocotools import mask as coco

from gsanet.base.errors import GsanetError
from gsanet.data.layout import sequences
from gsanet.model import GSANet
from gsanet.prepare import prepare_dataset
from gsanet.segment import Segmenter, segment_to_folder

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

WIDTH, HEIGHT = 12, 8
OUTLINE = [2, 1, 8, 1, 8, 5, 2, 5]


def mask_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)) > 0


def drawn() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[1:5, 2:8] = True
    return mask


def code(packed: bool) -> dict[str, Any]:
    made = coco.encode(np.asfortranarray(drawn(), np.uint8))
    if packed:
        return {"size": [HEIGHT, WIDTH], "counts": made["counts"].decode()}
    runs, last = [0], 0
    for value in drawn().ravel(order="F").astype(int):
        if value == last:
            runs[-1] += 1
        else:
            runs.append(1)
            last = value
    return {"size": [HEIGHT, WIDTH], "counts": runs}


def listing(names: list[str], annotations: list[dict[str, Any]]) -> bytes:
    images = [{"id": 7 + i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories}).encode()


def test_outlines_and_codes_of_all_categories(tmp_path: Path) -> None:
    """As CVAT exports: ``annotations/instances_default.json``, ``images/default``, masks as codes with iscrowd 1."""
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 1, "segmentation": [OUTLINE], "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 2, "segmentation": [[9, 6, 12, 6, 12, 8, 9, 8]], "iscrowd": 0},
        {"id": 3, "image_id": 8, "category_id": 1, "segmentation": code(packed=True), "iscrowd": 1},
        {"id": 4, "image_id": 9, "category_id": 1, "segmentation": code(packed=False), "iscrowd": 1},
        {"id": 5, "image_id": 9, "category_id": 1, "segmentation": [], "bbox": [0, 0, 4, 4]},
    ]
    names = [f"dog/{i:05d}.jpg" for i in range(4)]
    files = {f"images/default/{name}": photo(seed=i) for i, name in enumerate(names)}
    files["annotations/instances_default.json"] = listing(names, annotations)
    files["annotations/notes.json"] = b'{"made": "by hand"}'
    report = prepare_dataset("coco", [as_zip(files, tmp_path / "export.zip")], tmp_path / "out", jobs=1)
    (part,) = report.parts
    assert (part.folder, part.masks, part.outcome.empty) == ("export", 4, ["dog/00003"])
    assert any("1 annotations are boxes" in note for note in report.notes)
    (sequence,) = sequences(tmp_path / "out" / "export", need_gt=True)
    assert sequence.name == "dog" and [frame.name for frame in sequence.frames] == [f"{i:05d}" for i in range(4)]
    masks = [mask_of(tmp_path / "out/export/dog/GT" / f"{i:05d}.png") for i in range(4)]
    both = drawn()
    both[6:, 9:] = True
    for mask, expected in zip(masks, (both, drawn(), drawn(), np.zeros_like(both)), strict=True):
        np.testing.assert_array_equal(mask, expected)


def test_lists_of_cocos_other_tasks_beside_it_are_passed_over(tmp_path: Path) -> None:
    """As Datumaro exports ``coco``: the same pictures again, without masks or with them; alone such a list counts."""
    names = ["0.jpg", "1.jpg"]
    annotation = [{"image_id": 7, "segmentation": [OUTLINE]}]
    files = {f"images/default/{i}.jpg": photo(seed=i) for i in range(3)} | {
        "annotations/instances_default.json": listing(names, annotation),
        "annotations/image_info_default.json": listing(names, []),
        "annotations/stuff_default.json": listing(names, annotation),
        "annotations/stuff_more.json": listing(["2.jpg"], annotation),
    }
    report = prepare_dataset("coco", [as_zip(files, tmp_path / "export.zip")], tmp_path / "out", jobs=1)
    (part,) = report.parts
    assert (part.masks, part.outcome.empty) == (3, ["export/1"])
    assert [n for n in report.notes if n.startswith("image_info_default.json, stuff_default.json: of other tasks")]
    for name, expected in (("0", drawn()), ("1", np.zeros_like(drawn())), ("2", drawn())):
        np.testing.assert_array_equal(mask_of(tmp_path / f"out/export/export/GT/{name}.png"), expected)


def test_what_we_save_comes_back(tmp_path: Path, tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    frames = tmp_path / "holiday"
    frames.mkdir()
    for i, image in enumerate(tiny_frames[:5]):
        Image.fromarray(image).save(frames / f"{i:05d}.png")
    folder = segment_to_folder(
        frames, tmp_path / "out", segmenter=Segmenter(tiny_model, precision="float32"), save=["masks", "coco"]
    )
    report = prepare_dataset("coco", [folder / "coco.json", frames], tmp_path / "DATA")
    assert report.parts[0].folder == "holiday" and report.parts[0].masks == 5
    for i in range(5):
        made = mask_of(tmp_path / f"DATA/holiday/holiday/GT/{i:05d}.png")
        np.testing.assert_array_equal(made, mask_of(folder / "masks" / f"{i:05d}.png"))
        there = (tmp_path / f"DATA/holiday/holiday/RGB/{i:05d}.png").read_bytes()
        assert there == (frames / f"{i:05d}.png").read_bytes()


def test_two_clips_with_frames_of_the_same_names(tmp_path: Path) -> None:
    files = {}
    for k, clip in enumerate(("cow", "dog")):
        for i in range(2):
            files[f"{clip}/frames/{i:05d}.jpg"] = photo(seed=10 * k + i)
        annotation = {"image_id": 7 + k, "segmentation": [OUTLINE]}
        files[f"{clip}/coco.json"] = listing(["00000.png", "00001.png"], [annotation])
    prepare_dataset("coco", [as_zip(files, tmp_path / "both.zip")], tmp_path / "out")
    for k, clip in enumerate(("cow", "dog")):
        for i in range(2):
            folder = tmp_path / "out" / "both" / clip
            assert (folder / f"RGB/{i:05d}.jpg").read_bytes() == files[f"{clip}/frames/{i:05d}.jpg"]
            assert mask_of(folder / f"GT/{i:05d}.png").any() == (i == k)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"images": [', "is not JSON"),
        (json.dumps({"images": [{"id": 1}], "annotations": []}).encode(), "'file_name' is missing"),
        (listing(["0.jpg"], [{"segmentation": [OUTLINE]}]), "'image_id' is missing"),
        (listing(["0.jpg"], [{"image_id": 99, "segmentation": [OUTLINE]}]), "pictures that it does not list"),
    ],
)
def test_a_list_that_is_none_is_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=said):
        prepare_dataset("coco", [as_zip({"a.json": data, "0.jpg": photo()}, tmp_path / "x.zip")], tmp_path / "out")


def test_what_cannot_be_decoded_and_what_is_missing_are_named(tmp_path: Path) -> None:
    wrong = {"size": [4, 4], "counts": [16]}
    annotations = [{"image_id": 7, "segmentation": wrong}, {"image_id": 8, "segmentation": [OUTLINE]}]
    files = {"a.json": listing(["0.jpg", "1.jpg", "gone.jpg"], annotations), "0.jpg": photo(), "1.jpg": photo(seed=1)}
    (part,) = prepare_dataset("coco", [as_zip(files, tmp_path / "x.zip")], tmp_path / "out").parts
    assert part.outcome.written == 1
    assert any("gone.jpg" in line for line in part.missing)
    assert any("is of 4x4, not 12x8" in line for line in part.missing)
