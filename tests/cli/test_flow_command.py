"""``gsanet flow`` as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typed import gsanet

from gsanet.video.images import read_rgb, write_rgb


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "RGB").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    for i in range(3):
        write_rgb(tmp_path / "data" / "RGB" / f"cat_{i}.png", np.roll(picture, i, axis=1))
    return tmp_path / "data"


def test_fills_and_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert gsanet(monkeypatch, "flow", root, "--jobs", 1) == 0
    assert capsys.readouterr().out == f"1 sequence: 3 flow pictures written, 0 kept, in {root}\n"
    assert read_rgb(root / "FLOW" / "cat_2.png").shape == (48, 64, 3)
    assert gsanet(monkeypatch, "flow", root, "--method", "dis-fast") == 0
    assert "0 flow pictures written, 3 kept" in capsys.readouterr().out
    assert gsanet(monkeypatch, "flow", root, "--overwrite", "--out", root.parent / "o") == 0
    assert len(list((root.parent / "o" / "FLOW").iterdir())) == 3


def test_raft_with_a_file_of_weights(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from gsanet.flow.raft_weights import build_raft
    from gsanet.flow.vectors import read_vectors

    torch.save(build_raft("small").state_dict(), tmp_path / "raft.pth")
    write_rgb(root / "RGB" / "cat_3.png", read_rgb(root / "RGB" / "cat_2.png"))
    words = ("flow", root, "--method", "raft-small", "--weights", tmp_path / "raft.pth", "--iterations", 1)
    words += ("--device", "cpu", "--batch", 2, "--save", "picture,flo", "--direction", "both")
    assert gsanet(monkeypatch, *words) == 0
    assert capsys.readouterr().out == f"1 sequence: 8 frames' flow written, 0 kept, in {root}\n"
    for folder, ending in (
        ("FLOW", "png"),
        ("FLOW_RAW", "flo"),
        ("FLOW_BACKWARD", "png"),
        ("FLOW_BACKWARD_RAW", "flo"),
    ):
        assert sorted(file.name for file in (root / folder).iterdir()) == [f"cat_{i}.{ending}" for i in range(4)]
    vectors = read_vectors(root / "FLOW_RAW" / "cat_0.flo")
    assert vectors.shape == (48, 64, 2) and vectors.any()
    # The last two frames are equal: no motion, to the bit.
    assert (read_rgb(root / "FLOW" / "cat_2.png") == 255).all()
    assert not read_vectors(root / "FLOW_BACKWARD_RAW" / "cat_3.flo").any()

    (root / "FLOW" / "cat_1.png").unlink()
    assert gsanet(monkeypatch, *words) == 0
    assert "1 frames' flow written, 7 kept" in capsys.readouterr().out

    assert gsanet(monkeypatch, "flow", root, "--weights", tmp_path / "raft.pth") == 1
    assert "gsanet: flow by dis takes no weights" in capsys.readouterr().err
    words = ("flow", root, "--overwrite", "--method", "raft-large", "--weights", tmp_path / "raft.pth")
    assert gsanet(monkeypatch, *words) == 1
    said = capsys.readouterr().err.splitlines()
    assert (
        said[-1].startswith("gsanet: ") and "does not hold the weights of raft-large (it is raft-small's)" in said[-1]
    )


def test_gmflow_over_a_gap(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from gsanet.flow.gmflow_network import GMFlow
    from gsanet.flow.vectors import read_vectors

    torch.save(GMFlow().state_dict(), tmp_path / "flownet.pkl")
    words = ("flow", root, "--method", "gmflow", "--device", "cpu", "--flow-size", 32, "--save", "npz", "--gap", 2)
    assert gsanet(monkeypatch, *words, "--flow-weights", tmp_path / "flownet.pkl", "-o", tmp_path / "o") == 0
    assert capsys.readouterr().out == f"1 sequence: 3 frames' flow written, 0 kept, in {tmp_path / 'o'}\n"
    files = sorted((tmp_path / "o" / "FLOW_GAP2_RAW").iterdir())
    assert [file.name for file in files] == [f"cat_{i}.npz" for i in range(3)]
    assert read_vectors(files[0]).shape == (48, 64, 2) and read_vectors(files[0]).any()
    assert not read_vectors(files[1]).any()

    assert gsanet(monkeypatch, *words) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("gsanet: flow by gmflow needs a file of weights: --flow-weights FILE")


def test_an_error_is_one_line_and_exit_code_1(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "RGB" / "cat_1.png").write_bytes(b"no picture")
    assert gsanet(monkeypatch, "flow", root) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("gsanet: ")
    assert "cat_1.png cannot be read as a picture" in said[-1]
    assert not any("Traceback" in line for line in said)
