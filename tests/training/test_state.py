"""A run's checkpoint: whole or not at all, and of one recipe."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest
import torch
from torch import nn

from gsanet.base.errors import GsanetError
from gsanet.training.state import RunState, load_state, save_state


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    model, other = nn.Linear(2, 3), nn.Linear(2, 3)
    save_state(tmp_path / "last.pt", RunState(7, 0.5, 3, 60.0), {"model": model}, {"lr": 1.0})
    assert load_state(tmp_path / "last.pt", {"model": other}, {"lr": 1.0}) == RunState(7, 0.5, 3, 60.0)
    assert torch.equal(model.weight, other.weight)
    with pytest.raises(GsanetError, match=r"another recipe \(differs in: lr\)"):
        load_state(tmp_path / "last.pt", {"model": other}, {"lr": 2.0})


def test_a_full_disk_is_one_line_and_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = tmp_path / "last.pt", nn.Linear(2, 3)
    save_state(path, RunState(1), {"model": model}, {})
    whole = path.read_bytes()

    def full_disk(content: Any, file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(GsanetError, match=r"^cannot write .*last\.pt: No space left on device$"):
        save_state(path, RunState(2), {"model": model}, {})
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
