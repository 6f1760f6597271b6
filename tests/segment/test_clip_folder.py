"""A clip's folder: what is in it, and that it is there whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import FrameResult, Segmenter, clip_folder, keep_finished, plan_clips, segment_clip
from gsanet.segment.save import PICTURES, RECORDS, VIDEOS, parse_kinds
from gsanet.video import VideoFile
from gsanet.video.images import read_mask, write_rgb
from gsanet.video.trimmed import Span

EVERYTHING = (*PICTURES, *VIDEOS, *RECORDS)


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, device="cpu", precision="float32", name="tiny")


def save_all(segmenter: Segmenter, sources: list[Path], out: Path, existing="error", save=("masks",)):  # type: ignore[no-untyped-def]
    plans = keep_finished(plan_clips(sources, out, existing), segmenter, save)
    return [segment_clip(segmenter, plan, save=save) for plan in plans if not plan.finished]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_everything_that_can_be_saved(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    (summary,) = save_all(segmenter, [tiny_clip], tmp_path, save=EVERYTHING)
    folder = tmp_path / "tiny"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]
    frames = [f"{i:05d}.png" for i in range(12)]
    kinds = ["masks", "cutout", "panel", "flow", "probability", "ids"]
    slots = [f"slots/{kind}_{s}" for kind in ("coarse_fg", "fine_fg", "fine_not_bg") for s in ("rgb", "flow")]
    expected = [f"{place}/{frame}" for place in kinds + slots for frame in frames]
    expected += [f"yolo/labels/train/{i:05d}.txt" for i in range(12)] + ["yolo/data.yaml", "yolo/train.txt"]
    videos = ["overlay.mp4", "alpha.webm", "prores.mov", "composite.mp4", "panel_video.mp4"]
    assert names(folder) == sorted([*expected, *videos, "rle.jsonl", "coco.json", "summary.json"])

    results = list(segmenter.stream(tiny_clip))
    for result in results:
        mask = cv2.imread(str(folder / "masks" / f"{result.name}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.dtype == np.uint8 and mask.shape == (64, 96)
        np.testing.assert_array_equal(mask, result.mask * 255)
        cut = cv2.imread(str(folder / "cutout" / f"{result.name}.png"), cv2.IMREAD_UNCHANGED)
        assert cut.shape == (64, 96, 4)
        soft = cv2.imread(str(folder / "probability" / f"{result.name}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_allclose(soft, result.probability * 255, atol=0.51)
    lines = [json.loads(line) for line in (folder / "rle.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [result.name for result in results]
    for line, result in zip(lines, results, strict=True):
        np.testing.assert_array_equal(coco.decode(line), result.mask)
        assert line["time"] == pytest.approx(result.time, abs=1e-6)
    overlay = VideoFile(folder / "overlay.mp4")
    assert (overlay.length, overlay.width, overlay.height, overlay.fps) == (12, 96, 64, 12)

    assert json.loads((folder / "summary.json").read_text()) == summary
    assert summary["clip"] == "tiny" and summary["frames"] == 12 and summary["model"] == "tiny"
    assert (summary["width"], summary["height"], summary["fps"]) == (96, 64, 12)
    assert summary["mean_mask_area"] == pytest.approx(np.mean([result.mask.mean() for result in results]), abs=1e-5)
    assert summary["seconds"] > 0 and summary["options"]["flow"] == "dis-sharp"
    assert set(summary["versions"]) == {"gsanet", "torch", "python"}
    assert summary["source"] == str(tiny_clip) and summary["source_facts"]["bytes"] == tiny_clip.stat().st_size
    assert set(summary["source_facts"]) == {"path", "bytes", "modified", "hash"}
    assert summary["part"] == {"start": 0.0, "end": None, "every": 1}


def test_masks_of_a_folder_bear_its_names(segmenter: Segmenter, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    odd = np.random.default_rng(0).integers(0, 256, (2, 67, 91, 3), np.uint8)
    for name, image in zip(("IMG_9", "IMG_10"), odd, strict=True):
        write_rgb(folder / f"{name}.png", image)
    save_all(segmenter, [folder], tmp_path / "out", save=("masks", "overlay"))
    assert names(tmp_path / "out" / "holiday" / "masks") == ["IMG_10.png", "IMG_9.png"]
    masks = segmenter.segment(folder)
    for name, mask in zip(("IMG_9", "IMG_10"), masks, strict=True):
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / "holiday" / "masks" / f"{name}.png"), mask)


def test_progress_counts_what_is_written(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    (plan,) = plan_clips([tiny_clip], tmp_path)
    segment_clip(segmenter, plan, save=("masks",), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 12) for done in range(13)]


def test_results_that_are_there(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path, tiny_model: GSANet) -> None:
    assert len(save_all(segmenter, [tiny_clip], tmp_path)) == 1
    mask = tmp_path / "tiny" / "masks" / "00003.png"
    mask.write_bytes(b"corrected by hand")
    with pytest.raises(GsanetError, match="exists already: --resume keeps finished clips, --overwrite replaces them"):
        save_all(segmenter, [tiny_clip], tmp_path)
    assert save_all(segmenter, [tiny_clip], tmp_path, "resume") == []
    assert mask.read_bytes() == b"corrected by hand"
    # Asking for other things is no resuming.
    with pytest.raises(GsanetError, match=r"other settings .*without overlay"):
        save_all(segmenter, [tiny_clip], tmp_path, "resume", ("masks", "overlay"))
    other = Segmenter(tiny_model, device="cpu", precision="float32", name="tiny", flow="none")
    with pytest.raises(GsanetError, match="other settings"):
        save_all(other, [tiny_clip], tmp_path, "resume")
    assert len(save_all(segmenter, [tiny_clip], tmp_path, "overwrite")) == 1
    assert read_mask(mask).shape == (64, 96)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


def test_what_is_not_ours_is_never_replaced(
    segmenter: Segmenter, tiny_clip: Path, tiny_frames: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years of work")
    for existing in ("error", "resume", "overwrite"):
        with pytest.raises(GsanetError, match="was not made by gsanet segment"):
            save_all(segmenter, [tiny_clip], tmp_path, existing)
    frames = tmp_path / "clips" / "frames"
    frames.mkdir(parents=True)
    write_rgb(frames / "0.png", tiny_frames[0])
    with pytest.raises(GsanetError, match="would replace the clip itself"):
        save_all(segmenter, [frames], tmp_path / "clips", "overwrite")
    assert names(tmp_path) == ["clips/frames/0.png", "tiny/thesis.txt"]


def test_a_part_of_a_clip(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    (plan,) = plan_clips([tiny_clip], tmp_path, part=Span(0.25, 0.75, 2))
    summary = segment_clip(segmenter, plan, save=("masks", "overlay", "rle"))
    folder = tmp_path / "tiny"
    assert names(folder / "masks") == ["00003.png", "00005.png", "00007.png"]
    assert (summary["frames"], summary["fps"]) == (3, 6) and summary["part"] == {"start": 0.25, "end": 0.75, "every": 2}
    lines = [json.loads(line) for line in (folder / "rle.jsonl").read_text().splitlines()]
    assert [(line["frame"], line["time"]) for line in lines] == [
        ("00003", pytest.approx(3 / 12, abs=1e-4)), ("00005", pytest.approx(5 / 12, abs=1e-4)),
        ("00007", pytest.approx(7 / 12, abs=1e-4)),
    ]  # fmt: skip
    assert [frame.time for frame in VideoFile(folder / "overlay.mp4")] == pytest.approx([0, 1 / 6, 2 / 6], abs=1e-3)
    with av.open(str(folder / "overlay.mp4")) as overlay:
        assert next(overlay.decode(video=0)).time == 0, "a video begins at 0, whatever part of the clip it shows"
    # The same part is finished, another is another thing.
    (same,) = keep_finished(plan_clips([tiny_clip], tmp_path, "resume", Span(0.25, 0.75, 2)), segmenter, ("masks",))
    assert same.finished
    with pytest.raises(GsanetError, match=r"with other settings \(part"):
        keep_finished(plan_clips([tiny_clip], tmp_path, "resume"), segmenter, ("masks",))


def test_a_clip_in_which_nothing_is_found_says_so(
    segmenter: Segmenter, tiny_clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    assert not [line for line in save_all(segmenter, [tiny_clip], tmp_path)[0]["warnings"] if "nothing" in line]
    monkeypatch.setattr(
        "gsanet.segment.result.object_mask", lambda probability, threshold: np.zeros(probability.shape, bool)
    )
    (summary,) = save_all(segmenter, [tiny_clip], tmp_path, "overwrite")
    (line,) = summary["warnings"]
    assert re.search(r"tiny\.mp4: nothing was found: no pixel of any frame is object.*--size.*--save probability", line)
    assert summary["mean_mask_area"] == 0 and [record.getMessage() for record in caplog.records] == [line]


@pytest.mark.parametrize("length", [250, 251])
def test_the_longest_names(
    segmenter: Segmenter, tiny_frames: np.ndarray, tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File systems take 255 bytes, and what is written beside a file has a longer name than the file."""
    folder = tmp_path / ("ä" * (length // 2) + "x" * (length % 2))
    folder.mkdir()
    frames = ["f" * 229 + "1", "f" * 229 + "2"]
    for name, frame in zip(frames, tiny_frames, strict=False):
        write_rgb(folder / f"{name}.png", frame)
    (summary,) = save_all(segmenter, [folder], tmp_path / "out", save=("masks", "overlay"))
    (made,) = (tmp_path / "out").iterdir()
    assert names(made / "masks") == [f"{name}.png" for name in frames]
    assert made.name.startswith("ä" * 100) and summary["clip"] == folder.name
    assert save_all(segmenter, [folder], tmp_path / "out", "resume") == []


def test_colons_in_names(
    segmenter: Segmenter, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg takes a relative path with a colon in it for an address."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_clip, "12:30:45.mp4")
    save_all(segmenter, [Path("12:30:45.mp4")], Path("run:1"), save=("masks", "overlay"))
    assert VideoFile(Path("run:1/12:30:45/overlay.mp4")).length == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12:30:45.mp4", "run:1"]


@pytest.mark.parametrize("where", ["network", "writer"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_is_left_half_written(
    segmenter: Segmenter,
    tiny_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: BaseException,
) -> None:
    save_all(segmenter, [tiny_clip], tmp_path, save=EVERYTHING)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    def failing(result: FrameResult) -> None:
        if result.index == 5:
            raise error

    if where == "writer":
        add = clip_folder.ClipWriter.add
        monkeypatch.setattr(clip_folder.ClipWriter, "add", lambda self, result: (add(self, result), failing(result)))
    else:
        stream = Segmenter.stream

        def interrupted(self, *args, **kwargs):  # type: ignore[no-untyped-def]
            for result in stream(self, *args, **kwargs):
                failing(result)
                yield result

        monkeypatch.setattr(Segmenter, "stream", interrupted)
    shown = GsanetError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(shown) as caught:
        save_all(segmenter, [tiny_clip], tmp_path, "overwrite", EVERYTHING)
    if shown is GsanetError:
        assert "No space left on device" in str(caught.value) and "tiny" in str(caught.value)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


def test_the_rest_of_a_killed_run_is_cleared_away(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    rest = tmp_path / ".tiny.part"
    (rest / "masks").mkdir(parents=True)
    (rest / "masks" / "99999.png").touch()
    save_all(segmenter, [tiny_clip], tmp_path, "resume")
    assert len(names(tmp_path / "tiny" / "masks")) == 12
    assert not rest.exists()


def test_what_to_save() -> None:
    assert parse_kinds(" masks,overlay,masks ") == ("masks", "overlay")
    with pytest.raises(
        GsanetError, match="cannot save maskz: choose from alpha, coco, composite, cutout, flow, ids, masks"
    ):
        parse_kinds("masks,maskz")
    with pytest.raises(GsanetError, match="cannot save nothing"):
        parse_kinds(",")
