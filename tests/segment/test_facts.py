"""Shots and objects in the summary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from movers import FPS, SIZE, draw
from PIL import Image

from gsanet.segment import FrameResult, Segmenter, segment_to_folder
from gsanet.segment.facts import ClipFacts
from gsanet.segment.result import Seen
from gsanet.video.images import PALETTE, write_ids


def facts(shots: list[int], seen: list[tuple[Seen, ...]] | None = None) -> dict[str, list[dict[str, object]]]:
    collected = ClipFacts()
    image, empty = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.float32)
    for t, shot in enumerate(shots):
        objects = () if seen is None else seen[t]
        ids = None if seen is None else np.zeros(SIZE, np.uint16)
        collected.add(FrameResult(t, t / FPS, f"{t:05d}", image, empty, image, {}, ids=ids, objects=objects, shot=shot))
    return collected.summary()


def test_shots_have_times_and_a_flash_is_none() -> None:
    told = facts([0, 0, 0, 1, 1, 0, 0, 1, 1])["shots"]
    assert told == [
        {"first_frame": "00000", "last_frame": "00006", "start": 0.0, "end": 0.3},
        {"first_frame": "00007", "last_frame": "00008", "start": 0.35, "end": 0.4},
    ]
    assert "ids" not in facts([0])


def test_objects_say_when_and_where() -> None:
    pixels = SIZE[0] * SIZE[1]
    seen = [(), (Seen(2, 100, (1, 2, 10, 10), False),), (Seen(2, 300, (4, 5, 30, 10), False), Seen(3, 7, (0, 0, 7, 1)))]
    (two, three) = facts([0, 0, 0], seen)["ids"]
    assert (two["id"], two["picked"], two["frames"], two["first_frame"], two["last_frame"]) == (
        2, False, 2, "00001", "00002"
    )  # fmt: skip
    assert (two["box"], two["box_frame"], two["box_time"]) == ([4, 5, 30, 10], "00002", 0.1)
    assert two["area"] == round(200 / pixels, 6)
    assert (three["picked"], three["first_time"], three["last_time"]) == (True, 0.1, 0.1)


def test_a_cut_and_ids_are_written(segmenter: Segmenter, tmp_path: Path) -> None:
    frames = draw(4, [lambda t: (40 + 4 * t, 50)])[0] + [255 - one for one in draw(3, [lambda t: (90, 50)], seed=7)[0]]
    (tmp_path / "film").mkdir()
    for t, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "film" / f"{t:05d}.png")
    folder = segment_to_folder(tmp_path / "film", tmp_path / "out", segmenter=segmenter, save=["ids", "masks"])
    summary = json.loads((folder / "summary.json").read_text())
    assert [(shot["first_frame"], shot["last_frame"]) for shot in summary["shots"]] == [
        ("00000", "00003"), ("00004", "00006")
    ]  # fmt: skip
    assert "ids" in summary and "object" not in summary["options"]
    for t in range(7):
        written = Image.open(folder / "ids" / f"{t:05d}.png")
        mask = np.asarray(Image.open(folder / "masks" / f"{t:05d}.png")) > 0
        assert written.mode == "P" and ((np.asarray(written) > 0) == mask).all()


def test_the_palette_is_that_of_davis(tmp_path: Path) -> None:
    assert PALETTE[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert PALETTE[255].tolist() == [224, 224, 192]
    write_ids(tmp_path / "a.png", np.array([[0, 1, 255, 256]], np.uint16))
    assert np.asarray(Image.open(tmp_path / "a.png")).tolist() == [[0, 1, 255, 1]]
