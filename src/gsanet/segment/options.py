"""Everything a user can choose that changes masks, in one place; it goes into ``summary.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from pydantic import Field

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import THRESHOLD
from gsanet.base.validation import Positive, settings
from gsanet.flow.methods import check_methods, methods_in
from gsanet.flow.sequence import Direction
from gsanet.model.config import GSANetConfig
from gsanet.model.input_size import SMALLEST, network_size
from gsanet.segment.choice import Choice, read_choice


class Way(NamedTuple):
    """Which flow."""

    direction: Direction
    """To the next frame, or (negated) to the one before."""
    method: str = ""
    """By which of several methods (:data:`gsanet.flow.methods.METHODS`); empty where it is not computed."""


class View(NamedTuple):
    """One way of showing a frame to the network; its probability is the average over all views."""

    size: tuple[int, int]
    """(h,w) of the input."""
    way: Way
    mirrored: bool


Quality = Literal["fast", "balanced", "best"]


@settings
class Options:
    """How a clip is segmented. The defaults take one pass of the network per frame."""

    size: Annotated[int, Field(ge=SMALLEST)] | None = None
    """Long side of the network's input (both sides of a square model); the model's own if None."""
    flow: str = "dis-sharp"
    """``dis``, ``raft-small``, ``gmflow`` and their kin (:data:`gsanet.flow.methods.METHODS`), several with ``+``
    between them, which is a view for each; ``none``; or a folder of flow made earlier
    (:class:`gsanet.segment.motion.FolderMotion`)."""
    flow_weights: str | None = None
    """A file of weights for the flow, where it needs some; if None RAFT downloads them, and GMFlow has none."""
    flow_size: Annotated[int, Field(ge=SMALLEST)] = 448
    """Long side of the pictures on which flow is computed, and of the average over time. The default is about what
    training sees: more takes longer for tenths of a point on the development split (docs/experiments.md)."""
    online: bool = False
    """Use only the past: references and flow come from frames that have been shown already."""
    flip: bool = False
    """Average with the mirrored frame."""
    scales: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1.0,)
    """Average over these multiples of the input size."""
    flow_directions: Literal["forward", "both"] = "forward"
    """``both`` averages with the flow from the frame before, by the first of several methods."""

    fovea: Literal["off", "instead", "beside"] = "instead"
    """Look closer: show the network the surroundings of an object that is small (:mod:`gsanet.segment.fovea`).
    ``beside`` the whole frame, which is up to twice the work, or ``instead`` of it in most frames."""
    keyframes: bool = True
    """Do not show the network what frames around tell (:mod:`gsanet.segment.keyframes`). It sees all frames with
    ``online`` and ``beside`` and of frames above 2048x1152, whatever this says."""
    keyframe_interval: Annotated[int, Field(ge=2, le=32)] = 4
    """One frame of so many is looked at as a whole, where others may be told from those around or are only looked at
    closer. All of these wait for the next such frame."""
    keyframe_overlap: Annotated[float, Field(ge=0, le=1)] = 0.85
    """Overlap (intersection over union) of the masks told from both sides, from which on they count as the same: less
    is quicker, with 1 nearly every frame is looked at."""
    smooth: bool = True
    """Average probabilities over time, along the flow (:mod:`gsanet.segment.averaging`)."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = THRESHOLD
    """A pixel is object where its probability is above this: less finds more, more is surer."""
    object: str | None = None
    """Follow each object over time, and keep these: ``largest``, ``all``, or numbers such as ``1,3``. None: everything
    that is found, as one (:mod:`gsanet.segment.objects`)."""
    hint: str | None = None
    """Follow each object, and keep the one that is here: ``x,y`` or ``x,y,width,height`` in pixels, with ``@time`` or
    for the first frame; several separated by spaces (:func:`gsanet.segment.choice.read_choice`)."""

    def __post_init__(self) -> None:
        read_choice(self.object, self.hint)
        if self.methods:
            check_methods(self.methods, weights=self.flow_weights)
        elif self.flow_weights is not None:
            raise GsanetError(f"flow {self.flow!r} needs no weights: they are for a method that computes it")
        if self.online and self.flow_directions == "both":
            raise GsanetError("online uses only the past: it cannot look at the flow in both directions")

    def views(self, height: int, width: int, config: GSANetConfig) -> list[View]:
        """The views of a frame of *height* x *width*; the first is the plain one."""
        direction: Direction = "backward" if self.online else "forward"
        ways = [Way(direction, method) for method in self.methods or ("",)]
        if self.flow_directions == "both":
            ways.insert(1, ways[0]._replace(direction="backward"))
        side = config.size if self.size is None else self.size
        # Scales that round to the same size would only count a view twice.
        # A scale never makes a size that is allowed too small.
        sides = [max(min(side, SMALLEST), round(side * scale)) for scale in self.scales]
        sizes = dict.fromkeys(network_size(height, width, config, scaled) for scaled in sides)
        return [View(*view) for view in product(sizes, ways, (False, True) if self.flip else (False,))]

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that compute flow; none where it comes from elsewhere, or there is none."""
        return methods_in(self.flow)

    def change(self, changes: Mapping[str, Any]) -> Options:
        """A copy with some fields changed.

        Raises:
            GsanetError: there is no such field.
        """
        unknown = sorted(set(changes) - {field.name for field in fields(self)})
        if unknown:
            known = ", ".join(field.name for field in fields(self))
            raise GsanetError(f"unknown option(s) {', '.join(unknown)}; there are {known}")
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON. A choice of object stands there only if one was made."""
        unasked = {name for name in ("object", "hint") if getattr(self, name) is None}
        return {name: value for name, value in asdict(self).items() if name not in unasked}

    @property
    def sparse(self) -> bool:
        """Whether frames may be told from those around instead of being shown to the network."""
        return self.keyframes and not self.online and self.fovea != "beside"

    @property
    def choice(self) -> Choice | None:
        """Which objects are kept; None if objects are not told apart."""
        return read_choice(self.object, self.hint)


class OptionChanges(TypedDict, total=False):
    """Any of the fields of :class:`Options`, as keyword arguments that an editor can complete."""

    size: int | None
    flow: str
    flow_weights: str | None
    flow_size: int
    online: bool
    flip: bool
    scales: tuple[float, ...]
    flow_directions: Literal["forward", "both"]
    fovea: Literal["off", "instead", "beside"]
    keyframes: bool
    keyframe_interval: int
    keyframe_overlap: float
    smooth: bool
    threshold: float
    object: str | None
    hint: str | None


QUALITY: dict[Quality, OptionChanges] = {
    "fast": {
        "scales": (6 / 7,),
        "flow": "dis",
        "flow_size": 320,
        "keyframe_interval": 8,
        "keyframe_overlap": 0.75,
    },
    "balanced": {},
    "best": {
        "scales": (8 / 7,),
        "flip": True,
        "flow": "dis-fine",
        "flow_directions": "both",
        "flow_size": 512,
        "fovea": "beside",
        "keyframes": False,
    },
}
"""Presets: one pass of the network per frame on a smaller picture, one, four on a larger one and four more, closer, on
what is small in it. What each gains and costs is in the README."""

DEFAULT_QUALITY: Quality = "balanced"


def preset(quality: Quality | None, changes: Mapping[str, Any]) -> Options:
    """The options of a preset (:data:`DEFAULT_QUALITY` if None), with some fields changed.

    Online there is one direction of flow only, the past's.

    Raises:
        GsanetError: no such preset or field.
    """
    quality = quality or DEFAULT_QUALITY
    if quality not in QUALITY:
        raise GsanetError(f"unknown quality {quality!r}: choose one of {', '.join(QUALITY)}")
    chosen: dict[str, Any] = {**QUALITY[quality]}
    if changes.get("size") is not None:
        chosen.pop("scales", None)  # who says a size means that size
    if changes.get("online") or ("flow" in changes and not methods_in(changes["flow"])):
        chosen.pop("flow_directions", None)
    return Options().change({**chosen, **changes})
