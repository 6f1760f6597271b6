"""Optical flow and its colour wheel."""

from gsanet.flow.base import FlowMethod
from gsanet.flow.colour import flow_to_picture, picture_to_flow, transform_flow
from gsanet.flow.methods import flow_method
from gsanet.flow.sequence import sequence_flow

__all__ = ["FlowMethod", "flow_method", "flow_to_picture", "picture_to_flow", "sequence_flow", "transform_flow"]
