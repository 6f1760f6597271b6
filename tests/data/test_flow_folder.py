"""Filling FLOW/: both forms of the layout, stopping and going on, and its errors."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.data import flow_folder
from gsanet.data.flow_folder import Filled, fill_flow
from gsanet.data.layout import sequences
from gsanet.flow import FlowMethod, flow_method, flow_to_picture, sequence_flow
from gsanet.flow.methods import METHODS, Method
from gsanet.flow.vectors import read_vectors
from gsanet.video.images import read_rgb, write_rgb


def video(count: int, seed: int = 0, size: tuple[int, int] = (40, 56)) -> list[NDArray[np.uint8]]:
    """Coarse noise that wanders."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8)
    picture = np.kron(coarse, np.ones((4, 4, 1), np.uint8))
    return [np.roll(picture, (i, 2 * i * (1 + seed)), axis=(0, 1)) for i in range(count)]


def write(folder: Path, frames: list[NDArray[np.uint8]], prefix: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames):
        write_rgb(folder / f"{prefix}{i:05d}.png", frame)


def pictures(frames: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return [flow_to_picture(flow) for flow in sequence_flow(frames, flow_method("dis-fast"))]


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    write(tmp_path / "flat" / "RGB", video(5), "bear_")
    write(tmp_path / "flat" / "RGB", video(4, 1), "boat_")
    write(tmp_path / "flat" / "RGB", video(1, 2), "single_")
    return tmp_path / "flat"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that chunks begin and end everywhere, the last frame alone included."""
    monkeypatch.setattr(flow_folder, "_CHUNK", 2)


def test_flat_sequences_end_where_the_next_begins(flat: Path) -> None:
    assert fill_flow(flat, method="dis-fast") == Filled(written=10, kept=0, sequences=3)
    for sequence, frames in zip(sequences(flat, need_flow=True), (video(5), video(4, 1), video(1, 2)), strict=True):
        for frame, expected in zip(sequence.frames, pictures(frames), strict=True):
            assert frame.flow == flat / "FLOW" / f"{frame.name}.png"
            assert np.array_equal(read_rgb(frame.flow), expected), frame.name
    assert (read_rgb(flat / "FLOW" / "single_00000.png") == 255).all()


def test_a_folder_for_each_sequence(tmp_path: Path) -> None:
    write(tmp_path / "a" / "RGB", video(3))
    write(tmp_path / "b" / "RGB", video(3, 1))
    assert fill_flow(tmp_path, method="dis-fast", jobs=3).written == 6
    for name, frames in (("a", video(3)), ("b", video(3, 1))):
        found = [read_rgb(tmp_path / name / "FLOW" / f"{i:05d}.png") for i in range(3)]
        assert all(np.array_equal(x, y) for x, y in zip(found, pictures(frames), strict=True))


@pytest.mark.parametrize("missing", [[0], [4], [3, 4], [1, 3], [0, 1, 2, 3]])
def test_going_on_makes_what_is_missing_and_touches_nothing_else(flat: Path, missing: list[int]) -> None:
    fill_flow(flat, method="dis-fast")
    files = sorted((flat / "FLOW").iterdir())
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
    for i in missing:
        files[i].unlink()
    assert fill_flow(flat, method="dis-fast") == Filled(len(missing), 10 - len(missing), 3)
    assert sorted((flat / "FLOW").iterdir()) == files
    for i, file in enumerate(files):
        assert file.read_bytes() == before[file][0]
        assert i in missing or file.stat().st_mtime_ns == before[file][1]


def test_pictures_from_elsewhere_are_kept_unless_told_otherwise(flat: Path) -> None:
    (flat / "FLOW").mkdir()
    write_rgb(flat / "FLOW" / "x.png", video(1)[0])
    (flat / "FLOW" / "x.png").rename(flat / "FLOW" / "bear_00001.JPG")
    assert fill_flow(flat, method="dis-fast").kept == 1
    assert not (flat / "FLOW" / "bear_00001.png").exists()
    assert fill_flow(flat, method="dis-fast", overwrite=True) == Filled(10, 0, 3)
    assert not (flat / "FLOW" / "bear_00001.JPG").exists()
    assert np.array_equal(read_rgb(flat / "FLOW" / "bear_00001.png"), pictures(video(5))[1])


def test_out_mirrors_the_form_and_leaves_the_root_alone(tmp_path: Path, flat: Path) -> None:
    write(tmp_path / "nested" / "a" / "RGB", video(2))
    fill_flow(flat, method="dis-fast", out=tmp_path / "o" / "1")
    fill_flow(tmp_path / "nested", method="dis-fast", out=tmp_path / "o" / "2")
    assert len(list((tmp_path / "o" / "1" / "FLOW").iterdir())) == 10
    assert len(list((tmp_path / "o" / "2" / "a" / "FLOW").iterdir())) == 2
    assert not (flat / "FLOW").exists()
    assert not (tmp_path / "nested" / "a" / "FLOW").exists()
    assert fill_flow(flat, out=tmp_path / "o" / "1").kept == 10


def test_vectors_lie_beside_the_pictures_and_draw_them(flat: Path) -> None:
    kinds = ("picture", "flo", "npz")
    assert fill_flow(flat, method="dis-fast", save=kinds) == Filled(10, 0, 3)
    assert sorted(child.name for child in flat.iterdir()) == ["FLOW", "FLOW_RAW", "RGB"]
    for frame, flow in zip(
        sequences(flat, need_flow=True)[0].frames, sequence_flow(video(5), flow_method("dis-fast")), strict=True
    ):
        vectors = read_vectors(flat / "FLOW_RAW" / f"{frame.name}.flo")
        assert np.array_equal(vectors, flow)
        assert frame.flow is not None and np.array_equal(flow_to_picture(vectors), read_rgb(frame.flow))
        assert np.allclose(read_vectors(flat / "FLOW_RAW" / f"{frame.name}.npz"), flow, rtol=2**-11, atol=1e-6)
    # What is there of a frame is kept, what is missing of it is made.
    (flat / "FLOW_RAW" / "bear_00001.flo").unlink()
    before = (flat / "FLOW" / "bear_00001.png").stat().st_mtime_ns
    assert fill_flow(flat, method="dis-fast", save=kinds) == Filled(1, 9, 3)
    assert (flat / "FLOW_RAW" / "bear_00001.flo").exists()
    assert (flat / "FLOW" / "bear_00001.png").stat().st_mtime_ns == before
    assert fill_flow(flat, method="dis-fast", save=["flo"], overwrite=True) == Filled(10, 0, 3)


def test_backward_flow_has_folders_of_its_own(flat: Path) -> None:
    assert fill_flow(flat, method="dis-fast", direction="backward", save=["picture", "flo"]) == Filled(10, 0, 3)
    assert sorted(child.name for child in flat.iterdir()) == ["FLOW_BACKWARD", "FLOW_BACKWARD_RAW", "RGB"]
    backward = list(sequence_flow(video(5), flow_method("dis-fast"), "backward"))
    found = [read_vectors(flat / "FLOW_BACKWARD_RAW" / f"bear_{i:05d}.flo") for i in range(5)]
    assert all(np.array_equal(one, other) for one, other in zip(found, backward, strict=True))
    # Things that go right and down came from the left and above.
    assert (np.median(found[2].reshape(-1, 2), axis=0) < -0.5).all()
    assert fill_flow(flat, method="dis-fast", direction="both") == Filled(10, 10, 3)
    assert fill_flow(flat, method="dis-fast", direction="both") == Filled(0, 20, 3)
    assert np.array_equal(read_rgb(flat / "FLOW_BACKWARD" / "bear_00002.png"), flow_to_picture(found[2]))
    assert len(sequences(flat, need_flow=True)) == 3


def test_smaller_flow_is_scaled_back(flat: Path) -> None:
    fill_flow(flat, method="dis-fast", long_side=28, save=["flo"])
    small = flow_method("dis-fast", long_side=28)
    found = read_vectors(flat / "FLOW_RAW" / "bear_00000.flo")
    assert np.array_equal(found, small(*video(5)[:2]))
    assert not np.array_equal(found, flow_method("dis-fast")(*video(5)[:2]))


class Turns(FlowMethod):
    """Takes pairs in threes, in one thread at a time; counts."""

    batch, parallel = 3, False

    def __init__(self, device: str = "") -> None:
        self.sizes: list[int] = []

    def __call__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.many([(first, second)])[0]

    def many(self, pairs):  # type: ignore[no-untyped-def]
        self.sizes.append(len(pairs))
        return [flow_method("dis-fast")(*pair) for pair in pairs]


def test_a_method_that_likes_batches_gets_them_within_a_sequence(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_folder, "_CHUNK", 32)
    made = Turns()
    pools: list[int] = []
    plain = flow_folder.ThreadPoolExecutor
    monkeypatch.setattr(
        flow_folder,
        "ThreadPoolExecutor",
        lambda max_workers, **other: (pools.append(max_workers), plain(max_workers, **other))[1],
    )
    monkeypatch.setitem(METHODS, "turns", Method(lambda **_: made, ("batch",)))
    assert fill_flow(flat, method="turns", batch=3).written == 10
    assert pools == [3]
    assert sorted(made.sizes) == [0, 1, 2, 3, 3]  # 5 = 3 + 2, 4 = 3 + 1, and the single frame, which stands still
    for i, expected in enumerate(pictures(video(5))):
        assert np.array_equal(read_rgb(flat / "FLOW" / f"bear_{i:05d}.png"), expected)


def test_nothing_is_loaded_when_nothing_is_missing(flat: Path, tmp_path: Path) -> None:
    fill_flow(flat, method="dis-fast")
    assert fill_flow(flat, method="raft-small", weights=tmp_path / "gone.pth").kept == 10
    with pytest.raises(GsanetError, match=r"no such file of (RAFT )?weights: .*gone\.pth"):
        fill_flow(flat, method="raft-small", weights=tmp_path / "gone.pth", overwrite=True)
    assert fill_flow(flat, method="dis-fast").kept == 10


def test_progress_counts_every_frame(flat: Path) -> None:
    calls: list[tuple[int, int]] = []
    fill_flow(flat, method="dis-fast", jobs=4, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 10) for i in range(11)]


def test_being_stopped_leaves_whole_pictures_and_can_go_on(flat: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_flow(flat, method="dis-fast", jobs=1, progress=interrupt)
    assert len(list((flat / "FLOW").iterdir())) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("flow")]
    assert fill_flow(flat, method="dis-fast") == Filled(7, 3, 3)
    assert sequences(flat, need_flow=True)


def test_an_unreadable_frame_is_named(flat: Path) -> None:
    whole = (flat / "RGB" / "bear_00002.png").read_bytes()
    (flat / "RGB" / "bear_00002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GsanetError, match=r"bear_00002\.png cannot be read"):
        fill_flow(flat, method="dis-fast")


def test_frames_of_two_sizes_are_named(flat: Path) -> None:
    write_rgb(flat / "RGB" / "bear_00002.png", video(1, size=(32, 40))[0])
    with pytest.raises(GsanetError, match=r"bear_00002\.png is 40x32 and bear_00000\.png is 56x40"):
        fill_flow(flat, method="dis-fast")
    # Two sequences need not agree.
    write(flat / "RGB", video(5, size=(32, 40)), "bear_")
    assert fill_flow(flat, method="dis-fast").written == 10


def test_a_root_that_cannot_be_written_says_where_else_flow_can_go(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (flat / "FLOW").touch()
    with pytest.raises(GsanetError, match=r"cannot make the folder .*FLOW \(File exists\).* --out DIR"):
        fill_flow(flat)
    (flat / "FLOW").unlink()
    monkeypatch.setattr(flow_folder.os, "access", lambda path, mode: False)
    with pytest.raises(GsanetError, match=r"cannot write into .*FLOW.* --out DIR"):
        fill_flow(flat)


def test_wrong_roots_and_methods(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match="no such folder"):
        fill_flow(tmp_path / "gone")
    with pytest.raises(GsanetError, match="no sequences"):
        fill_flow(tmp_path)
    with pytest.raises(GsanetError, match="unknown flow method 'tvl1': choose one of dis,"):
        fill_flow(tmp_path, method="tvl1")
    with pytest.raises(GsanetError, match="flow by dis takes no weights: that is for raft-small and raft-large"):
        fill_flow(tmp_path, weights=tmp_path / "w.pth")
    with pytest.raises(GsanetError, match="--save knows no exr: choose from picture, flo, npz"):
        fill_flow(tmp_path, save=["picture", "exr"])
    with pytest.raises(GsanetError, match="--direction knows no sideways: choose from forward, backward, both"):
        fill_flow(tmp_path, direction="sideways")
