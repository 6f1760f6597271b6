"""The mean of several weights of one network ("model soup", Wortsman et al., ICML 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.checkpoint import load_any
from gsanet.weights.tensors import weights_of


def average_of(files: Sequence[Path]) -> GSANet | SaliencyNet:
    """The model whose every tensor, statistics of norms included, is the mean of those in *files*.

    Of runs that began with the same weights and then went different ways, by another seed say, it is usually as good as
    the best or better, for the time of one: two cores train two runs quicker than they share one. Runs from different
    beginnings have nothing in common to average.

    Raises:
        GsanetError: fewer than two files, one that cannot be read, or of another network than the first.
    """
    if len(files) < 2:
        raise GsanetError(f"an average is of two files or more, got {len(files)}")
    mean = load_any(files[0])
    total = {name: tensor.double() for name, tensor in weights_of(mean).items()}
    for file in files[1:]:
        other = load_any(file)
        if type(other) is not type(mean) or other.config != mean.config:
            raise GsanetError(f"{file} holds another network than {files[0]}: nothing to average")
        for name, tensor in weights_of(other).items():
            total[name] += tensor
    mean.load_state_dict({name: tensor / len(files) for name, tensor in total.items()}, strict=False)
    return mean
