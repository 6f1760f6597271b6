"""The ways to compute flow, by name. A new one is a file of this folder and a line of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from gsanet.base.errors import GsanetError
from gsanet.flow.base import FlowMethod
from gsanet.flow.dis import DIS_METHODS, DISFlow
from gsanet.flow.scaled import ScaledFlow


def _raft(size: str, **settings: Any) -> FlowMethod:
    from gsanet.flow.raft import load_raft  # only for those who ask: torch and torchvision take seconds

    return load_raft(size, **settings)


def _gmflow(**settings: Any) -> FlowMethod:
    from gsanet.flow.gmflow import load_gmflow  # as above

    return load_gmflow(**settings)


class Method(NamedTuple):
    """A line of the table."""

    make: Callable[..., FlowMethod]
    settings: tuple[str, ...] = ()
    """Keyword arguments that *make* takes."""


_RAFT = ("weights", "iterations", "device", "precision", "batch")

METHODS: dict[str, Method] = {
    **{name: Method(partial(DISFlow, preset)) for name, preset in DIS_METHODS.items()},
    "raft-small": Method(partial(_raft, "small"), _RAFT),
    "raft-large": Method(partial(_raft, "large"), _RAFT),
    "gmflow": Method(_gmflow, ("weights", "device", "precision", "batch")),
}

_WHERE = ("device", "precision")
"""Settings that a method without a choice passes over: they say where it runs, not what it computes."""


def flow_method(name: str, *, long_side: int | None = None, **settings: Any) -> FlowMethod:
    """The method called *name*.

    Args:
        long_side: compute flow on pictures brought down to this many pixels (:class:`~gsanet.flow.scaled.ScaledFlow`).
        settings: of the method (:func:`gsanet.flow.raft.load_raft` has some); None means its default.

    Raises:
        GsanetError: there is no such method, it takes no such setting, or it cannot be made.
    """
    check_method(name, **settings)
    made = METHODS[name].make(**{key: settings[key] for key in METHODS[name].settings if settings.get(key) is not None})
    return made if long_side is None else ScaledFlow(made, long_side)


def check_method(name: str, **settings: Any) -> None:
    """Whether :func:`flow_method` knows all of these, without making anything.

    Raises:
        GsanetError: it does not.
    """
    if name not in METHODS:
        raise GsanetError(f"unknown flow method {name!r}: choose one of {', '.join(METHODS)}")
    for key, value in settings.items():
        if value is not None and key not in METHODS[name].settings and key not in _WHERE:
            *others, last = [other for other, method in METHODS.items() if key in method.settings] or ["no method"]
            takers = f"{', '.join(others)} and {last}" if others else last
            raise GsanetError(f"flow by {name} takes no {key}: that is for {takers}")


def methods_in(text: str) -> tuple[str, ...]:
    """The names in ``dis`` or ``dis+gmflow``, each once; none where one of them is no method."""
    names = tuple(dict.fromkeys(text.split("+")))
    return names if all(name in METHODS for name in names) else ()


def flow_methods(names: Iterable[str], **settings: Any) -> dict[str, FlowMethod]:
    """Several methods by name, each with those of *settings* that it takes.

    Raises:
        GsanetError: as :func:`flow_method`; none of them takes one of these settings.
    """
    names = tuple(dict.fromkeys(names))
    check_methods(names, **settings)
    return {
        name: flow_method(name, **{key: settings[key] for key in METHODS[name].settings if key in settings})
        for name in names
    }


def check_methods(names: Iterable[str], **settings: Any) -> None:
    """As :func:`check_method` for :func:`flow_methods`.

    Raises:
        GsanetError: one of them is unknown, or none takes one of the settings.
    """
    names = tuple(names)
    for name in names:
        check_method(name)
    for key, value in settings.items():
        if not any(key in METHODS[name].settings for name in names):
            check_method(names[0], **{key: value})
