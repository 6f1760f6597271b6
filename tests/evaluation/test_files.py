"""Predictions and ground truth find each other in every layout, and are never matched by accident."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from discs import LENGTHS, disc, predicted_masks, truth_masks, write_grey, write_masks, write_truth

from gsanet.base.errors import GsanetError
from gsanet.evaluation.files import find_predictions, find_truth
from gsanet.evaluation.pairing import pair_sequences
from gsanet.evaluation.protocols import protocol

DAVIS = protocol("davis16")


def davis_root(root: Path, *, year: str = "2016", listing: str = "duck\nswan\n", res: str = "480p") -> Path:
    for name in LENGTHS:
        write_masks(root / "Annotations" / res / name, truth_masks(name))
        write_masks(root / "JPEGImages" / res / name, truth_masks(name))
    (root / "ImageSets" / year).mkdir(parents=True)
    (root / "ImageSets" / year / "val.txt").write_text(listing)
    return root


def names(root: Path, protocol_name: str = "davis16", **options: str) -> dict[str, int]:
    truth = find_truth(root, protocol(protocol_name), **options)
    return {name: len(frames) for name, frames in truth.sequences.items()}


def test_data_layout_finds_masks_and_pictures(gt: Path) -> None:
    truth = find_truth(gt, DAVIS)
    assert {k: len(v) for k, v in truth.sequences.items()} == LENGTHS
    assert truth.rgb["duck"]["00003"] == gt / "duck" / "RGB" / "00003.png"


def test_flat_layout_is_split_by_name(tmp_path: Path) -> None:
    for kind in ("GT", "RGB"):
        for name in ("duck", "snow_board"):
            for i, mask in enumerate(truth_masks("duck")):
                write_grey(tmp_path / kind / f"{name}_{i:05d}.png", mask)
    truth = find_truth(tmp_path, DAVIS)
    assert {k: len(v) for k, v in truth.sequences.items()} == {"duck": 9, "snow_board": 9}
    assert truth.rgb["snow_board"]["00004"].name == "snow_board_00004.png"


def test_official_roots_of_both_years(tmp_path: Path) -> None:
    assert names(davis_root(tmp_path / "a")) == {"duck": 9, "swan": 6}
    old = "/JPEGImages/480p/goat/00000.jpg /Annotations/480p/goat/00000.png\n" * 2
    assert names(davis_root(tmp_path / "b", year="480p", listing=old)) == {"goat": 5}
    newer = davis_root(tmp_path / "c", year="2017", listing="swan\n")
    assert names(newer, "davis17-merged") == {"swan": 6}
    with pytest.raises(GsanetError, match=r"ImageSets/2016/val\.txt"):
        names(newer)
    (newer / "ImageSets" / "2016").mkdir()
    (newer / "ImageSets" / "2016" / "val.txt").write_text("duck\n")
    assert "DAVIS-2017 root" in find_truth(newer, DAVIS).warnings[0]
    with pytest.raises(GsanetError, match="lists duck"):
        shutil.rmtree(newer / "Annotations" / "480p" / "duck")
        find_truth(newer, DAVIS)


def test_plain_folders_annotations_and_classes(tmp_path: Path) -> None:
    for name in ("cat/0001", "cat/0002", "dog/0001"):
        write_masks(tmp_path / "nested" / name, truth_masks("goat"))
    assert names(tmp_path / "nested") == {"cat/0001": 5, "cat/0002": 5, "dog/0001": 5}
    write_masks(tmp_path / "clean" / "Annotations" / "swan", truth_masks("swan"))
    assert names(tmp_path / "clean") == {"swan": 6}


def test_predictions_with_and_without_masks_folder_and_flat(pred: Path, worse: Path, tmp_path: Path) -> None:
    (pred / "duck" / "overlay").mkdir()
    assert {k: len(v) for k, v in find_predictions(pred).items()} == LENGTHS
    assert {k: len(v) for k, v in find_predictions(worse).items()} == LENGTHS
    for name in LENGTHS:
        for i, mask in enumerate(predicted_masks(name)):
            write_grey(tmp_path / "flat" / f"{name}_{i:05d}.png", mask)
    assert {k: len(v) for k, v in find_predictions(tmp_path / "flat").items()} == LENGTHS


def test_one_sequence_against_one_needs_no_names(tmp_path: Path) -> None:
    write_masks(tmp_path / "masks", predicted_masks("duck"))
    write_masks(tmp_path / "anything", truth_masks("duck"))
    files, warnings = pair_sequences(
        find_truth(tmp_path / "anything", DAVIS), find_predictions(tmp_path / "masks"), DAVIS
    )
    assert [f.name for f in files] == ["anything"]
    assert list(files[0].pred) == list(files[0].gt)
    assert warnings == []


def test_missing_sequences_are_an_error_and_extra_ones_a_warning(gt: Path, pred: Path) -> None:
    write_masks(pred / "stranger" / "masks", predicted_masks("duck"))
    _, warnings = pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)
    assert "1 predicted sequence(s) without ground truth were left out: stranger" in warnings[0]
    shutil.rmtree(pred / "swan")
    with pytest.raises(GsanetError, match="no prediction for 1 of 3 sequences: swan"):
        pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)
    files, _ = pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS, ["goat", "duck"])
    assert [f.name for f in files] == ["goat", "duck"]
    with pytest.raises(GsanetError, match="no ground truth for horse"):
        pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS, ["horse"])


def test_a_missing_frame_counts_only_where_the_protocol_looks(gt: Path, pred: Path) -> None:
    (pred / "duck" / "masks" / "00008.png").unlink()
    _, warnings = pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)
    assert "00008, which the protocol leaves out anyway" in warnings[0]
    with pytest.raises(GsanetError, match="duck: no prediction for 1 of 9 annotated frames: 00008"):
        pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), protocol("segtrack2"))
    (pred / "duck" / "masks" / "00004.png").unlink()
    with pytest.raises(GsanetError, match=r"00004, 00008|annotated frames: 00004"):
        pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)


def test_shifted_numbers_are_not_averaged(gt: Path, pred: Path) -> None:
    """1-based predictions against 0-based truth: frames 2 to L-1 all exist, one frame off."""
    shutil.rmtree(pred / "goat" / "masks")
    write_masks(pred / "goat" / "masks", predicted_masks("goat"), first=1)
    with pytest.raises(GsanetError, match=r"goat: .*look shifted"):
        pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)


def test_other_names_but_as_many_are_matched_in_order(gt: Path, pred: Path) -> None:
    shutil.rmtree(pred / "goat" / "masks")
    for i, mask in enumerate(predicted_masks("goat")):
        write_grey(pred / "goat" / "masks" / f"frame{i + 1}.png", mask)
    files, warnings = pair_sequences(find_truth(gt, DAVIS), find_predictions(pred), DAVIS)
    goat = next(f for f in files if f.name == "goat")
    assert goat.pred["00003"].name == "frame4.png"
    assert warnings == ["goat: frame names differ from the ground truth's; matched in order"]


def test_sparse_annotation_ignores_predictions_between(gt: Path, pred: Path) -> None:
    for i in (1, 2, 3, 5, 6, 7):
        (gt / "duck" / "GT" / f"{i:05d}.png").unlink()
    rules = protocol("fbms")
    files, warnings = pair_sequences(find_truth(gt, rules), find_predictions(pred), rules)
    duck = next(f for f in files if f.name == "duck")
    assert list(duck.gt) == ["00000", "00004", "00008"]
    assert warnings == []
    # Numbered from 1 by another tool: as many as pictures, so the order decides although few frames are annotated.
    shutil.rmtree(pred / "duck" / "masks")
    for i, mask in enumerate(predicted_masks("duck")):
        write_grey(pred / "duck" / "masks" / f"{i + 1}.png", mask)
    files, warnings = pair_sequences(find_truth(gt, rules), find_predictions(pred), rules)
    duck = next(f for f in files if f.name == "duck")
    assert duck.pred["00004"].name == "5.png"
    assert len(warnings) == 1


def test_pictures_can_be_elsewhere(tmp_path: Path, pred: Path) -> None:
    write_truth(tmp_path / "full")
    for name in LENGTHS:
        shutil.copytree(tmp_path / "full" / name / "GT", tmp_path / "bare" / name)
    truth = find_truth(tmp_path / "bare", DAVIS, rgb=tmp_path / "full")
    assert {k: len(v) for k, v in truth.rgb.items()} == LENGTHS


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match="no such folder of ground truth"):
        find_truth(tmp_path / "nowhere", DAVIS)
    with pytest.raises(GsanetError, match="no ground-truth masks"):
        find_truth(tmp_path, DAVIS)
    with pytest.raises(GsanetError, match="no such folder of predictions"):
        find_predictions(tmp_path / "nowhere")
    with pytest.raises(GsanetError, match="no masks in"):
        find_predictions(tmp_path)
    write_grey(tmp_path / "swan" / "1.png", disc(10, 10, 4))
    (tmp_path / "swan" / "1.bmp").write_bytes(b"")
    with pytest.raises(GsanetError, match=r"both 1\.bmp and 1\.png"):
        find_predictions(tmp_path)
