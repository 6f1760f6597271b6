"""Fixtures of the export's tests: the tiny model, exported once, for they take ten seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsanet.export.exporter import export_onnx
from gsanet.export.metadata import Facts
from gsanet.model import GSANet


@pytest.fixture(scope="session")
def exported(tiny_model: GSANet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the tiny model for the tiny clip's 64x96."""
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(tiny_model, folder, (64, 96), facts=Facts("tiny", "CC0"))
    return folder
