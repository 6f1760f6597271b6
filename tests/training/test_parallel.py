"""Several processes: the same run as one, killed and gone on with, under our launcher and under torchrun."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gsanet.base.errors import GsanetError
from gsanet.training.config import load_config
from gsanet.training.parallel import launch
from worlds import make_world

# Rounding alone: sums over two halves of a batch are taken in another order. Losses are near 10.
LOSS_TOLERANCE = 1e-3
COMMON = ["--set", "log_every=1", "--set", "train.synthetic=0", "--set", "train.ema=0"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


def _start(world: Path, out: Path, *args: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [sys.executable, *launcher, "-m", "gsanet", "train", "--config", str(world / "tiny.toml"),
               "--data", str(world), "-o", str(out), "--accelerator", "cpu", "--quiet", *COMMON, *args]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _run(world: Path, out: Path, *args: str, launcher: tuple[str, ...] = ()) -> str:
    process = _start(world, out, *args, launcher=launcher)
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return printed


def _losses(out: Path) -> list[float]:
    with (out / "metrics.csv").open() as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["name"] == "loss/mask_stride4"]


@pytest.fixture(scope="module")
def two(world: Path) -> Path:
    """A run of two processes that this package starts itself."""
    out = world / "runs" / "two"
    assert _run(world, out, "--devices", "2").splitlines()[-1] == str(out / "best.safetensors")
    return out


@pytest.mark.slow
def test_two_processes_train_as_one_with_two_micro_batches(world: Path, two: Path) -> None:
    one = world / "runs" / "one"
    _run(world, one, "--set", "train.accumulate=2")
    assert len(_losses(one)) == 6
    assert _losses(two) == pytest.approx(_losses(one), abs=LOSS_TOLERANCE)
    environment = json.loads((two / "environment.json").read_text())
    assert [sitting["processes"] for sitting in environment] == [2]


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch(world: Path) -> None:
    # Norms and dropout see a batch's own half: with both off, nothing but rounding is left.
    plain = ["--set", "norm=frozen", "--set", "model.dropout=0.0"]
    one, two = world / "runs" / "whole", world / "runs" / "halves"
    _run(world, one, *plain)
    _run(world, two, *plain, "--devices", "2")
    assert len(_losses(one)) == 6
    assert _losses(two) == pytest.approx(_losses(one), abs=LOSS_TOLERANCE)


@pytest.mark.slow
def test_torchrun_gives_the_same_weights(world: Path, two: Path) -> None:
    out = world / "runs" / "torchrun"
    _run(world, out, launcher=("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29871"))
    _equal(two / "last.safetensors", out / "last.safetensors")


@pytest.mark.slow
def test_two_processes_killed_at_a_random_step_go_on(world: Path, two: Path) -> None:
    out = world / "runs" / "killed"
    stop_at = random.randrange(1, 5)
    process = _start(world, out, "--devices", "2")
    deadline = time.monotonic() + 200
    while process.poll() is None and _step(out) < stop_at and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert stop_at <= _step(out) <= 6
    _run(world, out, "--devices", "2")
    _equal(two / "last.safetensors", out / "last.safetensors")


@pytest.mark.slow
def test_two_processes_asked_to_stop_save_and_say_so_once(world: Path) -> None:
    out = world / "runs" / "stopped"
    process = _start(world, out, "--devices", "2", "--set", "train.steps=1000")
    deadline = time.monotonic() + 200
    while process.poll() is None and _step(out) < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    # To one of them, as a scheduler does; the other hears of it.
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 143
    assert [line for line in errors.splitlines() if "stopped" in line] == [
        f"gsanet: stopped after step {_step(out)} of 1000; the same command goes on from {out / 'last.pt'}"
    ]
    assert "Traceback" not in errors
    assert torch.load(out / "last.pt", weights_only=True)["state"]["step"] == _step(out) >= 1


def _step(out: Path) -> int:
    file = out / "run.json"
    return int(json.loads(file.read_text())["step"]) if file.is_file() else 0


def _equal(one: Path, other: Path) -> None:
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_with_one_line(world: Path) -> None:
    process = _start(world, world / "runs" / "uneven", "--devices", "3")
    _, errors = process.communicate(timeout=200)
    assert process.returncode != 0
    assert "a batch of 2 groups of frames cannot be shared by 3 processes with accumulate = 1" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("devices=two", "give how many"),
        ("devices='0,0'", "give how many"),
        ("precision=float16", "float16 needs a GPU"),
        ("norm=synchronised", "needs NVIDIA GPUs"),
    ],
)
def test_what_this_machine_cannot_do_is_one_line(setting: str, message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        launch(load_config(None, ["accelerator=cpu", setting]))
