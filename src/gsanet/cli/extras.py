"""A library that is missing is one line that says what to install."""

from __future__ import annotations

from collections.abc import Sequence

EXTRAS = {
    "huggingface_hub": ("huggingface_hub", "hub"),
    "torch": ("torch", "torch"),
    "torchvision": ("torchvision", "torch"),
    "timm": ("timm", "torch"),
    "lightning_fabric": ("lightning-fabric", "train"),
    "lightning_utilities": ("lightning-fabric", "train"),
    "tensorboard": ("tensorboard", "train"),
    "tomli_w": ("tomli-w", "train"),
    "segmentation_models_pytorch": ("segmentation-models-pytorch", "mit"),
    "onnx": ("onnx", "export"),
    "onnxscript": ("onnxscript", "export"),
    "py_sod_metrics": ("pysodmetrics", "eval"),
    "pillow_heif": ("pillow-heif", "heif"),
    "gradio": ("gradio", "serve"),
    "fastapi": ("fastapi", "serve"),
    "uvicorn": ("uvicorn", "serve"),
    "ray": ("ray", "ray"),
}
"""Module -> the package that has it, and the extra of gsanet that brings it."""


def missing(error: ModuleNotFoundError, words: Sequence[str]) -> str | None:
    """What to say if *error* is about an optional library; None if it is not, which makes it a bug.

    Args:
        words: of the command line, without the program.
    """
    package, extra = EXTRAS.get((error.name or "").partition(".")[0], ("", ""))
    if not package:
        return None
    command = next((word for word in words if not word.startswith("-")), "")
    return f"{' '.join(filter(None, ('gsanet', command)))} needs {package}: {install(extra)}"


def install(extra: str) -> str:
    """The command that brings an extra of gsanet."""
    return f"pip install 'gsanet[{extra}]'"
