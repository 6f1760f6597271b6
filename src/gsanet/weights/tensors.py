"""The tensors of a module by name, and how they are put into another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from torch import Tensor, nn

from gsanet.base.errors import GsanetError

_COUNTER = "num_batches_tracked"
"""How many batches a norm has seen: it means nothing in eval mode, and files do without."""


def counts_batches(name: str) -> bool:
    """Whether the tensor called *name* is a norm's count of batches, which is no weight."""
    return name.endswith(_COUNTER)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """All tensors of *model* by name, without its norms' counts of batches, which mean nothing elsewhere."""
    return {k: v for k, v in model.state_dict().items() if not counts_batches(k)}


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy *tensors* into *model*; every one must fit, none may be left over.

    Raises:
        GsanetError: names the first tensors that are missing, unknown or misshapen.
    """
    wanted = {k: v.shape for k, v in weights_of(model).items()}
    problems = [f"missing {k}" for k in wanted if k not in tensors]
    problems += [f"unknown {k}" for k in tensors if k not in wanted]
    problems += [
        f"{k} is {tuple(tensors[k].shape)} instead of {tuple(s)}"
        for k, s in wanted.items()
        if k in tensors and tensors[k].shape != s
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise GsanetError(f"{source} does not fit the model: {'; '.join(problems[:5])}{more}")
    model.load_state_dict(dict(tensors), strict=False)


def fingerprint(model: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight or any field of the model's ``config``."""
    digest = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode())  # type: ignore[union-attr,operator]
    for name, tensor in weights_of(model).items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
