"""Exported files, run by ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.export.graphs import PARTS, graph_name
from gsanet.export.metadata import KEY, GraphInfo
from gsanet.model import GSANetConfig

INSTALL = "run `pip install 'gsanet[onnx]'`"

_NAME = re.compile(r"(step|references)_(\d+)x(\d+)\.onnx")


def require_runtime() -> None:
    """Raise a GsanetError where onnxruntime is not installed."""
    if not util.find_spec("onnxruntime"):
        raise GsanetError(f"running exported models needs onnxruntime: {INSTALL}")


class Graph:
    """One exported file, ready to run: arrays in, arrays out by name.

    It uses as many threads as PyTorch would (``OMP_NUM_THREADS`` or ``torch.set_num_threads``).

    Raises:
        GsanetError: onnxruntime is not installed, or the file is not one of ours.
    """

    def __init__(self, file: Path) -> None:
        require_runtime()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors alone; they are raised as well
        # Between two frames the threads go to sleep: decoding and flow need the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            text = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        except Exception as error:  # onnxruntime has a class for each of its status codes, without a common base
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise GsanetError(f"{file} cannot be opened by ONNX Runtime ({reason})") from None
        if text is None:
            raise GsanetError(f"{file} was not written by gsanet export: its metadata names no gsanet model")
        try:
            self.info = GraphInfo.from_json(text)
        except ValueError as error:
            raise GsanetError(f"{file}: {error}; it may need a newer gsanet") from None
        self._inputs = [one.name for one in self._session.get_inputs()]
        self._outputs = [one.name for one in self._session.get_outputs()]

    def __call__(self, *arrays: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run on the inputs in the order of :mod:`gsanet.export.graphs`."""
        found = self._session.run(self._outputs, dict(zip(self._inputs, arrays, strict=True)))
        return dict(zip(self._outputs, found, strict=True))


class Graphs:
    """Step and reference encoder for one size of pictures."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.step, self.references = (Graph(folder / graph_name(part, size)) for part in PARTS)


class ExportedModel:
    """A folder of exported graphs of one model; those of a size are opened when they are first asked for.

    Args:
        path: the folder, or one of its files.
        make: called with a size (H,W) that the folder lacks; puts it there. Without it such a size is an error.
        config: of the model; read from a file if None.

    Raises:
        GsanetError: there is no exported model.
    """

    def __init__(
        self,
        path: Path,
        *,
        make: Callable[[tuple[int, int]], object] | None = None,
        config: GSANetConfig | None = None,
    ) -> None:
        self.folder = path.parent if path.suffix == ".onnx" else path
        self._make = make
        self._opened: dict[tuple[int, int], Graphs] = {}
        self._weights: str | None = None
        if config is None:
            sizes = exported_sizes(self.folder)
            if not sizes:
                raise GsanetError(f"{path} holds no exported model: `gsanet export MODEL -o FOLDER` makes one")
            match = _NAME.fullmatch(path.name)
            config = self.graphs((int(match[2]), int(match[3])) if match else sizes[0]).step.info.config
        self.config = config

    def graphs(self, size: tuple[int, int]) -> Graphs:
        """Those for pictures of *size* (H,W).

        Raises:
            GsanetError: there are none, they cannot be opened, or they are of another model than those before.
        """
        if size not in self._opened:
            sizes = exported_sizes(self.folder)
            if size not in sizes:
                if self._make is None:
                    there = ", ".join(f"{h}x{w}" for h, w in sizes)
                    wanted = f"{size[0]}x{size[1]}"
                    raise GsanetError(
                        f"{self.folder} was exported for pictures of {there} (height x width), and this clip needs "
                        f"{wanted}: add it with `gsanet export MODEL --size {wanted} -o {self.folder}`"
                    )
                self._make(size)
            opened = Graphs(self.folder, size)
            weights = {graph.info.weights for graph in (opened.step, opened.references)}
            if len(weights | {self._weights or opened.step.info.weights}) > 1:
                raise GsanetError(f"the files in {self.folder} are exports of different weights: export them anew")
            self._weights = opened.step.info.weights
            self._opened[size] = opened
        return self._opened[size]


def exported_sizes(folder: Path) -> list[tuple[int, int]]:
    """(H,W) for which both parts are in *folder*, in order."""
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    found = [(int(m[2]), int(m[3])) for m in map(_NAME.fullmatch, names) if m and m[1] == "step"]
    return sorted(size for size in found if all(graph_name(part, size) in names for part in PARTS))


def is_exported(path: Path) -> bool:
    """Whether *path* is a file of ONNX, or a folder with exported graphs."""
    return bool(exported_sizes(path)) if path.is_dir() else path.suffix == ".onnx"
