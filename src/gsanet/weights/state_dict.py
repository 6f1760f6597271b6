"""Reading state dicts that others wrote, without running what the file may hold."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gsanet.base.errors import GsanetError

SUFFIXES = (".pth", ".pt", ".ckpt", ".bin")
"""File names by which a PyTorch checkpoint is recognised."""

_WRAPPERS = ("model_state_dict", "state_dict", "model")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name: of a ``.safetensors`` file, or in a PyTorch checkpoint, bare or under ``model_state_dict``,
    ``state_dict`` or ``model``.

    Only tensors and plain containers are unpickled; a file that asks for anything else is refused unrun.

    Raises:
        GsanetError: no such file, not a state dict, or it holds more than tensors.
    """
    if not path.is_file():
        raise GsanetError(f"no such file of weights: {path}")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise GsanetError(f"{path} is not a safetensors file ({error})") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        reason = re.search(r"(?:GLOBAL|global|function|class) +(?:[a-z]+ )?`?([\w.]+\.[\w.]+)", str(error))
        raise GsanetError(
            f"{path} was not opened: it is damaged or holds more than tensors"
            f"{f' ({reason[1]})' if reason else ''}, and unpickling that could run code; "
            f"ask its author for a plain state dict"
        ) from None
    except Exception as error:  # torch.load has no error class of its own for a damaged file
        raise GsanetError(f"{path} is not a readable PyTorch checkpoint ({type(error).__name__})") from None
    if isinstance(content, Mapping):
        content = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise GsanetError(
            f"{path} holds no state dict (names and tensors), bare or under one of {', '.join(_WRAPPERS)}"
        )
    return {str(name): tensor for name, tensor in content.items()}
