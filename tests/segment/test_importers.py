"""The importers of annotation tools read ``coco.json``, and what they write comes back.

Not installed with the tests, for they bring hundreds of packages:
    pip install 'datumaro[cli]' fiftyone label-studio-sdk label-studio-converter
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gsanet.evaluation.measures import region_similarity
from gsanet.prepare import prepare_dataset
from gsanet.segment import segment_to_folder
from gsanet.video.sample_clip import sample_clip
from gsanet.video.sources import open_clip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

FRAMES = 4


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``dataset``, as Datumaro has it, with the sample clip's first frames and their ``coco.json``; and ``masks``."""
    folder = tmp_path_factory.mktemp("annotated")
    (folder / "dataset/images/default").mkdir(parents=True)
    (folder / "dataset/annotations").mkdir()
    for frame in open_clip(sample_clip()).frames_at(range(FRAMES)):
        Image.fromarray(frame.image).save(folder / f"dataset/images/default/{frame.index:05d}.png")
    made = segment_to_folder(folder / "dataset/images/default", folder / "out", save=["coco", "masks"])
    (made / "coco.json").rename(folder / "dataset/annotations/instances_default.json")
    (made / "masks").rename(folder / "masks")
    return folder


def saved(annotated: Path, name: str) -> np.ndarray:
    mask = np.asarray(Image.open(annotated / "masks" / f"{name}.png")) > 0
    assert mask.any()
    return mask


def test_datumaro(annotated: Path) -> None:
    """Its COCO importer is CVAT's too."""
    datumaro = pytest.importorskip("datumaro", reason="Datumaro is not installed")
    dataset = datumaro.Dataset.import_from(str(annotated / "dataset"), "coco")
    assert len(dataset) == FRAMES
    for item in dataset:
        (mask,) = (one for one in item.annotations if one.type is datumaro.AnnotationType.mask)
        np.testing.assert_array_equal(np.asarray(mask.image) > 0, saved(annotated, item.id))
        assert mask.attributes["track_id"] == 1


def test_fiftyone(annotated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The importer alone: its datasets need a database server."""
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "1")
    pytest.importorskip("fiftyone", reason="FiftyOne is not installed")
    from fiftyone.utils.coco import COCODetectionDatasetImporter

    importer = COCODetectionDatasetImporter(
        data_path=str(annotated / "dataset/images/default"),
        labels_path=str(annotated / "dataset/annotations/instances_default.json"),
        label_types="segmentations",
    )
    seen = 0
    with importer:
        for path, size, found in importer:
            (one,) = found.detections
            left, top = round(one.bounding_box[0] * size.width), round(one.bounding_box[1] * size.height)
            mask = np.zeros((size.height, size.width), bool)
            mask[top : top + one.mask.shape[0], left : left + one.mask.shape[1]] = one.mask
            np.testing.assert_array_equal(mask, saved(annotated, Path(path).stem))
            assert (one.label, one.track_id) == ("object", 1)
            seen += 1
    assert seen == FRAMES


def test_outlines_by_datumaro_into_label_studio_and_back(annotated: Path, tmp_path: Path) -> None:
    """As docs/annotate.md says it; the outlines that Datumaro draws are a pixel coarser than the masks."""
    pytest.importorskip("datumaro.cli", reason="Datumaro's command line is not installed")
    words = ["-if", "coco", "-f", "coco", "-o", "outlines", "--", "--save-media", "--segmentation-mode", "polygons"]
    run(tmp_path, "datum", "convert", "-i", str(annotated / "dataset"), *words)
    listed = tmp_path / "outlines/annotations/instances_default.json"
    assert all(isinstance(one["segmentation"], list) for one in json.loads(listed.read_text())["annotations"])
    report = prepare_dataset("coco", [tmp_path / "outlines"], tmp_path / "data", jobs=1)
    assert report.parts[0].masks == FRAMES
    files = sorted((tmp_path / "data").glob("**/GT/*.png"))
    assert len(files) == FRAMES
    for file in files:
        assert region_similarity(np.asarray(Image.open(file)) > 0, saved(annotated, file.stem)) > 0.95

    pytest.importorskip("label_studio_sdk.converter", reason="Label Studio's converter is not installed")
    run(tmp_path, "label-studio-converter", "import", "coco", "-i", str(listed), "-o", "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert len(tasks) == FRAMES
    for task in tasks:
        kinds = [one["type"] for one in task["annotations"][0]["result"]]
        assert "polygonlabels" in kinds


def run(folder: Path, program: str, *arguments: str) -> None:
    told = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
