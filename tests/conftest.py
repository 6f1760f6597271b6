"""Shared fixtures: one tiny model and one tiny clip."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gsanet.cli.commands import register
from gsanet.model import GSANet
from gsanet.video import VideoWriter
from gsanet.weights.checkpoint import save_model
from tiny import TINY, moving_square

register()  # whichever test runs alone finds every command


@pytest.fixture(scope="session")
def tiny_frames() -> NDArray[np.uint8]:
    """Twelve frames of 64x96, (12,64,96,3)."""
    return moving_square(12, 64, 96)


@pytest.fixture(scope="session")
def tiny_clip(tiny_frames: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same frames as an mp4 of 12 frames per second."""
    path = tmp_path_factory.mktemp("clips") / "tiny.mp4"
    with VideoWriter(path, Fraction(12)) as writer:
        for frame in tiny_frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def tiny_model() -> GSANet:
    """Random but always the same, and with masks that have borders: some pixels are object, others are not.

    Do not train it; it is shared.
    """
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    model = GSANet(TINY).eval()
    torch.random.set_rng_state(state)
    picture = torch.from_numpy(moving_square(4, 64, 96)).permute(0, 3, 1, 2)
    with torch.no_grad():
        # Batch norm as if it had been trained on such pictures; without it all that arrives at the end is a constant.
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
                module.train()
        rgb = model.normalise(picture)
        flow = model.normalise(255 - picture)
        model(rgb, flow, model.encode_references(rgb[None], flow[None]).expand(4))
        model.eval()
        output = model(rgb, flow, model.encode_references(rgb[None], flow[None]).expand(4))
        logits = output.masks[0]
        last = model.decoder.heads[0]
        last.bias -= logits.median()
        # Untrained, its head for edges would say nothing.
        head = model.edges
        assert head is not None
        head.last.weight.copy_(0.3 * torch.randn(head.last.weight.shape, generator=torch.Generator().manual_seed(0)))
    return model


@pytest.fixture(scope="session")
def tiny_weights(tiny_model: GSANet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(tiny_model, path)
    return path


@pytest.fixture
def shared() -> Path:
    """The founders' folder of data, where there is one; what needs it is skipped elsewhere."""
    folder = Path(os.environ.get("GSANET_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data at {folder} (set GSANET_SHARED)")
    return folder
