"""Which network computes a model: the runtimes by name."""

from __future__ import annotations

import logging
import os
import shutil
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from gsanet.base.cache_folder import cache_folder
from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.export.frame_network import FrameNetwork
from gsanet.export.packaged_graphs import packaged_graph
from gsanet.runtime.allocator import give_back_freed_memory, share_freed_memory
from gsanet.runtime.interface import Runtime, RuntimeName
from gsanet.runtime.onnx_network import OnnxNetwork, require_onnx_can
from gsanet.weights.header import read_config
from gsanet.weights.packaged import find_weights

if TYPE_CHECKING:
    from gsanet.model import GSANet

RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)

INSTALL_TORCH = "run `pip install 'gsanet[torch]'`"

log = logging.getLogger("gsanet")


def runtime_version(name: RuntimeName) -> dict[str, str]:
    """The library behind a runtime, and its version."""
    package = {"torch": "torch", "onnx": "onnxruntime"}[name]
    return {package: metadata.version(package)}


def open_runtime(model: GSANet | Runtime, device: str = "auto", precision: str = "auto") -> Runtime:
    """A PyTorch model made ready to run; what is a runtime already comes back as it is.

    Raises:
        GsanetError: it cannot compute on this device in this precision.
    """
    if isinstance(getattr(model, "name", None), str):
        return model  # type: ignore[return-value]
    # Imported here: whoever has a model has torch, others may not.
    from gsanet.runtime.torch_network import TorchNetwork

    return TorchNetwork(model, device, precision)  # type: ignore[arg-type]


def open_pretrained(
    name_or_path: str | os.PathLike[str] = "lite",
    runtime: RuntimeName = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Runtime:
    """Trained weights made ready to run.

    Args:
        name_or_path: a name inside the package (``lite``), a file, a repository on the hub (``owner/name``), or the
            ``.onnx`` file that ``gsanet export`` has written.
        runtime: ``torch``, ``onnx`` or ``auto``: PyTorch where it is installed and there is a GPU, or where only it can
            do what is asked (a device or precision of its own, a model of another structure than the package's graph);
            else ONNX Runtime, which starts in a tenth of the time and is about as quick on a CPU (docs/performance.md).

    Raises:
        GsanetError: there are no such weights, or this runtime cannot run them here.
    """
    if runtime not in RUNTIMES:
        raise GsanetError(f"unknown runtime {runtime!r}: choose one of {', '.join(RUNTIMES)}")
    share_freed_memory()  # before the threads that it is for
    if os.fspath(name_or_path).endswith(".onnx"):
        if runtime == "torch":
            raise GsanetError(f"{name_or_path} is an exported model, which PyTorch cannot run: use the runtime onnx")
        require_onnx_can(device, precision)
        return OnnxNetwork(FrameNetwork.open(Path(name_or_path)))
    with find_weights(name_or_path) as file:
        if runtime == "onnx" or (runtime == "auto" and _onnx_will_do(file, device, precision)):
            require_onnx_can(device, precision)
            return OnnxNetwork(_onnx_session(file, precision))
        return _open_torch(file, device, precision)


def _onnx_will_do(file: Path, device: str, precision: str) -> bool:
    if not has_torch():
        return True
    if device not in ("auto", "cpu") or precision == "bfloat16" or (device == "auto" and has_gpu()):
        return False
    return file.suffix == ".safetensors" and packaged_graph(read_config(file)) is not None


def _onnx_session(file: Path, precision: str) -> FrameNetwork:
    if file.suffix != ".safetensors" or packaged_graph(read_config(file)) is None:
        if not has_torch():
            raise GsanetError(f"{file} is not built like the model of the package: to run it, {INSTALL_TORCH}")
        return _traced(file)
    # int8 is for those who ask for it: its masks are not the same, and not on every processor is it quicker.
    return FrameNetwork.open(file, "float32" if precision == "auto" else precision, cache=cache_folder() / "sessions")


def _traced(file: Path) -> FrameNetwork:
    """A model of another structure than the package's: its graph is traced, once, into the cache folder."""
    from gsanet.export.exporter import export_onnx
    from gsanet.weights.checkpoint import load_model
    from gsanet.weights.tensors import fingerprint

    model = load_model(file)
    place = cache_folder() / "onnx" / f"{fingerprint(model)}-gsanet{__version__}.onnx"
    if not place.is_file():
        log.warning("exporting %s to ONNX, once, into %s", file.name, place.parent)
        export_onnx(model, place)
    return FrameNetwork.open(place)


def _open_torch(file: Path, device: str, precision: str) -> Runtime:
    if not has_torch():
        raise GsanetError(f"the runtime torch needs PyTorch: {INSTALL_TORCH}")
    from gsanet.weights.checkpoint import load_model

    model = load_model(file)
    opened = open_runtime(model, device, precision)
    # The network is a folded copy: the model as it was read is of no further use, and larger.
    del model
    give_back_freed_memory()
    return opened


def has_torch() -> bool:
    """Whether PyTorch is installed, without importing it, which takes seconds."""
    try:
        return util.find_spec("torch") is not None
    except (ImportError, ValueError):  # of an import hook that forbids it, or a module half taken apart
        return False


def has_gpu() -> bool:
    """Whether there is a driver of an NVIDIA GPU, without asking PyTorch."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
