"""The scripts of ``benchmarks/`` run, and print what they promise; what they measure is asserted nowhere."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from gsanet.model import GSANet
from gsanet.runtime.interface import Pictures
from gsanet.runtime.torch_network import TorchNetwork
from gsanet.training.config import load_config
from tiny import TINY, moving_square
from worlds import make_world

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> list[str]:
    """The lines that a script prints."""
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_both_schedules_agree_and_the_last_line_is_their_ratio() -> None:
    # The size of the preset `fast`: how far bfloat16 may be off is said of sizes that the model is made for.
    lines = run("schedule.py", "--model", "lite", "--size", "224x384", "--repeat", "1", "--matrix", "64")
    table = [line for line in lines if line.startswith("| ") and "float" in line]
    assert [line.split(" | ")[0] for line in table[:2]] == ["| published, float32", "| ours, float32"]
    assert "the schedules agree" in lines
    assert re.fullmatch(r"float32 \d+\.\dx( bfloat16 \d+\.\dx)?", lines[-1])


def test_random_weights_are_given_masks() -> None:
    spec = importlib.util.spec_from_file_location("benchmark_schedule", SCRIPTS / "schedule.py")
    assert spec is not None and spec.loader is not None
    schedule = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = schedule  # where dataclasses look for it
    spec.loader.exec_module(schedule)
    torch.manual_seed(0)
    model = GSANet(TINY).eval()
    square = moving_square(12, 64, 96)
    pictures = [Pictures(frame, 255 - frame) for frame in square[::3]]
    schedule.calibrate(model, pictures)
    network = TorchNetwork(model, "cpu", "float32")
    bank = network.encode(pictures[:3])
    masks = [probability > 0.5 for probability, _ in network(pictures, bank)]
    assert all(0.05 < mask.mean() < 0.95 for mask in masks)
    published = schedule.Published(model)
    for one, mask in zip(pictures, masks, strict=True):
        assert ((published(one, pictures[:3]) > 0.5) == mask).mean() > 0.999


@pytest.mark.slow
def test_growth_is_fitted_drawn_and_written(tmp_path: Path, tiny_weights: Path) -> None:
    short = ["--only", "frames", "--frames", "2,6", "--side", "96"]
    lines = run("scaling.py", "-o", str(tmp_path), *short, "--model", str(tiny_weights), "--threads", "1")
    table = [line.split(" | ")[:2] for line in lines if line.startswith("| frames")]
    assert table == [["| frames", "seconds"], ["| frames", "MB at the peak"]]
    rows = list(csv.DictReader((tmp_path / "scaling.csv").open()))
    assert [(row["series"], row["x"], row["width"]) for row in rows] == [("frames", "2", "96"), ("frames", "6", "96")]
    assert all(float(row["seconds"]) > 0 and float(row["memory_mb"]) > 10 for row in rows)
    for name in ("frames-time", "frames-memory"):
        drawing = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert len([part for part in drawing if part.tag.endswith("circle")]) == 2


def test_neither_import_nor_help_loads_anything_heavy() -> None:
    lines = run("startup.py", "--repeat", "2")
    assert [line.split("|")[3].strip() for line in lines[2:]] == ["none"] * 4
    assert "`gsanet --help`" in lines[-2] and "first mask" in lines[-1]


@pytest.mark.slow
def test_every_sequence_is_segmented_by_a_model_that_has_not_seen_it(tmp_path: Path) -> None:
    data, out = make_world(tmp_path / "data"), tmp_path / "folds"
    words = [str(data), "-o", str(out), "--recipe", str(data / "tiny.toml"), "--folds", "2", "--set", "train.steps=1"]
    assert run("folds.py", *words, "--only", "1")[0] == "fold 1, without right"
    lines = run("folds.py", *words)
    assert lines[0] == "fold 0, without left", "what is done is not done again"
    for number, name in enumerate(("left", "right")):
        assert list(load_config(out / f"fold{number}" / "recipe.toml").train.held_out) == [name]
    scores = json.loads((out / "scores.json").read_text())
    assert [one["name"] for one in scores["sequences"]] == ["left", "right"]
    again = run("folds.py", *words, "--compare", str(out))
    assert not any(line.startswith("fold ") for line in again)
    assert any("no clear difference" in line for line in again), again


@pytest.mark.slow
def test_flow_is_compared_by_what_it_shows_and_by_the_masks(tmp_path: Path) -> None:
    data = make_world(tmp_path / "data")
    lines = run("motion_overlap.py", str(data / "DAVIS_train"), "--methods", "dis,dis-fine", "--every", "2")
    rows = [line.split(" | ") for line in lines[2:]]
    assert [row[0] for row in rows] == ["| dis", "| dis-fine"]
    assert all(0 <= float(row[1]) <= 1 and int(row[2]) > 0 for row in rows)
    words = [str(data / "DUTS_val"), "--count", "2", "--size", "64", "--state", "moving"]
    lines = run("pictures.py", *words, "--flow", "dis", "--flow", "dis+dis-fine")
    assert any(line.startswith("  whole: ") and line.endswith("lite, dis+dis-fine against lite, dis") for line in lines)
    (line,) = run("slow_motion.py", str(data / "DUTS_val"), "--count", "2", "--pace", "0.1")
    assert re.match(r"pace 0\.1, 2 pictures: to the next [\d.]+, followed [\d.]+, [+-][\d.]+ \(.* to .*\)  lite$", line)
