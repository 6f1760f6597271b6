"""A checkpoint's tensors as the arrays that a graph without weights wants: read, folded, transposed, without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from gsanet.base.errors import GsanetError
from gsanet.export.graph_info import TRANSPOSED, WeightPlan
from gsanet.model.config import GSANetConfig
from gsanet.weights.header import read_config, today

Array = NDArray[np.float32]


def read_arrays(path: Path) -> tuple[GSANetConfig, dict[str, NDArray[Any]]]:
    """Configuration and tensors, in their own precision, of a video model's file.

    Raises:
        GsanetError: no such file, not one of ours, not a video model, or in a precision that NumPy does not have.
    """
    config = read_config(path)
    try:
        with safe_open(path, framework="np") as file:
            return config, {today(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, TypeError) as error:
        raise GsanetError(f"{path} is not a safetensors file of float16 or float32 ({error})") from None


def initialisers(plan: WeightPlan, tensors: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, Array]]:
    """The graph's weights by name, float32, made one by one.

    Raises:
        KeyError: a tensor is missing.
    """
    for name in plan.taken:
        if name.endswith(TRANSPOSED):
            yield name, np.ascontiguousarray(tensors[name.removesuffix(TRANSPOSED)].T, np.float32)
        else:
            yield name, np.ascontiguousarray(tensors[name], np.float32)
    for conv, (norm, eps) in plan.folded.items():
        weight, bias, mean, var = (
            tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(var + eps)
        shift = tensors[f"{conv}.bias"].astype(np.float64) - mean if f"{conv}.bias" in tensors else -mean
        kernel = tensors[f"{conv}.weight"].astype(np.float32)
        kernel *= scale.astype(np.float32)[:, None, None, None]
        yield f"{conv}.weight", kernel
        yield f"{conv}.bias", (shift * scale + bias).astype(np.float32)


def fingerprint(tensors: Mapping[str, NDArray[Any]]) -> str:
    """16 hexadecimal digits for a checkpoint's tensors, the same whether it is stored in float16 or float32."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name], np.float16).data)
    return digest.hexdigest()[:16]
