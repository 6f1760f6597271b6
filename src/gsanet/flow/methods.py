"""The ways to compute flow, by name. A new one is a file of this folder and a line of the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from gsanet.errors import GsanetError
from gsanet.flow.colour import Flow, Picture
from gsanet.flow.dis import DISFlow


class FlowMethod(Protocol):
    """Flow between two pictures, callable from several threads at once."""

    def __call__(self, first: Picture, second: Picture) -> Flow:
        """RGB (H,W,3) twice -> (H,W,2) in pixels, from *first* to *second*; equal pictures give zero."""
        ...


METHODS: dict[str, Callable[[], FlowMethod]] = {
    "dis": DISFlow,
    "dis-fast": partial(DISFlow, "fast"),
    "dis-ultrafast": partial(DISFlow, "ultrafast"),
}


def flow_method(name: str) -> FlowMethod:
    """The method called *name*.

    Raises:
        GsanetError: there is none.
    """
    if name not in METHODS:
        raise GsanetError(f"unknown flow method {name!r}: choose one of {', '.join(METHODS)}")
    return METHODS[name]()
