"""Settings that come from outside, a recipe, a file's header, a caller: checked where they come in, in one line."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, TypeVar, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails
from typing_extensions import dataclass_transform

from gsanet.base.errors import GsanetError

Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]

_RULES = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Strict: ``"9"`` and ``true`` are no numbers, though Python would turn them into some."""

_SHOWN = 3
"""Problems in a line."""

_ALLOWED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table of settings",
    "dataclass_exact_type": "a table of settings",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "above {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
}
"""What a setting must be, by pydantic's type of error and with what that error knows."""

T = TypeVar("T")


class Problem(NamedTuple):
    """One thing that is wrong."""

    setting: str
    """Which: a dotted name, with places in lists, as ``train.videos[1].weight``."""
    what: str
    """What is allowed, and what it is: ``must be at least 1, got -5``."""

    def __str__(self) -> str:
        return f"{self.setting} {self.what}".strip()


class InvalidSettings(GsanetError, ValueError):
    """Settings that are not there, or have values that they cannot have; in one line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        more = f" and {len(self.problems) - _SHOWN} more" if len(self.problems) > _SHOWN else ""
        return "; ".join(map(str, self.problems[:_SHOWN])) + more


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def settings(cls: type[T]) -> type[T]:
    """Make *cls* a frozen dataclass that checks types and ranges, also in ``dataclasses.replace``.

    Its ``__post_init__`` may check more: a ``ValueError`` that begins with a field's name is told as the rest is.

    Raises:
        InvalidSettings: by the constructor.
    """
    made: Any = dataclass(frozen=True, config=_RULES)(cls)
    plain = made.__init__

    @functools.wraps(plain)
    def checked(self: T, *args: Any, **kwargs: Any) -> None:
        try:
            plain(self, *args, **kwargs)
        except ValidationError as error:
            raise InvalidSettings(_problems(error, made)) from None

    made.__init__ = checked
    return made  # type: ignore[no-any-return]


def validated(kind: type[T], values: Mapping[str, Any]) -> T:
    """An object of *kind*, made by :func:`settings`, from plain values as JSON and TOML have them: lists for tuples,
    tables for settings in settings.

    Raises:
        InvalidSettings: unknown names, wrong types, values out of range.
    """
    # By way of JSON, where strictness knows that a list may be a tuple.
    text = json.dumps(dict(values), default=_plain)
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise InvalidSettings(_problems(error, kind)) from None


def unknown_setting(name: str, known: Sequence[str]) -> str:
    """What to say of a name that is none of *known*."""
    near = get_close_matches(name, known, 1)
    return "is not a setting; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}")


def _plain(value: object) -> Any:
    """What JSON does not know: paths, NumPy's numbers; of the rest, dates say, the text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "item") else str(value)


def _problems(error: ValidationError, kind: type) -> list[Problem]:
    found = error.errors(include_url=False)
    # A list none of whose entries will do is called too short as well.
    inner = [one for one in found if not any(_within(other["loc"], one["loc"]) for other in found)]
    return [_problem(one, kind) for one in inner]


def _within(inner: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _problem(error: ErrorDetails, kind: type) -> Problem:
    sort, place, value, context = error["type"], error["loc"], error["input"], error.get("ctx", {})
    if place and isinstance(place[0], int):  # an argument without a name
        names = _names(kind, ())
        place = (names[place[0]] if place[0] < len(names) else f"argument {place[0] + 1}", *place[1:])
    setting = _dotted(place)
    if sort == "value_error":
        word, _, rest = str(context["error"]).partition(" ")
        return Problem(_dotted((*place, word)), rest)
    if sort in ("unexpected_keyword_argument", "unexpected_positional_argument"):
        return Problem(setting, unknown_setting(str(place[-1]), _names(kind, place[:-1])))
    if sort == "missing":
        if isinstance(place[-1], int):
            return Problem(_dotted(place[:-1]), f"must hold at least {place[-1] + 1} values, got {_shown(value)}")
        return Problem(setting, "is missing")
    if sort in ("too_short", "too_long"):
        least = sort == "too_short"
        bound = f"at least {context['min_length']}" if least else f"at most {context['max_length']}"
        return Problem(setting, f"must hold {bound}, got {_shown(value)}")
    if sort == "string_too_short":
        return Problem(setting, "must not be empty")
    if sort == "tuple_type" and isinstance(value, list):  # from Python, where the two differ
        allowed = "a tuple"
    elif sort in _ALLOWED:
        allowed = _ALLOWED[sort].format(**{key: _number(bound) for key, bound in context.items()})
    else:
        allowed = error["msg"].removeprefix("Input should be ")
    return Problem(setting, f"must be {allowed}, got {_shown(value)}")


def _dotted(place: Sequence[str | int]) -> str:
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def _names(kind: Any, place: Sequence[str | int]) -> list[str]:
    """The settings that there are at *place* of *kind*."""
    for part in place:
        kind = get_args(kind)[0] if isinstance(part, int) else kind.__pydantic_fields__[part].annotation
    return list(kind.__pydantic_fields__)


def _number(bound: object) -> object:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
