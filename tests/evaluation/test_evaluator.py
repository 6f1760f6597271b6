"""Whole runs: agreement with the field's tools, averages, and mistakes that must not become numbers."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from discs import LENGTHS, SIZE, disc, predicted_masks, truth_masks, write_grey, write_masks
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.evaluation import Result, evaluate
from gsanet.evaluation.evaluator import class_of
from gsanet.evaluation.measures import region_similarity


def test_davis_agrees_with_vos_benchmark(gt: Path, pred: Path, worse: Path, tmp_path: Path) -> None:
    benchmark = pytest.importorskip("vos_benchmark.benchmark", reason="vos-benchmark is not installed")
    for name in LENGTHS:
        shutil.copytree(gt / name / "GT", tmp_path / "plain" / name)
    for run in (pred, worse):
        result = evaluate(run, gt).result
        if run == pred:
            run = tmp_path / "moved"
            for name in LENGTHS:
                shutil.copytree(pred / name / "masks", run / name)
        _, (j,), (f,), (objects,) = benchmark.benchmark([str(tmp_path / "plain")], [str(run)], verbose=False)
        assert abs(100 * result.overall["J"] - j) < 1e-6
        assert abs(100 * result.overall["F"] - f) < 1e-6
        for sequence in result.sequences:
            assert abs(100 * sequence.summary["J"] - objects[sequence.name][0][255]) < 1e-6
            assert abs(100 * sequence.summary["F"] - objects[sequence.name][1][255]) < 1e-6


def test_frames_sequences_and_the_headline(gt: Path, pred: Path) -> None:
    result = evaluate(pred, gt).result
    assert result.name == "ours"
    assert [len(s.frames) for s in result.sequences] == [n - 2 for n in LENGTHS.values()]
    assert result.sequences[0].frames[0] == "00001"
    expected = [
        np.mean([region_similarity(p, g) for p, g in zip(predicted_masks(n), truth_masks(n), strict=True)][1:-1])
        for n in LENGTHS
    ]
    assert result.overall["J"] == pytest.approx(np.mean(expected))
    assert result.overall["J&F"] == pytest.approx((result.overall["J"] + result.overall["F"]) / 2)
    assert any("Frames 2 to L-1" in sentence for sentence in result.choices)
    everything = evaluate(pred, gt, frames="all").result
    assert everything.frames == sum(LENGTHS.values())


def test_processes_give_the_same_and_report_progress(gt: Path, pred: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    alone = evaluate(pred, gt).result
    shared = evaluate(pred, gt, workers=2, progress=lambda *step: seen.append(step)).result
    assert [s.values for s in shared.sequences] == [s.values for s in alone.sequences]
    assert [s.name for s in shared.sequences] == list(LENGTHS)
    assert sorted(name for name, _, _ in seen) == list(LENGTHS)
    assert seen[-1][1:] == (20, 20)


def test_an_error_in_another_process_is_still_one_line(gt: Path, pred: Path) -> None:
    write_grey(pred / "goat" / "masks" / "00002.png", disc(10, 10, 5)[:30])
    with pytest.raises(GsanetError, match="80x30 and its ground truth 80x48"):
        evaluate(pred, gt, workers=2)


def test_json_round_trip(gt: Path, pred: Path, tmp_path: Path) -> None:
    result = evaluate(pred, gt, protocol_name="youtube-objects").result
    result.overall["nothing"] = math.nan
    result.save(tmp_path / "r.json")
    again = Result.load(tmp_path / "r.json")
    assert again.overall["J"] == pytest.approx(result.overall["J"], abs=1e-6)
    assert math.isnan(again.overall["nothing"])
    assert again.sequences[1].frames == result.sequences[1].frames
    assert str(tmp_path) not in (tmp_path / "r.json").read_text()
    (tmp_path / "other.json").write_text(json.dumps({"J": 1}))
    with pytest.raises(GsanetError, match="was not written by"):
        Result.load(tmp_path / "other.json")


def test_fbms_leaves_out_empty_frames_unless_told(gt: Path, pred: Path) -> None:
    empty = np.zeros(SIZE, bool)
    write_grey(gt / "duck" / "GT" / "00003.png", empty)
    write_grey(pred / "duck" / "masks" / "00003.png", empty)
    usual = evaluate(pred, gt, protocol_name="fbms").result.sequences[0]
    assert usual.skipped == ["00003"]
    assert "00003" not in usual.frames
    kept = evaluate(pred, gt, protocol_name="fbms", keep_empty=True).result.sequences[0]
    assert kept.values["J"][3] == 1
    assert kept.summary["J"] > usual.summary["J"]


def test_a_sequence_without_any_object_is_left_out_and_said(gt: Path, pred: Path) -> None:
    write_masks(gt / "goat" / "GT", [np.zeros(SIZE, bool)] * LENGTHS["goat"])
    result = evaluate(pred, gt, protocol_name="fbms").result
    assert [s.name for s in result.sequences] == ["duck", "swan"]
    assert any(w.startswith("goat: no frame counts") for w in result.warnings)


def test_youtube_objects_has_both_means(tmp_path: Path) -> None:
    # Two good cats and one bad dog: 2/3 good over sequences, half over classes.
    for name in ("cat/01", "cat/02", "dog/01"):
        write_masks(tmp_path / "gt" / name, truth_masks("goat"))
        good = name.startswith("cat")
        write_masks(tmp_path / "p" / name, truth_masks("goat") if good else [disc(75, 3, 3)] * LENGTHS["goat"])
    overall = evaluate(tmp_path / "p", tmp_path / "gt", protocol_name="youtube-objects").result.overall
    assert overall["J"] == pytest.approx(2 / 3)
    assert overall["J_class"] == pytest.approx(1 / 2)
    assert [class_of(n) for n in ("cat/01", "cat_01", "cat0001", "cat-01_x")] == ["cat"] * 4


def test_davis17_merges_objects_and_leaves_void_out(gt: Path, pred: Path) -> None:
    masks = truth_masks("swan")
    for i, mask in enumerate(masks):
        labels = mask.astype(np.uint8)
        labels[:, 24:] *= 2
        labels[:6] = 255
        image = Image.fromarray(labels)
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [224, 224, 192] * 253)
        image.save(gt / "swan" / "GT" / f"{i:05d}.png")
        painted = mask.copy()
        painted[:6] = True
        write_grey(pred / "swan" / "masks" / f"{i:05d}.png", painted)
    with pytest.raises(GsanetError, match="holds 3 objects"):
        evaluate(pred, gt, sequences=["swan"])
    result = evaluate(pred, gt, protocol_name="davis17-merged", sequences=["swan"]).result
    assert result.overall["J"] == 1


def test_soft_maps_need_a_threshold_and_masks_must_not_have_one(gt: Path, pred: Path) -> None:
    rng = np.random.default_rng(0)
    for i, mask in enumerate(truth_masks("duck")):
        soft = np.where(mask, rng.integers(140, 255, SIZE), rng.integers(0, 110, SIZE)).astype(np.uint8)
        Image.fromarray(soft).save(pred / "duck" / "masks" / f"{i:05d}.png")
    with pytest.raises(GsanetError, match=r"duck.*soft map.*--threshold"):
        evaluate(pred, gt)
    assert evaluate(pred, gt, threshold=0.5, sequences=["duck"]).result.overall["J"] == 1
    for i, mask in enumerate(truth_masks("swan")):
        Image.fromarray(mask.astype(np.uint8)).save(pred / "swan" / "masks" / f"{i:05d}.png")
    assert evaluate(pred, gt, sequences=["swan"]).result.overall["J"] == 1
    with pytest.raises(GsanetError, match="masks of 0 and 1"):
        evaluate(pred, gt, threshold=0.5, sequences=["swan"])
    with pytest.raises(GsanetError, match="share of white"):
        evaluate(pred, gt, threshold=128)


def test_inverted_and_empty_predictions_are_noticed(gt: Path, pred: Path) -> None:
    write_masks(pred / "duck" / "masks", [~m for m in truth_masks("duck")])
    write_masks(pred / "goat" / "masks", [np.zeros(SIZE, bool)] * LENGTHS["goat"])
    warnings = evaluate(pred, gt).result.warnings
    assert any(w.startswith("duck: ") and "inverted" in w for w in warnings)
    assert any(w == "goat: every prediction is empty" for w in warnings)


def test_a_truth_that_is_empty_throughout_is_named(gt: Path, pred: Path) -> None:
    write_masks(gt / "goat" / "GT", [np.zeros(SIZE, bool)] * LENGTHS["goat"])
    warnings = evaluate(pred, gt).result.warnings
    assert warnings == ["goat: every ground-truth mask is empty (GT/00001.png is the first)"]


def test_what_is_assumed_of_several_sequences_is_said_once(gt: Path, pred: Path) -> None:
    for name in LENGTHS:
        for i, mask in enumerate(truth_masks(name)):
            Image.fromarray(np.where(mask, np.where(np.arange(SIZE[1]) < 40, 38, 75), 0).astype(np.uint8)).save(
                gt / name / "GT" / f"{i:05d}.png"
            )
    result = evaluate(pred, gt, protocol_name="segtrack2").result
    assert result.warnings == ["duck, goat, swan: few grey values in areas are labels: every one but 0 is object"]
    assert result.overall["J"] == pytest.approx(evaluate(pred, gt, merge=True, frames="all").result.overall["J"])


def test_sizes_are_fitted_only_when_asked(gt: Path, pred: Path) -> None:
    for path in (pred / "duck" / "masks").iterdir():
        Image.open(path).resize((160, 96), Image.Resampling.NEAREST).save(path)
    with pytest.raises(GsanetError, match=r"160x96 .*80x48.*--resize"):
        evaluate(pred, gt)
    fitted = evaluate(pred, gt, resize=True).result
    assert fitted.sequences[0].summary["J"] > 0.6
    assert any("stretched to the ground truth's" in sentence for sentence in fitted.choices)


def test_too_short_for_the_protocol(tmp_path: Path) -> None:
    write_masks(tmp_path / "gt" / "a", truth_masks("duck")[:2])
    write_masks(tmp_path / "p" / "a", truth_masks("duck")[:2])
    with pytest.raises(GsanetError, match="2 annotated frame"):
        evaluate(tmp_path / "p", tmp_path / "gt")
    assert evaluate(tmp_path / "p", tmp_path / "gt", frames="all").result.overall["J&F"] == 1


def test_unknown_choices(gt: Path, pred: Path) -> None:
    with pytest.raises(GsanetError, match=r"unknown protocol 'davis'.*davis16"):
        evaluate(pred, gt, protocol_name="davis")
    with pytest.raises(GsanetError, match="'all' or 'inner'"):
        evaluate(pred, gt, frames="some")


def test_stability_is_one_for_masks_that_move_with_the_picture(gt: Path, pred: Path, tmp_path: Path) -> None:
    for name in LENGTHS:
        write_masks(tmp_path / "still" / name, [truth_masks(name)[0]] * LENGTHS[name])
    moving = evaluate(gt, gt, stability=True).result.overall
    still = evaluate(tmp_path / "still", gt, stability=True).result.overall
    assert moving["stability"] == pytest.approx(moving["stability_gt"])
    assert moving["stability"] > 0.85
    assert still["stability"] < moving["stability"] - 0.1
    for name in LENGTHS:
        shutil.rmtree(gt / name / "RGB")
    with pytest.raises(GsanetError, match=r"needs the pictures.*--rgb"):
        evaluate(pred, gt, stability=True)
