"""A session kept on disk gives the same numbers, and is never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gsanet.export import session_cache
from gsanet.export.frame_network import FrameNetwork
from gsanet.weights.packaged import find_weights


@pytest.fixture(scope="module")
def weights() -> Path:
    with find_weights("lite") as file:
        return file


def answer(network: FrameNetwork) -> np.ndarray:
    rng = np.random.default_rng(0)
    rgb, flow = rng.integers(0, 255, (2, 64, 96, 3), dtype=np.uint8)
    return network.step(rgb, flow, slots=False)["probability"]


def test_the_second_time_it_is_opened_and_says_the_same(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = answer(FrameNetwork.open(weights))
    folder = tmp_path / "not" / "there"
    first = FrameNetwork.open(weights, cache=folder)
    (file,) = folder.iterdir()
    assert file.suffix == ".ort"
    np.testing.assert_array_equal(answer(first), plain)
    # Now the weights are not even read.
    monkeypatch.setattr("gsanet.export.frame_network.read_arrays", lambda file: pytest.fail("they were read"))
    again = FrameNetwork.open(weights, cache=folder)
    np.testing.assert_array_equal(answer(again), plain)
    assert (again.config, again.info) == (first.config, first.info)


def test_what_is_damaged_is_made_again(weights: Path, tmp_path: Path) -> None:
    plain = answer(FrameNetwork.open(weights, cache=tmp_path))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    np.testing.assert_array_equal(answer(FrameNetwork.open(weights, cache=tmp_path)), plain)
    # ONNX Runtime does not write the same bytes every time: the order of names varies, and with it what pads them.
    assert [one.stat().st_size for one in tmp_path.iterdir()] == [pytest.approx(len(whole), abs=4096)]


def test_where_nothing_can_be_written_it_works_all_the_same(weights: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    assert np.isfinite(answer(FrameNetwork.open(weights, cache=in_the_way))).all()
    assert in_the_way.read_text() == "no folder"


def test_other_weights_library_or_processor_have_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")

    def name(weights: Path = one, graph: bytes = b"graph") -> str:
        return session_cache.SessionCache(tmp_path, weights, graph).file.name

    names = [name(), name(other), name(one, b"another")]
    monkeypatch.setattr(session_cache, "_processor", lambda: "flags: none")
    names.append(name())
    monkeypatch.setattr("importlib.metadata.version", lambda package: "0.0.0")
    names.append(name())
    assert len(set(names)) == len(names)


def test_weights_that_were_changed_have_another_file(tmp_path: Path) -> None:
    weights = tmp_path / "weights"

    def name(data: bytes, time: int) -> str:
        weights.write_bytes(data)
        os.utime(weights, ns=(time, time))
        return session_cache.SessionCache(tmp_path, weights, b"graph").file.name

    plain = bytes(10_000_000)
    names = [name(plain, 1), name(plain[:-1], 1), name(plain[:-1] + b"1", 1), name(b"1" + plain[1:], 1), name(plain, 2)]
    assert len(set(names)) == len(names)
    assert name(plain, 1) == names[0]


def test_old_ones_go(weights: Path, tmp_path: Path) -> None:
    for age in range(6):
        old = tmp_path / f"{age}.ort"
        old.write_bytes(b"")
        os.utime(old, (age, age))
    FrameNetwork.open(weights, cache=tmp_path)
    kept = {file.name for file in tmp_path.iterdir()}
    assert len(kept) == 4
    assert {"5.ort", "4.ort", "3.ort"} < kept
