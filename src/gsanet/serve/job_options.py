"""What a request may choose about its job: the options of the command and of Python, under the same names.

Nothing is listed here a second time. Names, types and defaults are read from :class:`~gsanet.segment.options.Options`,
:meth:`~gsanet.segment.engine.Segmenter.from_pretrained` and :func:`~gsanet.segment.clip_folder.segment_to_folder`;
only what strangers may not choose is taken away or made narrower.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, Literal, get_type_hints

from PIL import ImageColor
from pydantic import Field, TypeAdapter
from typing_extensions import Unpack

from gsanet.base.errors import GsanetError
from gsanet.base.validation import Positive, settings, validated
from gsanet.flow.methods import METHODS
from gsanet.segment.background import BLUR, TRANSPARENT
from gsanet.segment.clip_folder import segment_to_folder
from gsanet.segment.engine import Segmenter
from gsanet.segment.options import DEFAULT_QUALITY, Options, preset
from gsanet.segment.save import KINDS
from gsanet.video.trimmed import Span, seconds

OF_THE_SERVER = ("model", "runtime", "device", "precision", "batch", "flow_weights")
"""Options of the command that whoever starts the server chooses: files, and what the machine is used for."""

OF_THE_COMMAND = {
    "clips": "it is what is uploaded",
    "out": "results are fetched",
    "resume": "every job is new",
    "overwrite": "every job is new",
    "each": "an upload is one clip",
    "duration": "`end` says it",
    "truth": "a folder of the server",
    "preview": "the page shows it",
    "report": "a job says of itself what became of it",
    **dict.fromkeys(
        ("jobs", "shard", "piece", "engine", "address", "retries"), "how many clips are worked on, and where"
    ),
}
"""Options of the command that a job has no use for, and why."""

_OF_A_FOLDER = ("save", "background", "start", "end", "every")
"""Arguments of :func:`segment_to_folder` that are a matter of taste."""

_FLOWS = tuple(name for name, method in METHODS.items() if "weights" not in method.settings)
"""Those that need no file and no download."""

_LARGEST = 2048
"""Pixels of the long side of what a network is given: memory grows with its square."""

_NARROWER: dict[str, Any] = {
    "save": list[Literal[KINDS]],  # type: ignore[valid-type]
    "flow": Literal[(*_FLOWS, "none")],
    "size": Annotated[int, Field(ge=64, le=_LARGEST)] | None,
    "flow_size": Annotated[int, Field(ge=64, le=_LARGEST)],
    "scales": Annotated[tuple[Annotated[Positive, Field(le=2)], ...], Field(min_length=1, max_length=4)],
}
"""What strangers may ask for, where the library takes more: files of the server, downloads, all of its memory."""


def _declared() -> dict[str, tuple[Any, Any]]:
    """Name -> (type, default) of everything that a job may choose."""
    found: dict[str, tuple[Any, Any]] = {"quality": (_hints(Segmenter.from_pretrained)["quality"], DEFAULT_QUALITY)}
    hints, arguments = _hints(segment_to_folder), inspect.signature(segment_to_folder).parameters
    found |= {name: (hints[name], arguments[name].default) for name in _OF_A_FOLDER}
    hints = get_type_hints(Options, include_extras=True)
    for one in fields(Options):
        if one.name not in OF_THE_SERVER:
            found[one.name] = (hints[one.name], one.default if one.default is not MISSING else None)
    return {name: (_NARROWER.get(name, kind), default) for name, (kind, default) in found.items()}


def _hints(function: Any) -> dict[str, Any]:
    # What stands behind TYPE_CHECKING is none of ours.
    return get_type_hints(function, localns={"Unpack": Unpack, "GSANet": object}, include_extras=True)


def _default(value: Any) -> Any:
    return field(default_factory=lambda: list(value)) if isinstance(value, tuple | list) else field(default=value)


DECLARED = _declared()

JobOptions: Any = settings(
    type(
        "JobOptions",
        (),
        {"__annotations__": {name: kind for name, (kind, _) in DECLARED.items()}, "__module__": __name__}
        | {name: _default(default) for name, (_, default) in DECLARED.items()},
    )
)
"""All of them as one class, for checking and for the OpenAPI page."""


@dataclass(frozen=True)
class Wanted:
    """What one request chose, checked."""

    given: dict[str, Any]
    """Only what was named in the request, as plain values."""
    background_file: bool = False
    """A picture or video for behind the object came with it."""

    @property
    def save(self) -> tuple[str, ...]:
        """What to write."""
        return tuple(dict.fromkeys(self.given.get("save", DECLARED["save"][1])))

    @property
    def span(self) -> Span:
        """The part of the clip."""
        start, end = self.given.get("start", 0.0), self.given.get("end")
        return Span(seconds(start), None if end is None else seconds(end), self.given.get("every", 1))

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of :class:`Options`."""
        names = {one.name for one in fields(Options)}
        return {name: value for name, value in self.given.items() if name in names}

    def resolved(self) -> dict[str, Any]:
        """Every option with the value that it has, as JSON has it."""
        values = {name: default for name, (_, default) in DECLARED.items()} | self.given
        options = preset(self.given.get("quality"), self.changes).to_dict()
        values |= {name: value for name, value in options.items() if name in DECLARED}
        values["save"] = list(self.save)
        if self.background_file:
            values["background"] = "file"
        return values


def wanted(values: Mapping[str, Any], *, background_file: bool = False) -> Wanted:
    """Check what a request chose.

    Raises:
        GsanetError: unknown names, wrong types, values out of range or that do not go together.
    """
    checked = validated(JobOptions, values)
    given = {name: getattr(checked, name) for name in values}
    if "background" in given:
        given["background"] = _background(given["background"])
    chosen = Wanted(given, background_file)
    if not chosen.save:
        raise GsanetError("save must name at least one kind of result")
    chosen.span  # noqa: B018 - raises
    preset(given.get("quality"), chosen.changes)
    return chosen


def schema(words: Mapping[str, str]) -> dict[str, Any]:
    """JSON schema of the options.

    Args:
        words: what each of them means; the command line has these texts.
    """
    found = TypeAdapter(JobOptions).json_schema()
    for name, one in found["properties"].items():
        if name in words:
            one["description"] = words[name]
    return found


def _background(text: str) -> str:
    """Only what is no file: a colour in one spelling, which no file can be named like, or a word.

    Raises:
        GsanetError: anything else, a path or an address say.
    """
    if text in (BLUR, TRANSPARENT):
        return text
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise GsanetError(
            f"background must be blur, transparent or a colour (green, #00ff00), got {text[:80]!r}; a picture or a "
            "video is uploaded as a part of the request that is called background"
        ) from None
    return f"rgb({red},{green},{blue})"
