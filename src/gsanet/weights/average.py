"""The mean of several weights of one network ("model soup", Wortsman et al., ICML 2022)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.checkpoint import load_any
from gsanet.weights.tensors import weights_of


def average_of(files: Sequence[Path]) -> GSANet | SaliencyNet:
    """The model whose every tensor, statistics of norms included, is the mean of those in *files*.

    Of runs that began with the same weights and then went different ways, by another seed say, it is usually as good as
    the best or better, for the time of one: two cores train two runs quicker than they share one. Runs from different
    beginnings have nothing in common to average. A head for edges that only some have is the mean of theirs: what a run
    without it and one on from there have in common is all the rest.

    Raises:
        GsanetError: fewer than two files, one that cannot be read, or of another network than the first.
    """
    if len(files) < 2:
        raise GsanetError(f"an average is of two files or more, got {len(files)}")
    mean: GSANet | SaliencyNet | None = None
    total: dict[str, Tensor] = {}
    count: Counter[str] = Counter()
    for file in files:
        other = load_any(file)
        if mean is None or (other.edges is not None and mean.edges is None and _alike(other, mean)):
            mean = other
        elif not _alike(other, mean):
            raise GsanetError(f"{file} holds another network than {files[0]}: nothing to average")
        for name, tensor in weights_of(other).items():
            total[name] = total.get(name, 0) + tensor.double()
            count[name] += 1
    assert mean is not None
    mean.load_state_dict({name: tensor / count[name] for name, tensor in total.items()}, strict=False)
    return mean


def _alike(one: GSANet | SaliencyNet, other: GSANet | SaliencyNet) -> bool:
    """Whether they are the same network, but for a head that one of them lacks."""
    if type(one) is not type(other):
        return False
    heads = {model.config.edge_channels for model in (one, other)} - {0}
    return len(heads) < 2 and replace(one.config, edge_channels=0) == replace(other.config, edge_channels=0)
