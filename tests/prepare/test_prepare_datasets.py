"""Each data set, from a miniature of its official layout, as it ships and unpacked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from downloads import (
    SIZE,
    Files,
    arrive,
    as_zip,
    colours,
    davis,
    definition,
    encode,
    fbms,
    grey,
    palette,
    photo,
    values,
)
from PIL import Image

from gsanet.data.layout import image_pairs, sequences
from gsanet.evaluation.protocols import PROTOCOLS
from gsanet.prepare import Choices, PartReport, Report, prepare_dataset
from gsanet.video.images import read_mask, read_rgb

LEFT = values(1) > 0
BOTH = values(1, 0, 1) > 0


def run(wanted: str, files: Files, form: str, tmp_path: Path, called: str = "download", **options: str) -> Report:
    path = arrive(files, form, tmp_path / "in", called)
    report = prepare_dataset(wanted, [path], tmp_path / "out", choices=Choices(**options), jobs=2)  # type: ignore[arg-type]
    assert {p.protocol for p in report.parts} <= {"", *PROTOCOLS}
    return report


def part(report: Report, folder: str) -> PartReport:
    return next(p for p in report.parts if p.folder == folder)


def one_bit(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "1"), path
    return read_mask(path)


# ---------------------------------------------------------------- DUTS


def duts() -> Files:
    soft = np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    luminance_alpha = Image.merge("LA", (Image.fromarray(values(255)), Image.new("L", SIZE, 255)))
    return {
        "DUTS-TR/DUTS-TR-Image/a.jpg": photo(seed=1),
        "DUTS-TR/DUTS-TR-Mask/a.png": grey(soft),
        "DUTS-TR/DUTS-TR-Image/b.jpg": photo(seed=2),
        "DUTS-TR/DUTS-TR-Mask/b.png": encode(luminance_alpha, "PNG"),
        "DUTS-TR/DUTS-TR-Image/c.jpg": photo(seed=3),
        "DUTS-TR/DUTS-TR-Mask/c.png": grey(values(255, size=(24, 16))),
        "DUTS-TR/DUTS-TR-Image/d.jpg": photo(seed=4),
        "DUTS-TR/DUTS-TR-Mask/d.png": grey(values(0)),
        "DUTS-TR/DUTS-TR-Image/lonely.jpg": photo(seed=5),
        "DUTS-TR/DUTS-TR-Mask/a_edge.png": grey(values(9)),
    }


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_duts(form: str, tmp_path: Path) -> None:
    report = run("duts", duts(), form, tmp_path, "DUTS-TR")
    pairs = image_pairs(tmp_path / "out" / "DUTS_train")  # sizes are checked
    assert [pair.name for pair in pairs] == ["a", "b", "c", "d"]
    assert pairs[0].rgb.read_bytes() == duts()["DUTS-TR/DUTS-TR-Image/a.jpg"], "byte for byte"
    masks = [one_bit(pair.gt) for pair in pairs]
    assert masks[0][0].tolist() == [False] * 6 + [True] * 6
    assert np.array_equal(masks[1], LEFT) and np.array_equal(masks[2], LEFT) and not masks[3].any()
    train = part(report, "DUTS_train")
    assert train.missing == ["mask of lonely"] and train.surplus == ["a_edge"]
    assert train.shortfalls == ["4 pictures with a mask, published are 10,553"]
    assert (train.outcome.resized, train.outcome.empty, train.outcome.stretched) == (["c"], ["d"], [])
    assert [p.folder for p in report.parts] == ["DUTS_train"], "DUTS-TE was not given and is no part of it"


def test_duts_in_two_archives(tmp_path: Path) -> None:
    test = {"DUTS-TE/DUTS-TE-Image/x.jpg": photo(), "DUTS-TE/DUTS-TE-Mask/x.png": grey(values(255))}
    paths = [as_zip(duts(), tmp_path / "DUTS-TR.zip"), as_zip(test, tmp_path / "DUTS-TE.zip")]
    report = prepare_dataset("duts", paths, tmp_path / "out")
    assert [p.folder for p in report.parts] == ["DUTS_train", "DUTS_val"]
    assert [pair.name for pair in image_pairs(tmp_path / "out" / "DUTS_val")] == ["x"]


# ---------------------------------------------------------------- DAVIS


@pytest.mark.parametrize("form", ["zip", "folder", "tar.gz"])
def test_davis16(form: str, tmp_path: Path) -> None:
    report = run("davis16", davis(2016), form, tmp_path)
    (bear,) = sequences(tmp_path / "out" / "DAVIS_train", need_gt=True)
    (goat,) = sequences(tmp_path / "out" / "DAVIS_test", need_gt=True)
    assert (bear.name, [f.name for f in bear.frames]) == ("bear", ["bear_00000", "bear_00001"])
    assert (goat.name, [f.name for f in goat.frames]) == ("goat", ["00000", "00001"])
    assert goat.frames[1].rgb == tmp_path / "out" / "DAVIS_test" / "goat" / "RGB" / "00001.jpg"
    assert goat.frames[1].gt is not None and np.array_equal(one_bit(goat.frames[1].gt), LEFT)
    assert part(report, "DAVIS_test").protocol == "davis16"
    assert part(report, "DAVIS_train").shortfalls[0] == "1 sequences, published are 30"


def test_davis16_names_what_its_lists_promise(tmp_path: Path) -> None:
    files = davis(2016)
    files["DAVIS/ImageSets/480p/val.txt"] += b"\n/JPEGImages/480p/camel/00000.jpg /Annotations/480p/camel/00000.png"
    del files["DAVIS/Annotations/480p/goat/00001.png"], files["DAVIS/Annotations/480p/bear/00000.png"]
    report = run("davis16", files, "zip", tmp_path)
    assert part(report, "DAVIS_test").missing == ["mask of goat/00001", "sequence camel"]
    assert part(report, "DAVIS_train").missing == ["mask of bear/00000"]
    # For training a frame without a mask is left out; in a test set it stays a frame.
    assert [f.name for f in sequences(tmp_path / "out" / "DAVIS_train", need_gt=True)[0].frames] == ["bear_00001"]
    assert [f.gt is None for f in sequences(tmp_path / "out" / "DAVIS_test")[0].frames] == [False, True]


def test_davis16_without_lists_goes_by_the_official_names(tmp_path: Path) -> None:
    files = {name: data for name, data in davis(2016).items() if "ImageSets" not in name}
    report = run("davis16", files, "zip", tmp_path)
    assert part(report, "DAVIS_train").sequences == part(report, "DAVIS_test").sequences == 1
    assert "sequence swing" in part(report, "DAVIS_train").missing


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_davis17_merges_objects_and_drops_void(form: str, tmp_path: Path) -> None:
    run("davis17", davis(2017), form, tmp_path)
    (frame, _) = sequences(tmp_path / "out" / "DAVIS17_train", need_gt=True)[0].frames
    assert frame.gt is not None and np.array_equal(one_bit(frame.gt), BOTH)
    assert [s.name for s in sequences(tmp_path / "out" / "DAVIS17_test", need_gt=True)] == ["goat"]


def test_davis17_prefers_the_annotation_of_all_objects(tmp_path: Path) -> None:
    files = davis(2017)
    for sequence in ("bear", "goat"):
        for i in range(2):
            files[f"DAVIS/Annotations_unsupervised/480p/{sequence}/{i:05d}.png"] = palette(values(1))
    report = run("davis17", files, "zip", tmp_path)
    assert np.array_equal(one_bit(tmp_path / "out" / "DAVIS17_train" / "GT" / "bear_00001.png"), LEFT)
    assert report.notes == ["masks are those of Annotations_unsupervised"]


@pytest.mark.parametrize(("year", "folder"), [(2016, "1080p"), (2017, "Full-Resolution")])
def test_davis_at_full_resolution(year: int, folder: str, tmp_path: Path) -> None:
    files = davis(year)
    files |= {name.replace("/480p/", f"/{folder}/"): data for name, data in files.items() if "ImageSets" not in name}
    files[f"DAVIS/JPEGImages/{folder}/bear/00000.jpg"] = photo(size=(24, 16))
    run(f"davis{year - 2000}", files, "zip", tmp_path, resolution="full")
    name = "DAVIS_train" if year == 2016 else "DAVIS17_train"
    assert read_rgb(tmp_path / "out" / name / "RGB" / "bear_00000.jpg").shape == (16, 24, 3)
    assert one_bit(tmp_path / "out" / name / "GT" / "bear_00000.png").shape == (16, 24)


def test_davis16_from_the_download_of_2017_says_so(tmp_path: Path) -> None:
    report = run("davis16", davis(2017), "zip", tmp_path)
    assert "redrawn" in report.notes[0]
    assert report.notes[1:] == [
        f"{folder}: 255 beside labels (in colours: 224,224,192) is void and no object (2 masks, such as {name})"
        for folder, name in (("DAVIS_train", "bear/00000"), ("DAVIS_test", "goat/00000"))
    ]


# ---------------------------------------------------------------- YouTube-VOS


def ytvos() -> Files:
    files: Files = {}
    for video in ("003234408d", "0043f083b5"):
        for i in (0, 5, 10):
            files[f"train/JPEGImages/{video}/{i:05d}.jpg"] = photo(seed=i)
            files[f"train/Annotations/{video}/{i:05d}.png"] = palette(values(1, 0, 2))
    files["train/JPEGImages/003234408d/00001.jpg"] = photo(seed=1)  # as in train_all_frames: not annotated
    frames = ["00000", "00005", "00010"]
    videos = {
        name: {"objects": {"1": {"category": "dog", "frames": frames}, "2": {"category": "cat", "frames": frames[:1]}}}
        for name in ("003234408d", "0043f083b5", "lost")
    }
    files["train/meta.json"] = json.dumps({"videos": videos}).encode()
    files["valid/JPEGImages/aaaa/00000.jpg"] = photo()
    files["valid/Annotations/aaaa/00000.png"] = palette(values(1))
    return files


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_ytvos(form: str, tmp_path: Path) -> None:
    files = ytvos()
    del files["train/Annotations/0043f083b5/00010.png"]
    report = run("ytvos", files, form, tmp_path)
    second, first = sequences(tmp_path / "out" / "YTVOS_train", need_gt=True)
    assert [f.name for f in first.frames] == ["003234408d_00000", "003234408d_00005", "003234408d_00010"]
    assert (second.name, len(second.frames)) == ("0043f083b5", 2)
    assert first.frames[0].gt is not None and np.array_equal(one_bit(first.frames[0].gt), BOTH)
    assert report.parts[0].missing == ["video lost", "annotated frame 0043f083b5/00010"]
    assert report.parts[0].shortfalls == ["2 sequences, published are 3,471"]


# ---------------------------------------------------------------- FBMS


@pytest.mark.parametrize("form", ["zip", "folder", "tar.gz"])
def test_fbms(form: str, tmp_path: Path) -> None:
    report = run("fbms", fbms(), form, tmp_path, "FBMS_Testset")
    camel, marple, tennis = sequences(tmp_path / "out" / "FBMS_test")
    # Every frame is there, and masks keep the names of the frames they belong to.
    assert [len(s.frames) for s in (camel, marple, tennis)] == [4, 4, 4]
    assert [f.name for f in camel.frames if f.gt] == ["camel01_0001", "camel01_0003"]
    assert [f.name for f in marple.frames if f.gt] == ["marple7_002"], "0002 is the frame 002"
    assert [f.name for f in tennis.frames if f.gt] == ["tennis456"]
    assert np.array_equal(one_bit(camel.frames[0].gt), BOTH), "black is an object where white is background"
    assert np.array_equal(one_bit(camel.frames[2].gt), LEFT), "a colour of no region is background"
    assert np.array_equal(one_bit(marple.frames[1].gt), BOTH), "a grey of 20 is an object"
    # PPM becomes PNG without loss, JPEG is copied.
    assert tennis.frames[0].rgb.suffix == ".png" and camel.frames[0].rgb.suffix == ".jpg"
    noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    assert np.array_equal(read_rgb(tennis.frames[0].rgb), noise)
    test = part(report, "FBMS_test")
    assert test.shortfalls == ["3 sequences, published are 30"] and "sequence cars1" in test.missing
    assert (test.frames, test.masks) == (12, 4) and not test.surplus and not report.notes


def test_fbms_without_its_definition_goes_by_convention(tmp_path: Path) -> None:
    files = {name: data for name, data in fbms().items() if not name.endswith(".dat")}
    report = run("fbms", files, "zip", tmp_path)
    assert np.array_equal(one_bit(tmp_path / "out/FBMS_test/camel01/GT/camel01_0001.png"), BOTH)
    assert np.array_equal(one_bit(tmp_path / "out/FBMS_test/marple7/GT/marple7_002.png"), BOTH)
    assert len(report.notes) == 3 and "camel01Def.dat" in report.notes[0]


def test_fbms_train_and_test_in_two_archives(tmp_path: Path) -> None:
    train = {name.replace("Testset/camel01", "Trainingset/bear01").replace("camel01", "bear01"): data
             for name, data in fbms().items() if "camel01" in name}  # fmt: skip
    train["Trainingset/bear01/GroundTruth/bear01Def.dat"] = definition([0xFFFFFF, 0xFF0000, 0], [])
    paths = [as_zip(train, tmp_path / "FBMS_Trainingset.zip"), as_zip(fbms(), tmp_path / "FBMS_Testset.zip")]
    report = prepare_dataset("fbms", paths, tmp_path / "out")
    assert [(p.folder, p.sequences) for p in report.parts] == [("FBMS_train", 1), ("FBMS_test", 3)]


# ---------------------------------------------------------------- YouTube-Objects


def youtube_objects() -> Files:
    files: Files = {}
    for place in ("aeroplane/data/0001/shots/001", "bird/data/0007/shots/012"):
        for i in (1, 11):
            files[f"youtube_masks/{place}/images/{i:05d}.jpg"] = photo(seed=i)
            files[f"youtube_masks/{place}/labels/{i:05d}.jpg"] = grey(values(255, 4), "JPEG")
    return files


@pytest.mark.parametrize("form", ["tar.gz", "zip", "folder"])
def test_youtube_objects(form: str, tmp_path: Path) -> None:
    report = run("youtube-objects", youtube_objects(), form, tmp_path, "youtube_masks")
    plane, bird = sequences(tmp_path / "out" / "YouTubeObjects_test", need_gt=True)
    # The class comes first in the name, which the protocol averages by.
    assert (plane.name, bird.name) == ("aeroplane_0001_001", "bird_0007_012")
    assert [f.name for f in plane.frames] == ["00001", "00011"]
    assert plane.frames[0].gt is not None and np.array_equal(one_bit(plane.frames[0].gt), LEFT), "4 is JPEG noise"
    assert report.parts[0].missing[0] == "class boat" and len(report.parts[0].missing) == 8
    assert len(report.notes) == 1 and "v1" in report.notes[0]


def test_youtube_objects_with_the_frames_of_v1(tmp_path: Path) -> None:
    v1: Files = {}
    for i in range(1, 13):
        v1[f"aeroplane/data/0001/shots/001/frame{i:04d}.jpg"] = photo(seed=i, size=(24, 16))
        v1[f"aeroplane/data/0001/shots/002/frame{i:04d}.jpg"] = photo(seed=i)  # not annotated
    paths = [as_zip(youtube_objects(), tmp_path / "youtube_masks.zip"), as_zip(v1, tmp_path / "v1.zip")]
    report = prepare_dataset("youtube-objects", paths, tmp_path / "out")
    plane, bird = sequences(tmp_path / "out" / "YouTubeObjects_test")
    assert [f.name for f in plane.frames if f.gt] == ["00001", "00011"] and len(plane.frames) == 12
    assert len(bird.frames) == 2 and not report.notes
    assert report.parts[0].outcome.resized == ["aeroplane_0001_001/00001", "aeroplane_0001_001/00011"]


# ---------------------------------------------------------------- SegTrack v2


def segtrack() -> Files:
    files: Files = {"SegTrackv2/ImageSets/all.txt": b"*cheetah\n*worm\n"}
    for i in range(2):
        files[f"SegTrackv2/JPEGImages/cheetah/cheetah_{i:05d}.bmp"] = photo("BMP", seed=i)
        files[f"SegTrackv2/GroundTruth/cheetah/1/cheetah_{i:05d}.bmp"] = colours(values(1), {1: (255, 255, 255)}, "BMP")
        middle = values(0, 0, 1)
        files[f"SegTrackv2/GroundTruth/cheetah/2/cheetah_{i:05d}.png"] = colours(middle, {1: (255, 255, 255)})
        files[f"SegTrackv2/JPEGImages/worm/worm_{i:05d}.png"] = photo("PNG", seed=i)
        files[f"SegTrackv2/GroundTruth/worm/worm_{i:05d}.png"] = colours(values(1), {1: (255, 255, 255)})
    files["SegTrackv2/GroundTruth/worm/0000000000.png"] = grey(values(255))
    return files


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_segtrack(form: str, tmp_path: Path) -> None:
    report = run("segtrack2", segtrack(), form, tmp_path)
    cheetah, worm = sequences(tmp_path / "out" / "SegTrack2_test", need_gt=True)
    assert [f.name for f in cheetah.frames] == ["cheetah_00000", "cheetah_00001"]
    assert cheetah.frames[0].gt is not None and np.array_equal(one_bit(cheetah.frames[0].gt), BOTH)
    assert cheetah.frames[0].rgb.suffix == ".png"
    original = read_rgb(tmp_path / "out" / "SegTrack2_test" / "cheetah" / "RGB" / "cheetah_00001.png")
    assert np.array_equal(original, np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)), "without loss"
    assert len(worm.frames) == 2 and report.parts[0].surplus == ["worm/0000000000"]
    assert report.parts[0].missing[0] == "sequence bird_of_paradise" and len(report.parts[0].missing) == 12


# ---------------------------------------------------------------- DAVSOD


def davsod(above: str) -> Files:
    files: Files = {}
    for i in (7, 8, 12):
        files[f"{above}select_0043_1/Imgs/{i:04d}.png"] = photo("PNG", seed=i)
        files[f"{above}select_0043_1/GT_object_level/{i:04d}.png"] = grey(values(255))
        files[f"{above}select_0043_1/GT_instance_level/{i:04d}.png"] = palette(values(1))
    return files


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_davsod(form: str, tmp_path: Path) -> None:
    train = davsod("DAVSOD-TrainingSet/")
    del train["DAVSOD-TrainingSet/select_0043_1/GT_object_level/0008.png"]
    paths = [
        arrive(train, form, tmp_path, "DAVSOD-TrainingSet"),
        arrive(davsod(""), form, tmp_path, "Easy-35"),  # the split is in the archive's own name only
        arrive(davsod("Difficult-20/"), form, tmp_path, "Difficult-20"),
    ]
    report = prepare_dataset("davsod", paths, tmp_path / "out")
    assert [p.folder for p in report.parts] == ["DAVSOD_train", "DAVSOD_test_easy", "DAVSOD_test_difficult"]
    (clip,) = sequences(tmp_path / "out" / "DAVSOD_train", need_gt=True)
    assert clip.name == "select_0043_1"
    assert [f.name for f in clip.frames] == ["select_0043_1_00007", "select_0043_1_00012"]
    (easy,) = sequences(tmp_path / "out" / "DAVSOD_test_easy", need_gt=True)
    assert [f.name for f in easy.frames] == ["0007", "0008", "0012"]
    assert part(report, "DAVSOD_train").missing == ["mask of select_0043_1/0008"]
    assert part(report, "DAVSOD_test_easy").shortfalls == ["1 sequences, published are 35"]


# ---------------------------------------------------------------- one's own


def clip_first(clip: str, kind: str) -> str:
    return f"{clip}/{kind}/"


def kind_first(clip: str, kind: str) -> str:
    return f"{kind}/{clip}/"


@pytest.mark.parametrize("place", [clip_first, kind_first])
@pytest.mark.parametrize(("photos", "masks"), [("RGB", "GT"), ("frames", "masks"), ("JPEGImages", "Annotations")])
def test_own_clips(place: Callable[[str, str], str], photos: str, masks: str, tmp_path: Path) -> None:
    files: Files = {}
    for clip in ("cat", "dog"):
        for i in range(3):
            files[f"{place(clip, photos)}img_{i}.png"] = photo("PNG", seed=i)
            if clip == "cat" or i == 1:
                files[f"{place(clip, masks)}img_{i}.png"] = palette(values(1, 0, 2))
    report = run("folder", files, "folder", tmp_path, "mine", name="PETS")
    cat, dog = sequences(tmp_path / "out" / "PETS")
    assert (cat.name, dog.name) == ("cat", "dog")
    assert cat.frames[2].gt is not None and np.array_equal(one_bit(cat.frames[2].gt), BOTH)
    assert [f.gt is not None for f in dog.frames] == [False, True, False]
    assert report.notes == ["2 of 6 frames have no mask: fine for evaluation, but training needs all"]


def test_own_flat_clips_are_taken_apart(tmp_path: Path) -> None:
    files: Files = {}
    for clip in ("cat", "big_dog"):
        for i in range(2):
            files[f"RGB/{clip}_{i:05d}.jpg"], files[f"GT/{clip}_{i:05d}.png"] = photo(seed=i), grey(values(255))
    run("folder", files, "zip", tmp_path, "mine")
    found = sequences(tmp_path / "out" / "mine", need_gt=True)
    assert [(s.name, len(s.frames)) for s in found] == [("big_dog", 2), ("cat", 2)]


def test_labels_turned_grey_are_objects_and_that_is_said(tmp_path: Path) -> None:
    files: Files = {}
    for i in range(2):
        files[f"cat/RGB/{i}.jpg"], files[f"cat/GT/{i}.png"] = photo(seed=i), grey(values(38, 0, 75))
    report = run("folder", files, "folder", tmp_path, "mine")
    (cat,) = sequences(tmp_path / "out" / "mine", need_gt=True)
    assert all(frame.gt is not None and np.array_equal(one_bit(frame.gt), BOTH) for frame in cat.frames)
    assert report.notes == [
        "mine: few grey values in areas are labels: every one but 0 is object (2 masks, such as cat/0)"
    ]
    assert report.parts[0].outcome.with_object == {"cat": 2} and not report.parts[0].shortfalls


def test_a_sequence_all_of_whose_masks_are_empty_is_told_by_file(tmp_path: Path) -> None:
    files: Files = {}
    for clip in ("cat", "dog"):
        for i in range(2):
            files[f"{clip}/RGB/{i}.jpg"] = photo(seed=i)
            files[f"{clip}/GT/{i}.png"] = grey(values(255 if clip == "cat" and i else 0))
    report = run("folder", files, "folder", tmp_path, "mine")
    assert report.parts[0].shortfalls == [
        "all masks of dog are empty, such as mine/dog/GT/0.png: is 0 their background?"
    ]
    assert report.parts[0].outcome.empty == ["cat/0", "dog/0", "dog/1"]
    again = run("folder", files, "folder", tmp_path, "mine")
    assert not again.parts[0].shortfalls, "nothing was read, so nothing is known"


def test_a_data_set_of_empty_masks_is_told(tmp_path: Path) -> None:
    files = {name: grey(values(40), "JPEG") if "/GT/" in name else photo() for name in ("c/RGB/0.jpg", "c/GT/0.jpg")}
    report = run("folder", files, "folder", tmp_path, "mine")
    assert report.parts[0].shortfalls == ["all 1 masks are empty, such as mine/c/GT/0.jpg: is 0 their background?"]
