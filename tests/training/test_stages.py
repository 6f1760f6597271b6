"""Both stages on a tiny world: what they write, that they learn, and that a killed run ends where a whole one does."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from typer.testing import CliRunner

from gsanet.base.errors import GsanetError, Stopped
from gsanet.cli.app import app
from gsanet.data.sample import Sample
from gsanet.model import GSANet
from gsanet.segment.references import reference_indices
from gsanet.training.config import load_config
from gsanet.training.finetune import FinetuneStage, train
from gsanet.training.folder import list_runs
from gsanet.training.pretrain import pretrain
from gsanet.training.stop import stop_requests
from gsanet.weights.checkpoint import load_model, load_saliency, read_header
from worlds import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def pretrained(world: Path) -> Path:
    return pretrain(load_config(world / "tiny.toml", [f"data={world}"]), world / "runs" / "pretrain", quiet=True)


def _recipe(world: Path, *changes: str):
    return load_config(world / "tiny.toml", [f"data={world}", *changes])


def test_pretrain_writes_weights_that_load_and_a_log(pretrained: Path) -> None:
    model = load_saliency(pretrained)
    assert model.config.channels == 8
    run = pretrained.parent
    assert (run / "last.pt").is_file()
    assert list((run / "samples").glob("*.jpg"))
    assert list((run / "tensorboard").iterdir())
    with (run / "metrics.csv").open() as file:
        names = {row["name"] for row in csv.DictReader(file)}
    assert {"loss", "lr", "loss/mask_stride4", "val/score", "val/mae"} <= names


def test_train_starts_from_pretrained_and_records_its_recipe(world: Path, pretrained: Path) -> None:
    best = train(_recipe(world), world / "runs" / "train", pretrained=pretrained, quiet=True)
    kind, config, info = read_header(best)
    assert kind == "gsanet" and config.clusters == 6
    assert info["recipe"]["train"]["held_out"] == ["left"]
    assert set(info["scores"]) == {"score", "left"}
    # Every tensor of stage 1 arrived: the RGB stream's twice, the decoder's once.
    source = load_saliency(pretrained).state_dict()
    expected = sum(2 if name.startswith("rgb.") else 1 for name in source)
    assert info["started_from"] == f"pretrained, {expected} tensors"
    model = load_model(best)
    assert not model.training


def test_training_goes_on_from_a_video_model(world: Path, pretrained: Path) -> None:
    first = train(_recipe(world, "train.steps=2"), world / "runs" / "first", pretrained=pretrained, quiet=True)
    # One step so small that nothing changes but the statistics of batch norms.
    recipe = _recipe(world, "train.steps=1", "train.lr=1e-12", "train.lr_end=1e-12", "train.ema=0.0", "seed=4")
    second = train(recipe, world / "runs" / "second", pretrained=first, quiet=True)
    before, after = load_file(first.with_name("last.safetensors")), load_file(second)
    assert before.keys() == after.keys()
    assert read_header(second)[2]["started_from"] == f"pretrained, {len(before)} tensors"
    weights = [name for name in before if name.endswith("weight")]
    assert all(torch.equal(before[name], after[name]) for name in weights)


def test_stage_one_goes_on_from_another(world: Path, pretrained: Path) -> None:
    # One step so small that nothing changes but the statistics of batch norms.
    changes = ("pretrain.steps=1", "pretrain.lr=1e-12", "pretrain.lr_end=1e-12", "pretrain.ema=0.0", "seed=4")
    second = pretrain(_recipe(world, *changes), world / "runs" / "more", pretrained=pretrained, quiet=True)
    before, after = load_file(pretrained), load_file(second)
    assert read_header(second)[2]["started_from"] == f"pretrained, {len(before)} tensors"
    weights = [name for name in before if name.endswith("weight")]
    assert weights and all(torch.allclose(before[name], after[name], rtol=0, atol=1e-9) for name in weights)
    video = train(_recipe(world, "train.steps=1"), world / "runs" / "video", pretrained=pretrained, quiet=True)
    with pytest.raises(GsanetError, match="holds a gsanet model, not one from `gsanet pretrain`"):
        pretrain(_recipe(world), world / "runs" / "wrong", pretrained=video, quiet=True)


def test_training_from_weights_that_are_not_there(world: Path) -> None:
    recipe, out = str(world / "tiny.toml"), str(world / "runs" / "none")
    result = CliRunner().invoke(
        app, ["train", "--config", recipe, "--data", str(world), "-o", out, "--pretrained", "nowhere.safetensors"]
    )
    assert result.exit_code == 1
    assert isinstance(result.exception, GsanetError) and "no weights 'nowhere.safetensors'" in str(result.exception)


def test_training_lowers_the_loss(world: Path) -> None:
    recipe = _recipe(world, "train.steps=40", "train.validate_every=100", "train.lr=3e-3", "train.held_out=[]")
    out = world / "runs" / "learns"
    train(recipe, out, pretrained=None, quiet=True)
    with (out / "metrics.csv").open() as file:
        losses = [float(row["value"]) for row in csv.DictReader(file) if row["name"] == "loss"]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    "changes",
    [
        ["model.slot_attention=false"],
        ["model.slot_init='random'", "model.knn_filter=false", "model.aggregation='standard'"],
        ["model.aggregation='standard'"],
    ],
)
def test_every_row_of_the_ablation_trains_and_is_looked_at(world: Path, tmp_path: Path, changes: list[str]) -> None:
    recipe = _recipe(world, "train.steps=2", "train.validate_every=2", *changes)
    train(recipe, tmp_path / "run", pretrained=None, quiet=True)
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 1
    loaded = load_model(tmp_path / "run" / "last.safetensors")
    assert (loaded.config.slot_attention, loaded.config.aggregation) != (True, "fat")


def test_validation_takes_the_references_that_the_engine_takes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = FinetuneStage(_recipe(world, "model.references=4", "train.validate_frames=1"), tmp_path / "cache")
    assert stage.held_out is not None
    asked: list[int] = []
    take = type(stage.held_out).__getitem__
    monkeypatch.setattr(
        type(stage.held_out), "__getitem__", lambda data, draw: (asked.extend(draw.items), take(data, draw))[1]
    )
    with torch.inference_mode():
        stage.examine(GSANet(stage.recipe.model).eval(), 0)
    first = stage.held_out.frames_of[0].start
    # Of six frames i * floor(6/4); then the one that is predicted.
    assert [number - first for number in asked] == [*reference_indices(6, 4), 0] == [0, 1, 2, 3, 0]


def test_nothing_held_out_still_yields_weights(world: Path) -> None:
    best = train(
        _recipe(world, "train.steps=2", "train.held_out=[]"), world / "runs" / "all", pretrained=None, quiet=True
    )
    assert torch.isfinite(torch.cat([t.float().flatten() for t in load_file(best).values()])).all()


def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(world: Path) -> None:
    whole = world / "runs" / "whole"
    _command(world, whole).wait(timeout=300)
    killed = world / "runs" / "killed"
    # Killed three times, whenever it gets there: in a step, in a checkpoint, in a validation.
    for delay in (0.0, 0.15, 0.3):
        process = _command(world, killed)
        seen = _mtime(killed / "last.pt")
        deadline = time.monotonic() + 200
        while process.poll() is None and _mtime(killed / "last.pt") == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert _command(world, killed).wait(timeout=300) == 0
    for name in ("last.safetensors", "best.safetensors"):
        one, other = load_file(whole / name), load_file(killed / name)
        assert one.keys() == other.keys()
        different = [k for k in one if not torch.equal(one[k], other[k])]
        assert different == []


def test_a_run_asked_to_stop_saves_the_step_it_is_in(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe, out = _recipe(world, "checkpoint_minutes=1000", "workers=1"), tmp_path / "runs" / "stopped"
    whole = train(recipe, tmp_path / "runs" / "whole", pretrained=None, quiet=True)
    loss, handler, steps = FinetuneStage.loss, signal.getsignal(signal.SIGTERM), []

    def then_stop(stage: FinetuneStage, model: nn.Module, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        steps.append(batch)
        if len(steps) == 4:
            # To all processes, as schedulers do. PyTorch raises in this one as soon as it hears of a loader's death.
            loaders = multiprocessing.active_children()
            assert len(loaders) == 1
            # By another process: a loader that its own parent ends says nothing.
            subprocess.run(["kill", "-TERM", str(os.getpid()), *(str(loader.pid) for loader in loaders)], check=True)
            time.sleep(0.3)
        return loss(stage, model, batch)

    with monkeypatch.context() as patch:
        patch.setattr(FinetuneStage, "loss", then_stop)
        with pytest.raises(Stopped, match=r"^stopped after step 4 of 6; the same command goes on from .*last\.pt$"):
            train(recipe, out, pretrained=None, quiet=True)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert torch.load(out / "last.pt", weights_only=True)["state"]["step"] == 4
    one, other = load_file(whole), load_file(train(recipe, out, pretrained=None, quiet=True))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_run_whose_reader_has_gone_ends_when_it_is_asked_to(world: Path, tmp_path: Path) -> None:
    """As `gsanet train ... 2>&1 | tee log` does at Ctrl-C, which ends tee as well."""
    out = tmp_path / "runs" / "piped"
    command = [sys.executable, "-m", "gsanet", "train", "--config", str(world / "tiny.toml"), "--data", str(world)]
    changes = ("train.steps=100000", "checkpoint_minutes=1000", "workers=1")
    command += ["-o", str(out), *(word for change in changes for word in ("--set", change))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        try:
            _wait_for_scores(run, out, 1)
            assert run.stdout
            run.stdout.close()
            _wait_for_scores(run, out, 3)  # what it says of them to nobody does not end it
            run.send_signal(signal.SIGTERM)
            assert run.wait(timeout=60) == 143
        finally:
            run.kill()
    assert (out / "last.pt").is_file()


def _wait_for_scores(run: subprocess.Popen[bytes], out: Path, count: int) -> None:
    """Until it has been validated so often."""
    log = out / "metrics.csv"
    while not log.is_file() or log.read_text().count("val/score") < count:
        assert run.poll() is None
        time.sleep(0.2)


def test_a_second_signal_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), stop_requests() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop
    finally:
        signal.signal(signal.SIGINT, before)


def test_two_runs_do_not_write_in_one_folder(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "taken"
    hold = "import sys; from pathlib import Path; from gsanet.training.folder import RunFolder\n"
    hold += "with RunFolder(Path(sys.argv[1])).claimed(): print('claimed', flush=True); sys.stdin.read()"
    recipe = _recipe(world, "train.steps=1")
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "claimed\n"
        with pytest.raises(GsanetError, match=f"taken is being trained in by process {other.pid}: wait for it"):
            train(recipe, out, pretrained=None, quiet=True)
        assert [file.name for file in out.iterdir()] == [".lock"]
        other.kill()
    assert train(recipe, out, pretrained=None, quiet=True).is_file()


def test_several_data_sets_in_epochs_without_a_cache(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "DAVIS_train", tmp_path / "OTHER_train")
    recipe = _recipe(
        world, "train.steps=3", "train.sampler=epoch", "train.synthetic=0", "train.cache=false",
        f"train.videos=[{{path='DAVIS_train'}}, {{path='{tmp_path / 'OTHER_train'}'}}]",
    )  # fmt: skip
    best = train(recipe, tmp_path / "runs" / "mixed", pretrained=None, quiet=True)
    videos = read_header(best)[2]["recipe"]["train"]["videos"]
    assert [v["path"] for v in videos] == ["DAVIS_train", str(tmp_path / "OTHER_train")]
    assert not (tmp_path / "runs" / "cache").exists()


def test_references_of_its_own_as_published(world: Path, tmp_path: Path) -> None:
    changes = ["train.steps=2", "train.references=own", "train.batch=3", "train.group=3", "train.clip=0.0"]
    best = train(_recipe(world, *changes), tmp_path / "runs" / "own", pretrained=None, quiet=True)
    assert read_header(best)[2]["recipe"]["train"]["references"] == "own"
    with (best.parent / "metrics.csv").open() as file:
        assert all(float(row["value"]) == float(row["value"]) for row in csv.DictReader(file))


def test_a_finished_run_can_be_made_longer_but_not_shorter(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "longer"
    pretrain(_recipe(world, "pretrain.steps=2"), out, quiet=True)
    pretrain(_recipe(world, "pretrain.steps=4"), out, quiet=True)
    assert torch.load(out / "last.pt", weights_only=True)["state"]["step"] == 4
    with pytest.raises(GsanetError, match="has done 4 steps, more than the 2 asked for"):
        pretrain(_recipe(world, "pretrain.steps=2"), out, quiet=True)


def test_the_folder_of_a_run_can_be_read(pretrained: Path, world: Path) -> None:
    run = pretrained.parent
    text = (run / "README.md").read_text()
    assert "| steps | 6 of 6 |" in text and "gsanet train --pretrained" in text
    assert load_config(run / "recipe.toml") == _recipe(world)
    assert json.loads((run / "environment.json").read_text())[0]["packages"]["torch"]
    (run.parent / "notes").mkdir()
    (run.parent / "notes" / "run.json").write_text("not one of ours")
    assert [(r["path"], r["step"], r["stage"]) for r in list_runs(run.parent) if r["path"] == run] == [
        (run, 6, "pretrain")
    ]
    # In a narrow window too: a path cut short leads nowhere.
    shown = CliRunner().invoke(app, ["runs", str(run.parent)], env={"COLUMNS": "60"})
    assert shown.exit_code == 0 and str(run) in shown.stdout and "6/6" in shown.stdout


def test_going_on_with_another_recipe_is_refused(world: Path, pretrained: Path) -> None:
    with pytest.raises(GsanetError, match=r"another recipe \(differs in: pretrain\)"):
        pretrain(_recipe(world, "pretrain.lr=1e-4"), pretrained.parent, quiet=True)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(world: Path) -> None:
    out = world / "runs" / "nan"
    train(_recipe(world, "train.steps=2"), out, pretrained=None, quiet=True)
    before = (out / "last.pt").read_bytes()
    with pytest.raises(GsanetError, match=r"(the loss is|the gradient's norm is) .*, in a batch of (right_|picture)"):
        train(_recipe(world, "train.steps=20", "train.lr=1e20", "train.clip=1e30", "train.warmup=1"),
              world / "runs" / "nan2", pretrained=None, quiet=True)  # fmt: skip
    assert (out / "last.pt").read_bytes() == before


def test_a_held_out_name_that_is_no_sequence_is_an_error(world: Path) -> None:
    with pytest.raises(GsanetError, match="held_out names no sequence: up"):
        train(_recipe(world, 'train.held_out=["up"]'), world / "runs" / "x", pretrained=None, quiet=True)


def test_pretrained_of_another_width_is_an_error(world: Path, pretrained: Path) -> None:
    with pytest.raises(GsanetError, match="has channels 8, the model to train 16"):
        train(_recipe(world, "model.channels=16"), world / "runs" / "wide", pretrained=pretrained, quiet=True)


def _command(world: Path, out: Path) -> subprocess.Popen[bytes]:
    args = ["train", "--config", str(world / "tiny.toml"), "--data", str(world), "-o", str(out), "--quiet"]
    code = "import sys; from gsanet.cli.entry import main; sys.argv = ['gsanet', *sys.argv[1:]]; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", code, *args], env=environment, stdout=subprocess.DEVNULL)


def _mtime(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0
