"""Flow vectors on disk, to the byte."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.flow.vectors import list_vectors, read_vectors, write_vectors

FLOW = np.array([[[1, -2], [0.5, 0]], [[3, 4], [-5, 6]], [[0, 0], [1e-3, 1234.5]]], np.float32)
"""(3,2,2)"""

BYTES = b"PIEH" + struct.pack("<ii", 2, 3) + struct.pack("<12f", 1, -2, 0.5, 0, 3, 4, -5, 6, 0, 0, 1e-3, 1234.5)
"""The same by hand: magic, width, height, then u and v row by row."""


def test_flo_is_middleburys_to_the_byte(tmp_path: Path) -> None:
    write_vectors(tmp_path / "a.flo", FLOW)
    assert (tmp_path / "a.flo").read_bytes() == BYTES
    assert struct.unpack("<f", BYTES[:4])[0] == 202021.25
    assert np.array_equal(read_vectors(tmp_path / "a.flo"), FLOW)
    assert [file.name for file in tmp_path.iterdir()] == ["a.flo"]


@pytest.mark.skipif(not hasattr(cv2, "readOpticalFlow"), reason="this OpenCV has no readOpticalFlow")
def test_flo_is_opencvs_both_ways(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(size=(7, 13, 2)).astype(np.float32)
    write_vectors(tmp_path / "ours.flo", flow)
    assert np.array_equal(cv2.readOpticalFlow(str(tmp_path / "ours.flo")), flow)
    assert cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), flow)
    assert (tmp_path / "theirs.flo").read_bytes() == (tmp_path / "ours.flo").read_bytes()


def test_any_array_is_written_in_order(tmp_path: Path) -> None:
    for odd in (FLOW.astype(">f8"), np.asfortranarray(FLOW), FLOW[::-1][::-1]):
        write_vectors(tmp_path / "a.flo", odd)
        assert (tmp_path / "a.flo").read_bytes() == BYTES


def test_npz_keeps_eleven_bits(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(size=(40, 50, 2)).astype(np.float32) * 30
    flow[0, 0] = 1e6, np.nan
    write_vectors(tmp_path / "a.npz", flow)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive.files == ["flow"] and archive["flow"].dtype == np.float16
    read = read_vectors(tmp_path / "a.npz")
    assert read.dtype == np.float32
    assert read[0, 0, 0] == 65504 and np.isnan(read[0, 0, 1])
    assert np.allclose(read[1:], flow[1:], rtol=2**-11, atol=1e-6)
    still = np.zeros((400, 400, 2), np.float32)
    write_vectors(tmp_path / "still.npz", still)
    assert (tmp_path / "still.npz").stat().st_size < 5000


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "does not begin with the letters PIEH"),
        (b"HEIP" + BYTES[4:], "does not begin with the letters PIEH"),
        (BYTES[:9], "ends within its head"),
        (BYTES[:-1], "says 2x3 and has 59 bytes"),
        (BYTES + b"x", "says 2x3 and has 61 bytes"),
        (b"PIEH" + struct.pack("<ii", -1, 3), "says -1x3"),
    ],
)
def test_a_damaged_flo_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.flo").write_bytes(content)
    with pytest.raises(GsanetError, match=rf"a\.flo cannot be read as flow vectors \(it {why}"):
        read_vectors(tmp_path / "a.flo")


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    write_vectors(tmp_path / "whole.npz", FLOW)
    whole = (tmp_path / "whole.npz").read_bytes()
    np.savez(tmp_path / "name.npz", vectors=FLOW)
    np.savez(tmp_path / "shape.npz", flow=FLOW[..., 0])
    np.savez(tmp_path / "pickle.npz", flow=np.array([{"a": 1}]), allow_pickle=True)
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, FLOW)
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npz").touch()
    (tmp_path / "noise.npz").write_bytes(b"noise" * 30)
    for name in ("name", "shape", "pickle", "array", "cut", "empty", "noise"):
        with pytest.raises(GsanetError, match=rf"{name}\.npz cannot be read as flow vectors \("):
            read_vectors(tmp_path / f"{name}.npz")
    with pytest.raises(GsanetError, match="no such file"):
        read_vectors(tmp_path / "gone.npz")


def test_names_and_shapes_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"a\.exr names no form of flow vectors: endings are \.flo and \.npz"):
        write_vectors(tmp_path / "a.exr", FLOW)
    with pytest.raises(ValueError, match=r"H,W,2"):
        write_vectors(tmp_path / "a.flo", FLOW[..., :1])
    with pytest.raises(GsanetError, match=r"cannot write .*a\.flo: No such file or directory"):
        write_vectors(tmp_path / "gone" / "a.flo", FLOW)


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vectors(tmp_path / "a.npz", FLOW)
    before = (tmp_path / "a.npz").read_bytes()

    def full(file: object, **_: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(GsanetError, match=r"cannot write .*a\.npz: No space left on device"):
        write_vectors(tmp_path / "a.npz", FLOW * 2)
    assert (tmp_path / "a.npz").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_the_exact_one_of_two_is_listed(tmp_path: Path) -> None:
    for name in ("b.npz", "a.flo", "a.npz"):
        write_vectors(tmp_path / name, FLOW)
    (tmp_path / ".c.flo.1-2.part").touch()
    (tmp_path / "d.png").touch()
    assert list_vectors(tmp_path) == {"a": tmp_path / "a.flo", "b": tmp_path / "b.npz"}
    assert list_vectors(tmp_path / "gone") == {}
