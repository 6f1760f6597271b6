"""The folder of a run: what lies in it, and that a person can read it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsanet.base.atomic import write_text
from gsanet.base.errors import GsanetError

if TYPE_CHECKING:
    # ``gsanet runs`` reads folders and needs neither torch nor Fabric.
    from lightning_fabric import Fabric

    from gsanet.training.config import TrainingConfig
    from gsanet.training.state import RunState

_PACKAGES = ("gsanet", "torch", "torchvision", "timm", "lightning-fabric", "opencv-python-headless", "numpy")

_README = """\
# {name}

{what}, with gsanet {version}. Written by the run itself; the numbers are those of {time}.

| | |
|---|---|
| steps | {step} of {steps} |
| best validation score | {best} |
| time spent | {minutes:.0f} min, {processes} |
| started from | {started_from} |
| command | `{command}` |

| file | |
|---|---|
| `best.safetensors` | the weights with the best validation score: {use} |
| `last.safetensors` | the weights after the last step; where nothing is held out, the same as the best |
| `last.pt` | everything needed to go on: give the command again |
| `recipe.toml` | all settings, for `--config` |
| `environment.json` | machine, versions, command lines of all sittings |
| `metrics.csv` | losses, learning rate, samples per second, validation scores: step, name, value |
| `tensorboard/` | the same as curves: `tensorboard --logdir {name}` |
| `samples/` | {samples}, at each validation |
"""

_STAGES = {
    "pretrain": {
        "what": "Stage 1, the RGB stream on pictures",
        "use": "`gsanet train --pretrained`",
        "samples": "photograph, truth, prediction",
    },
    "train": {
        "what": "Stage 2, both streams and the slots on videos",
        "use": "`gsanet segment --model`",
        "samples": "photograph, flow, truth, prediction, fine foreground maps of both streams",
    },
}


class RunFolder:
    """Where a run writes.

    Args:
        path: made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GsanetError(f"cannot make the run's folder {path}: {error.strerror}") from None

    @property
    def checkpoint(self) -> Path:
        """What a sitting leaves for the next."""
        return self.path / "last.pt"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """While it lasts, no other process on this machine may claim the folder. The claim dies with the process.

        Raises:
            GsanetError: another run writes there.
        """
        with (self.path / ".lock").open("a+") as file:
            # A record lock, unlike flock and the libraries built on it, is not inherited by loader processes: they
            # would hold it for some seconds after a run was killed. Where the file system or the operating system
            # has no such locks, two runs in one folder remain the user's affair.
            try:
                import fcntl

                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                file.seek(0)
                raise GsanetError(
                    f"{self.path} is being trained in by process {file.read().strip() or 'unknown'}: "
                    "wait for it, or give this run another --out"
                ) from None
            except (ImportError, OSError):
                pass
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def begin(self, stage: str, recipe: TrainingConfig, started_from: str, fabric: Fabric) -> None:
        """At the start of a sitting: the recipe, and the machine added to those of earlier sittings."""
        import tomli_w

        self._stage, self._started_from = stage, started_from
        self._processes = f"{fabric.world_size} process{'es' if fabric.world_size > 1 else ''} on {fabric.device.type}"
        write_text(self.path / "recipe.toml", tomli_w.dumps(_without_none(recipe.to_dict())))
        file = self.path / "environment.json"
        sittings = json.loads(file.read_text()) if file.is_file() else []
        write_text(file, json.dumps([*sittings, _environment(fabric)], indent=1) + "\n")

    def report(self, state: RunState, steps: int) -> None:
        """Where the run stands: ``run.json`` for ``gsanet runs``, ``README.md`` for a person."""
        now = time.strftime("%Y-%m-%d %H:%M")
        values = {
            "stage": self._stage,
            "steps": steps,
            "started_from": self._started_from,
            "processes": self._processes,
            "time": now,
            **vars(state),
        }
        write_text(self.path / "run.json", json.dumps(values, indent=1) + "\n")
        best = f"{state.best:.4f} at step {state.best_step}" if state.best >= 0 else "none: nothing was held out"
        text = _README.format(
            name=self.path.name, version=version("gsanet"), time=now, step=state.step, steps=steps, best=best,
            minutes=state.seconds / 60, processes=self._processes, started_from=self._started_from,
            command=_command(), **_STAGES[self._stage],
        )  # fmt: skip
        write_text(self.path / "README.md", text)


def list_runs(root: Path) -> list[dict[str, Any]]:
    """The runs in *root* and its folders, newest first: the fields of ``run.json`` and ``path``.

    Raises:
        GsanetError: no such folder.
    """
    if not root.is_dir():
        raise GsanetError(f"no folder {root}: runs are written to runs/ unless --out says otherwise")
    runs = []
    for file in sorted({*root.glob("run.json"), *root.glob("*/run.json"), *root.glob("*/*/run.json")}):
        try:
            values: dict[str, Any] = json.loads(file.read_text())
            runs.append({**values, "path": file.parent, "written": file.stat().st_mtime})
        except (OSError, ValueError):
            continue  # someone else's run.json
    return sorted(runs, key=lambda run: -float(run["written"]))


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no None: a setting that is off is left out."""
    return {k: _without_none(v) if isinstance(v, dict) else v for k, v in values.items() if v is not None}


def _command() -> str:
    name = Path(sys.argv[0]).name
    return shlex.join(["gsanet" if name in ("__main__.py", "gsanet") else name, *sys.argv[1:]])


def _environment(fabric: Fabric) -> dict[str, Any]:
    import torch

    packages = {}
    for package in _PACKAGES:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": _command(),
        "processes": fabric.world_size,
        "device": fabric.device.type,
        "precision": str(getattr(fabric.strategy.precision, "precision", "")),
        "threads": torch.get_num_threads(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpus": gpus,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": packages,
        "revision": _revision(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _revision() -> str:
    """Of the checkout that the package runs from; empty for an installed one."""
    here = Path(__file__).parents[3]
    if not (here / ".git").exists():
        return ""
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
