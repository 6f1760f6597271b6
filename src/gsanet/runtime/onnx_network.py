"""The network as the engine sees it, computed by ONNX Runtime instead of PyTorch."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.export.exporter import export_onnx
from gsanet.export.graphs import FEATURES, PROBABILITY
from gsanet.export.metadata import Facts, fingerprint
from gsanet.model import GSANet
from gsanet.runtime.interface import Answer, Pictures, Reference, RuntimeName, Timer
from gsanet.runtime.onnx_graphs import ExportedModel, require_runtime
from gsanet.weights.packaged import licence_of

log = logging.getLogger("gsanet")


class OnnxNetwork:
    """In place of :class:`~gsanet.runtime.torch_network.Network`: frames one by one, in float32, on the CPU.

    Raises:
        GsanetError: onnxruntime is not installed, or another device or precision is asked for.
    """

    name: RuntimeName = "onnx"

    def __init__(self, model: ExportedModel, device: str = "auto", precision: str = "auto") -> None:
        require_runtime()
        if device not in ("auto", "cpu"):
            raise GsanetError(f"the onnx backend runs on the CPU: device {device!r} needs the torch backend")
        if precision not in ("auto", "float32"):
            raise GsanetError(f"the onnx backend computes in float32: precision {precision!r} needs the torch backend")
        self.device = "cpu"
        self.batch = 1
        self.precision = "float32"
        self.config = model.config
        self._model = model

    @property
    def workers(self) -> int:
        """ONNX Runtime shares a frame among its own threads."""
        return 1

    def one_thread(self, others: int) -> None:
        """Not called: there is one worker."""

    def timed(self, timer: Timer) -> AbstractContextManager[object]:
        """As :meth:`Runtime.timed`: ONNX Runtime does not say where its time goes."""
        return nullcontext()

    def load_sizes(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Open, and export if need be, the graphs for inputs of these sizes (h,w).

        Raises:
            GsanetError: there are none for one of them.
        """
        for size in sizes:
            self._model.graphs(size)

    def encode(self, pictures: Sequence[Pictures]) -> list[Reference]:
        """As :meth:`Runtime.encode`."""
        rgb, flow = (np.stack(arrays) for arrays in zip(*pictures, strict=True))
        found = self._model.graphs(_size(pictures[0])).references(rgb, flow)
        return [tuple(found[name][:, i : i + 1] for name in FEATURES) for i in range(len(pictures))]

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """As :meth:`Runtime.__call__`."""
        features = [np.concatenate(parts, axis=1) for parts in zip(*references, strict=True)]
        results = []
        for one in pictures:
            found = self._model.graphs(_size(one)).step(one.rgb[None], one.flow[None], *features)
            maps = {name: value[0] for name, value in found.items() if name != PROBABILITY} if slots else {}
            results.append(Answer(found[PROBABILITY][0], maps))
        return results


def cached_export(model: GSANet, name: str) -> ExportedModel:
    """*model* as an exported one in the cache folder; a size is exported when it is first needed, with one line logged.

    Args:
        name: of the weights, for that line and the files' metadata.
    """
    # What changes the files has a part in the folder's name, so that old files are never taken for new ones.
    key = f"{fingerprint(model)}-gsanet{__version__}-torch{torch.__version__}"
    folder = cache_folder() / "onnx" / re.sub(r"[^\w.-]", "_", key)

    def make(size: tuple[int, int]) -> None:
        log.warning("exporting %s to ONNX for %dx%d pictures, once, into %s", name, *size, folder)
        export_onnx(model, folder, size, facts=Facts(Path(name).name, licence_of(name)))

    return ExportedModel(folder, make=make, config=model.config)


def cache_folder() -> Path:
    """``GSANET_CACHE`` if set, else ``gsanet`` in the user's cache folder."""
    own = os.environ.get("GSANET_CACHE")
    if own:
        return Path(own)
    general = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(general) if general else Path.home() / ".cache") / "gsanet"


def _size(pictures: Pictures) -> tuple[int, int]:
    return pictures.rgb.shape[0], pictures.rgb.shape[1]
