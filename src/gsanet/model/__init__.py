"""The network of the paper in pure torch (docs/method.md). Start reading at :mod:`gsanet.model.network`.

Its configuration is plain data, which can be read where there is no torch: the network is loaded when it is first asked
for.
"""

from typing import TYPE_CHECKING, Any

from gsanet.model.config import VARIANTS, GSANetConfig, variant

if TYPE_CHECKING:
    from gsanet.model.network import GSANet, GSANetOutput, ReferenceFeatures, SaliencyNet

__all__ = ["VARIANTS", "GSANet", "GSANetConfig", "GSANetOutput", "ReferenceFeatures", "SaliencyNet", "variant"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from gsanet.model import network

        return getattr(network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
