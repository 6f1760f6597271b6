"""The network of METHOD.md, in pure torch. Start reading at :mod:`gsanet.model.network`."""

from gsanet.model.config import VARIANTS, GSANetConfig, variant
from gsanet.model.network import GSANet, GSANetOutput, ReferenceFeatures, SaliencyNet

__all__ = ["VARIANTS", "GSANet", "GSANetConfig", "GSANetOutput", "ReferenceFeatures", "SaliencyNet", "variant"]
