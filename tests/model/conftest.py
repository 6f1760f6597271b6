"""Fixtures of the model's tests."""

from __future__ import annotations

import pytest
import torch

from gsanet.model import GSANet


@pytest.fixture(scope="class")
def model(request: pytest.FixtureRequest) -> GSANet:
    """The model of a :class:`variant_case.VariantCase`, built once for all its tests."""
    torch.manual_seed(0)
    return GSANet(request.cls.config)
