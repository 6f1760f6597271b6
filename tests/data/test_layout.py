"""The three forms of the layout, and what is said when a folder is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.data.layout import image_pairs, sequences
from gsanet.video.listing import list_images, natural_key


def fill(folder: Path, *names: str, size: tuple[int, int] = (8, 6)) -> None:
    """Tiny pictures of (width, height) *size*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size).save(folder / name, format="PNG")


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    root = tmp_path / "DAVIS_train"
    names = ["goat_00000", "goat_00001", "bmx-bumps_2", "bmx-bumps_10", "bmx-bumps_1"]
    fill(root / "RGB", *(f"{name}.jpg" for name in names))
    fill(root / "GT", *(f"{name}.png" for name in names))
    return root


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    root = tmp_path / "DAVIS_test"
    for sequence in ("surf10", "surf9"):
        for kind in ("RGB", "GT", "FLOW"):
            fill(root / sequence / kind, "00000.png", "00001.PNG")
    return root


def test_pairs_meet_by_name_whatever_the_endings(tmp_path: Path) -> None:
    fill(tmp_path / "RGB", "b.JPEG", "a10.webp", "a9.Png", "sun.v2.tif")
    fill(tmp_path / "GT", "b.png", "a10.PNG", "a9.bmp", "sun.v2.png")
    (tmp_path / "RGB" / "Thumbs.db").touch()
    (tmp_path / "RGB" / "._b.png").touch()
    pairs = image_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["a9", "a10", "b", "sun.v2"]
    assert (pairs[0].rgb, pairs[0].gt) == (tmp_path / "RGB" / "a9.Png", tmp_path / "GT" / "a9.bmp")


def test_flat_sequences_are_split_by_name_and_sorted_by_number(flat: Path) -> None:
    found = sequences(flat, need_gt=True)
    assert [sequence.name for sequence in found] == ["bmx-bumps", "goat"]
    assert [frame.name for frame in found[0].frames] == ["bmx-bumps_1", "bmx-bumps_2", "bmx-bumps_10"]
    assert found[0].frames[0].gt == flat / "GT" / "bmx-bumps_1.png"
    assert found[0].frames[0].flow is None
    assert {sequence.folder for sequence in found} == {flat}


def test_a_folder_for_each_sequence(nested: Path) -> None:
    found = sequences(nested, need_gt=True, need_flow=True)
    assert [sequence.name for sequence in found] == ["surf9", "surf10"]
    assert [frame.name for frame in found[0].frames] == ["00000", "00001"]
    assert found[1].frames[1].flow == nested / "surf10" / "FLOW" / "00001.PNG"
    assert found[1].folder == nested / "surf10"


def test_a_single_sequence_of_plain_numbers(tmp_path: Path) -> None:
    fill(tmp_path / "cat" / "RGB", "frame10.png", "frame9.png")
    (found,) = sequences(tmp_path / "cat")
    assert (found.name, [frame.name for frame in found.frames]) == ("cat", ["frame9", "frame10"])
    assert [s.name for s in sequences(tmp_path)] == ["cat"]


def test_what_is_optional_may_be_there_in_part(nested: Path) -> None:
    (nested / "surf9" / "GT" / "00000.png").unlink()
    (nested / "surf9" / "FLOW" / "00001.PNG").unlink()
    frames = sequences(nested)[0].frames
    assert [frame.gt is None for frame in frames] == [True, False]
    assert [frame.flow is None for frame in frames] == [False, True]


def test_flow_may_lie_elsewhere(flat: Path, nested: Path, tmp_path: Path) -> None:
    fill(tmp_path / "o" / "FLOW", *(f"{p.stem}.png" for p in (flat / "RGB").iterdir()))
    found = sequences(flat, need_flow=True, flow_root=tmp_path / "o")
    assert found[1].frames[0].flow == tmp_path / "o" / "FLOW" / "goat_00000.png"
    (nested / "surf9" / "FLOW").rename(tmp_path / "o" / "surf9")
    with pytest.raises(
        GsanetError, match=r"2 of 2 pictures in .*surf9/RGB have no file of that name in .*o/surf9/FLOW"
    ):
        sequences(nested, need_flow=True, flow_root=tmp_path / "o")


def test_natural_order() -> None:
    names = ["a10", "a9", "a09", "b1", "a", "10", "9", "a9b2", "a9b10"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "a09", "a9", "a9b2", "a9b10", "a10", "b1"]


def test_missing_masks_are_counted_and_named(flat: Path) -> None:
    (flat / "GT" / "goat_00001.png").unlink()
    for load in (image_pairs, lambda root: sequences(root, need_gt=True)):
        with pytest.raises(GsanetError, match=r"1 of 5 pictures in .*RGB have no file .*GT \(goat_00001\.jpg\)"):
            load(flat)
    assert len(sequences(flat)) == 2


def test_masks_without_a_picture_are_named(flat: Path) -> None:
    (flat / "RGB" / "goat_00001.jpg").unlink()
    for load in (image_pairs, sequences):
        with pytest.raises(GsanetError, match=r"1 of 5 files in .*GT have no picture .*\(goat_00001\.png\)"):
            load(flat)


def test_missing_flow_says_which_command_makes_it(flat: Path) -> None:
    with pytest.raises(GsanetError, match=r"5 of 5 pictures .*FLOW \(bmx-bumps_1\.jpg, .*\): `gsanet flow`"):
        sequences(flat, need_flow=True)


def test_two_endings_of_one_name(flat: Path) -> None:
    fill(flat / "RGB", "goat_00001.png")
    with pytest.raises(GsanetError, match=r"RGB holds both goat_00001\.jpg and goat_00001\.png"):
        sequences(flat)


def test_sizes_are_checked_unless_told_otherwise(flat: Path, nested: Path) -> None:
    fill(flat / "GT", "goat_00001.png", size=(6, 8))
    message = r"GT/goat_00001\.png is 6x8 and its picture .*goat_00001\.jpg is 8x6"
    for load in (image_pairs, sequences):
        with pytest.raises(GsanetError, match=message):
            load(flat)
        assert load(flat, check_sizes=False)
    fill(nested / "surf9" / "FLOW", "00000.png", size=(4, 3))
    with pytest.raises(GsanetError, match=r"surf9/FLOW/00000\.png is 4x3"):
        sequences(nested)


def test_a_broken_header_is_found_by_the_size_check(flat: Path) -> None:
    (flat / "RGB" / "goat_00000.jpg").write_bytes(b"")
    with pytest.raises(GsanetError, match=r"goat_00000\.jpg is empty"):
        sequences(flat)


def test_wrong_layouts(tmp_path: Path) -> None:
    def says(match: str, load: object = sequences) -> None:
        assert callable(load)
        with pytest.raises(GsanetError, match=match) as caught:
            load(tmp_path / "root")
        assert "\n" not in str(caught.value)

    root = tmp_path / "root"
    says("no such folder: .*root")
    root.touch()
    says("root is a file, not a folder")
    root.unlink()
    root.mkdir()
    says("no sequences in .*root: expected ROOT/RGB")
    says("root has no RGB folder", image_pairs)
    fill(root / "rgb", "a_0.png")
    says(r"no sequences in .*root \(found rgb\): expected ROOT/RGB")
    (root / "rgb" / "a_0.png").unlink()
    (root / "rgb").rmdir()
    (root / "RGB").mkdir()
    says("no pictures in .*RGB")
    fill(root / "RGB" / "bear", "00000.png")
    says(r"no pictures in .*RGB; it holds folders \(bear\)")
    fill(root / "RGB", "00000.png")
    says("no such folder: .*root/GT", image_pairs)
    fill(root / "bear" / "RGB", "00000.png")
    says("root holds both RGB and bear/RGB")


def test_a_sequence_folder_without_pictures(nested: Path) -> None:
    (nested / "surf9" / "RGB").rename(nested / "surf9" / "JPEGImages")
    with pytest.raises(GsanetError, match=r"surf9 has no RGB folder \(found FLOW, GT, JPEGImages\)"):
        sequences(nested)


def test_sequences_are_never_run_together(tmp_path: Path) -> None:
    """Names that do not say where one sequence ends must not become one long video."""
    fill(tmp_path / "dashes" / "RGB", "bear-00000.png", "bear-00001.png", "boat-00000.png")
    with pytest.raises(GsanetError, match=r"3 of 3 names do not end in _<number> \(bear-00000, "):
        sequences(tmp_path / "dashes")
    fill(tmp_path / "sets" / "train" / "RGB", "bear_00000.png", "boat_00000.png")
    with pytest.raises(GsanetError, match=r"train looks like a data set, not a sequence.*2 sequences \(bear, boat\)"):
        sequences(tmp_path / "sets")


def test_list_images_of_nothing(tmp_path: Path) -> None:
    assert list_images(tmp_path, empty=True) == {}
    assert list_images(tmp_path / "gone", empty=True) == {}
    with pytest.raises(GsanetError, match="no such folder"):
        list_images(tmp_path / "gone")
