from __future__ import annotations

from pathlib import Path

import pytest
from discs import LENGTHS, predicted_masks, write_masks, write_truth


@pytest.fixture
def gt(tmp_path: Path) -> Path:
    return write_truth(tmp_path / "truth")


@pytest.fixture
def pred(tmp_path: Path) -> Path:
    """``<sequence>/masks``, as ``gsanet segment`` writes."""
    for name in LENGTHS:
        write_masks(tmp_path / "ours" / name / "masks", predicted_masks(name))
    return tmp_path / "ours"


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """Another tool's masks, plain folders."""
    for name in LENGTHS:
        write_masks(tmp_path / "theirs" / name, predicted_masks(name, 3.0))
    return tmp_path / "theirs"
