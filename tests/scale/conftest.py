"""What tests of batches begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import QUICK

from gsanet.scale.task import Batch


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """All defaults, into ``out``."""
    return Batch(str(tmp_path / "out"), arguments=QUICK, save=("masks", "probability"), place=str(tmp_path))
