"""The backend ``compile``: the same masks, one compilation for each size, one line when it cannot be."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import pytest
import torch

from gsanet.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import Segmenter, compiled

REAL = os.environ.get("GSANET_TEST_COMPILE")


def _masks(segmenter: Segmenter, frames: np.ndarray) -> np.ndarray:
    return np.stack([result.probability for result in segmenter.stream(frames)])


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """torch.compile that captures the graph and runs it as it is: what takes minutes is left out."""
    calls: list[dict[str, Any]] = []
    compile_ = torch.compile

    def compile_quickly(model: GSANet, **arguments: Any) -> Any:
        calls.append(arguments)
        return compile_(model, backend="eager")

    monkeypatch.setattr(compiled.torch, "compile", compile_quickly)
    return calls


def test_the_same_masks_and_one_compilation_a_size(
    tiny_model: GSANet, tiny_frames: np.ndarray, traced: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    plain = _masks(Segmenter(tiny_model, device="cpu", precision="float32"), tiny_frames[:5])
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", backend="compile")
    assert segmenter.backend == "compile" and traced == [{"options": {"freezing": True}}]
    with caplog.at_level(logging.WARNING, "gsanet"):
        for _ in range(2):
            np.testing.assert_allclose(_masks(segmenter, tiny_frames[:5]), plain, atol=1e-5)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and said[0].startswith("compiling for 64x96 pictures") and said[1].startswith("compiled in")


def test_a_machine_that_cannot_compile_gets_one_line(
    tiny_model: GSANet, tiny_frames: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("No working C++ compiler found\nand much more")

    monkeypatch.setattr(compiled.torch, "compile", lambda model, **_: fail)
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", backend="compile")
    with pytest.raises(GsanetError, match=r"cannot compile here: No working C.. compiler found; use --backend torch$"):
        segmenter.stream(tiny_frames)


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="compiles for minutes: set GSANET_TEST_COMPILE=1")
def test_real_code_gives_the_same_masks(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    plain = _masks(Segmenter(tiny_model, device="cpu", precision="float32"), tiny_frames[:5])
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", backend="compile")
    np.testing.assert_allclose(_masks(segmenter, tiny_frames[:5]), plain, atol=1e-4)
