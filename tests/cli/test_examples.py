"""The examples in the help, run as they stand there, one after the other as a reader would."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from numpy.typing import NDArray

from gsanet.cli.app import app
from gsanet.cli.help import examples
from gsanet.model import GSANet, SaliencyNet
from gsanet.video.images import write_mask, write_rgb
from gsanet.weights.checkpoint import save_model
from gsanet.weights.packaged import find_weights
from tiny import TINY

pytestmark = pytest.mark.slow

ELSEWHERE = {
    "gsanet flow DATA/DAVIS_train --method raft-large --device cuda": "needs a GPU and a download",
}

SMALL = {
    "segment": ("--model", "my.safetensors"),
    "demo": ("--model", "my.safetensors"),
    "bench": ("--model", "my.safetensors", "--repeat", 1),
    "score": ("--size", 64),
}
"""Added to the examples of a command, for the time's sake."""


@pytest.fixture
def here(
    tiny_frames: NDArray[np.uint8], tiny_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with everything that examples speak of, small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSANET_CACHE", str(tmp_path / "cache"))
    mask = np.zeros((64, 96), bool)
    mask[20:44, 30:60] = True

    def picture(folder: str, name: str, index: int, *, truth: str = "") -> None:
        for place, write in ((folder, None), (truth, mask)):
            if place:
                Path(place).mkdir(parents=True, exist_ok=True)
                file = Path(place) / f"{name}.png"
                write_rgb(file, tiny_frames[index]) if write is None else write_mask(file, mask)

    Path("clips").mkdir()
    for clip in ("holiday.mp4", "clips/a.mp4"):
        shutil.copy(tiny_clip, clip)
    for i in range(4):
        picture("frames_folder", f"{i:05d}", i)
        picture("DATA/DAVIS_test/cow/RGB", f"{i:05d}", i, truth="DATA/DAVIS_test/cow/GT")
        picture("DATA/DAVIS_train/RGB", f"cat_{i:05d}", i, truth="DATA/DAVIS_train/GT")
        picture("my_clips/dog/RGB", f"{i:05d}", i, truth="my_clips/dog/GT")
        for masks in ("out/cow/masks", "other_masks/cow"):
            Path(masks).mkdir(parents=True, exist_ok=True)
            write_mask(Path(masks) / f"{i:05d}.png", np.roll(mask, 1, axis=1))
        for part in ("TR", "TE"):
            picture(f"DUTS-{part}/DUTS-{part}-Image", f"{i}", i, truth=f"DUTS-{part}/DUTS-{part}-Mask")
    listed = [{"id": i, "file_name": f"{i:05d}.png", "height": 64, "width": 96} for i in range(4)]
    drawn = [{"image_id": i, "segmentation": [[30, 20, 60, 20, 60, 44, 30, 44]]} for i in range(4)]
    Path("corrected.json").write_text(json.dumps({"images": listed, "annotations": drawn, "categories": []}))
    for part in ("TR", "TE"):
        zipped(Path(f"DUTS-{part}"))
    for kind in ("JPEGImages", "Annotations"):
        source = Path("DATA/DAVIS_test/cow") / ("RGB" if kind == "JPEGImages" else "GT")
        shutil.copytree(source, f"DAVIS-data/{kind}/480p/cow")
    lists = Path("DAVIS-data/ImageSets/480p")
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("cow\n")
    (lists / "train.txt").write_text("cow\n")
    zipped(Path("DAVIS-data"))
    for run in ("runs/a/last", "runs/b/last", "my"):
        Path(run).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_weights, f"{run}.safetensors")
    with find_weights("lite") as own:
        Path("runs/mine").mkdir()
        shutil.copy(own, "runs/mine/best.safetensors")  # of a structure that is exported in a moment
    Path("experiments").mkdir()
    return tmp_path


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(f"{folder}.zip", "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file)


def run_all(gsanet, name: str) -> None:  # type: ignore[no-untyped-def]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    for example in examples(command):
        if example not in ELSEWHERE and "loader" not in example:
            words = example.partition(" > ")[0].split()[1:]
            code, _, err = gsanet(*words, *SMALL.get(name, ()))
            assert code == 0, f"{example}: {err}"


@pytest.mark.parametrize(
    "name", ["segment", "score", "evaluate", "prepare", "flow", "average", "recipes", "runs", "export"]
)
def test_they_run(gsanet, here: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    run_all(gsanet, name)


def test_those_of_the_demo_and_the_stopwatch(gsanet, here: Path, tiny_clip: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("gsanet.video.sample_clip.sample_clip", lambda: tiny_clip)
    run_all(gsanet, "demo")
    run_all(gsanet, "bench")


def test_those_of_training_run_to_the_first_step(gsanet, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """With the recipe cut down to seconds: what is tested is that its words, files and names fit together."""
    torch.manual_seed(0)
    for run, kind in (("pictures", SaliencyNet), ("video", GSANet)):
        Path("runs", run).mkdir(parents=True)
        save_model(kind(TINY), Path("runs", run, "best.safetensors"))
    begun: list[tuple[str, object]] = []

    def stage(name: str):  # type: ignore[no-untyped-def]
        def run(recipe: object, out: Path, *, pretrained: Path | None, **others: object) -> Path:
            assert pretrained is None or Path(pretrained).is_file()
            begun.append((name, recipe))
            return out / "last.safetensors"

        return run

    monkeypatch.setattr("gsanet.training.pretrain.pretrain", stage("pretrain"))
    monkeypatch.setattr("gsanet.training.finetune.train", stage("train"))
    run_all(gsanet, "pretrain")
    run_all(gsanet, "train")
    assert [name for name, _ in begun] == ["pretrain", "pretrain", "train", "train"]
    assert begun[1][1].pretrain.steps == 100 and begun[3][1].train.lr == 1e-4  # type: ignore[attr-defined]
