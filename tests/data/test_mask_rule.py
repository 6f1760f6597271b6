"""One rule for mask files: every form is read for what it is, and by all three users alike."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from mask_forms import BOTH, FIRST, FORMS, NOISE, ONE, OPEN, SIZE, VOC, Form, grey, indexed, three, values
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.data import masks
from gsanet.data.datasets import SaliencyDataset
from gsanet.data.layout import image_pairs
from gsanet.data.masks import LABELS, SOFT, decide, read_truth, warn_if_empty
from gsanet.data.raw_masks import read_raw
from gsanet.data.sample import load_frame
from gsanet.evaluation.masks import Reading, foreground
from gsanet.prepare import prepare_dataset


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every form as a frame of one clip."""
    folder = tmp_path_factory.mktemp("forms") / "clip"
    (folder / "RGB").mkdir(parents=True)
    for name, form in FORMS.items():
        Image.fromarray(NOISE).save(folder / "RGB" / f"{name.replace('/', '-')}.png")
        form.save(folder / "GT", name.replace("/", "-"))
    return folder


@pytest.fixture(scope="module")
def prepared(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared")
    report = prepare_dataset("folder", [files.parent], root, jobs=1)
    assert not report.parts[0].missing
    return root / report.parts[0].folder / "clip" / "GT"


def place(folder: Path, name: str) -> Path:
    return next(path for path in folder.iterdir() if path.stem == name.replace("/", "-"))


@pytest.mark.parametrize("name", FORMS)
def test_training_reads_every_form(name: str, files: Path) -> None:
    _, mask = load_frame(place(files / "RGB", name), place(files / "GT", name), None, 1000)
    assert np.array_equal(mask, BOTH * np.uint8(255))


@pytest.mark.parametrize("name", FORMS)
def test_prepare_writes_every_form(name: str, prepared: Path) -> None:
    with Image.open(place(prepared, name)) as image:
        assert image.mode == "1"
        assert np.array_equal(np.asarray(image), BOTH)


@pytest.mark.parametrize("name", FORMS)
def test_evaluation_reads_every_form_or_says_what_is_doubtful(name: str, files: Path) -> None:
    path, form = place(files / "GT", name), FORMS[name]
    if form.refused:
        with pytest.raises(GsanetError, match=form.refused):
            foreground(read_raw(path), path, Reading(void=True), truth=True)
        return
    decided = foreground(read_raw(path), path, Reading(void=True), truth=True)
    assert np.array_equal(decided.mask, BOTH)
    assert (decided.void is not None) == form.void
    assert decided.void is None or np.array_equal(decided.void, OPEN)


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.void])
def test_void_is_an_object_where_a_data_set_has_none(name: str, files: Path) -> None:
    path = place(files / "GT", name)
    decided = decide(read_raw(path), path)
    assert decided.void is None and np.array_equal(decided.mask, BOTH | OPEN)
    assert np.array_equal(foreground(read_raw(path), path, Reading(), truth=True).mask, BOTH | OPEN)
    prediction = foreground(read_raw(path), path, Reading(void=True))
    assert prediction.void is None and np.array_equal(prediction.mask, BOTH | OPEN), "a prediction leaves nothing open"


def test_void_that_stands_alone(tmp_path: Path) -> None:
    """It is all there is, unless its colour says that it is void."""
    for number, (image, void) in enumerate(
        [
            (grey(values(255, 255)), False),
            (indexed(values(255, 255), [*VOC[:3], *[9, 90, 9] * 255]), False),
            (indexed(values(255, 255), VOC), True),
        ]
    ):
        mask = read_truth(Form(image).save(tmp_path, f"{number}"))
        assert mask.any() != void, number


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16", "LA", "F"])
def test_empty_masks_stay_empty(mode: str, tmp_path: Path) -> None:
    image = Image.new(mode, SIZE[::-1])
    if mode == "P":
        image.putpalette(VOC)
    assert not read_truth(Form(image, ".tif" if mode == "F" else ".png").save(tmp_path, "a")).any()


def test_the_noise_of_a_jpeg_is_no_object_and_that_of_a_png_is_labels(tmp_path: Path) -> None:
    faint = NOISE[..., 0] % 12
    assert not read_truth(Form(grey(faint), ".jpg").save(tmp_path, "a")).any()
    assert read_truth(Form(grey(faint)).save(tmp_path, "b")).any(), "values this small are labels"


def test_antialiased_borders_are_cut_in_the_middle(tmp_path: Path) -> None:
    few = np.array([[0, 60, 127, 128, 200, 255]], np.uint8)
    many = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (4, 1))
    for array in (few, many):
        for image in (grey(array), three(array), grey(array.astype(np.uint16) * np.uint16(257))):
            assert np.array_equal(read_truth(Form(image).save(tmp_path, "a")), array > 127)


def test_what_cannot_be_told_is_one_line(tmp_path: Path) -> None:
    on_white = np.where(FIRST[..., None], np.array([200, 0, 0], np.uint8), np.uint8(255))
    cases = {
        "drawn on white": Image.fromarray(on_white),
        "palette entry 0": indexed(1 - ONE, [250, 200, 0, 20, 0, 0]),
    }
    for said, image in cases.items():
        path = Form(image).save(tmp_path, "odd")
        with pytest.raises(GsanetError, match=rf"odd\.png.*{said}") as caught:
            read_truth(path)
        assert "\n" not in str(caught.value)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    with pytest.raises(GsanetError, match=r"broken\.png cannot be read"):
        read_truth(tmp_path / "broken.png")
    with pytest.raises(GsanetError, match="no such file"):
        read_truth(tmp_path / "gone.png")


def test_what_is_assumed_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masks, "_said", set())
    with caplog.at_level(logging.INFO, "gsanet"):
        for name in ("a", "b"):
            read_truth(FORMS["grey labels 38/75"].save(tmp_path, name))
            read_truth(FORMS["antialiased"].save(tmp_path, f"{name}-soft"))
            read_truth(FORMS["grey 0/255"].save(tmp_path, f"{name}-plain"))
    said = {record.message: record.levelno for record in caplog.records}
    assert said == {
        f"{LABELS} (first seen in {tmp_path / 'a.png'})": logging.WARNING,
        f"{SOFT} (first seen in {tmp_path / 'a-soft.png'})": logging.INFO,
    }


def test_a_truth_without_any_object_is_a_warning_that_names_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        Form(grey(ONE * 0)).save(tmp_path / "GT", f"{number}")
        Form(Image.fromarray(NOISE)).save(tmp_path / "RGB", f"{number}")
    SaliencyDataset(image_pairs(tmp_path), None)
    assert "no object in any of 3 masks" in caplog.text and str(tmp_path / "GT" / "0.png") in caplog.text
    caplog.clear()
    Form(grey(ONE)).save(tmp_path / "GT", "2")
    SaliencyDataset(image_pairs(tmp_path), None)
    warn_if_empty([])
    assert not caplog.text
