"""Segmenters with the tiny model, and control over PyTorch's threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from gsanet.model import GSANet
from gsanet.segment import Segmenter


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, device="cpu", precision="float32")


@pytest.fixture
def threads_of_torch() -> Iterator[Callable[[int], None]]:
    """Sets PyTorch's number of threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
