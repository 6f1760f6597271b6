"""Which device to compute on, by the name a user gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsanet.base.errors import GsanetError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """``auto`` takes the first GPU there is, else the CPU.

    Raises:
        GsanetError: torch does not know it, or it is not there.
    """
    import torch  # here: this room is imported by all, also where there is no torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise GsanetError(f"device {name!r} cannot be used ({reason}); try cpu, cuda or auto") from None
    return device
