"""The loader's profile: its parts are told apart, and add up."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsanet.cli.app import app
from gsanet.training.config import load_config
from gsanet.training.loader_profile import profile_loader
from worlds import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


def test_parts_of_both_stages(world: Path) -> None:
    recipe = load_config(world / "tiny.toml", [f"data={world}", "train.steps=100000", "pretrain.steps=100000"])
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    video = profile_loader(recipe, "train", world / "cache", seconds=0.3)
    assert {"read", "flow", "synthetic motion", "warp", "colour flow", "colour jitter", "stack"} <= set(video.parts)
    assert all(value > 0 for value in video.parts.values())
    assert video.pictures == 4 and video.pictures_per_second[0] > 0
    picture = profile_loader(recipe, "pretrain", world / "cache", seconds=0.3)
    assert "flow" not in picture.parts and picture.parts["warp"] > 0
    # Loaders leave Ctrl-C to their parent; the parent, which measures as if it were one, must not.
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_the_command(world: Path) -> None:
    args = ["bench", "loader", "--config", str(world / "tiny.toml"), "--data", str(world), "--stage", "pretrain",
            "--cache", str(world / "cache"), "--seconds", "1", "--set", "pretrain.steps=100000"]  # fmt: skip
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert "\nwarp " in done.stdout and "no workers: " in done.stdout
    refused = CliRunner().invoke(app, ["bench", "loader", "--stage", "both"])
    assert "not 'both'" in str(refused.exception)
