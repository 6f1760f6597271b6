"""In which precision to compute, by the name a user gives."""

from __future__ import annotations

import torch

from gsanet.base.errors import GsanetError

PRECISIONS = ("auto", "float32", "bfloat16")


def choose_precision(name: str, device: torch.device) -> str:
    """``auto`` is bfloat16 where the device computes in it, else float32.

    Raises:
        GsanetError: neither ``auto``, ``float32`` nor ``bfloat16``.
    """
    if name == "int8":
        raise GsanetError("int8 is for the package's weights in ONNX Runtime: use the runtime onnx")
    if name not in PRECISIONS:
        raise GsanetError(f"unknown precision {name!r}: choose one of {', '.join(PRECISIONS)}")
    if name != "auto":
        return name
    return "bfloat16" if _has_bfloat16(device) else "float32"


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return _processor_has("_is_avx512_bf16_supported") or has_amx()


def has_amx() -> bool:
    """Whether the processor multiplies whole tiles of matrices at once."""
    return _processor_has("_is_amx_tile_supported")


def _processor_has(check: str) -> bool:
    # Private, and named differently from release to release: a missing one means no.
    return bool(getattr(torch.cpu, check, lambda: False)())
