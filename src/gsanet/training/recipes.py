"""Recipes by name: inside the package, or a file. Here they are text; :mod:`gsanet.training.config` reads it."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gsanet.base.errors import GsanetError

_ENDING = ".toml"


class Recipe(NamedTuple):
    """A recipe as it is written."""

    name: str
    """For ``--config``: ``lite``, or the file."""
    text: str
    file: str
    """Where to read it."""

    @property
    def summary(self) -> str:
        """Its first line, if that is a comment."""
        first = self.text.partition("\n")[0]
        return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def packaged_recipes() -> list[Recipe]:
    """Those inside the package, by name."""
    folder = resources.files("gsanet") / "recipes"
    files = [file for file in folder.iterdir() if file.name.endswith(_ENDING)]
    return sorted(
        Recipe(file.name.removesuffix(_ENDING), file.read_text(encoding="utf-8"), str(file)) for file in files
    )


def find_packaged(name: str) -> Recipe:
    """The packaged recipe called *name*.

    Raises:
        GsanetError: there is none; the message lists those there are.
    """
    return _packaged(name, "no recipe {name!r} in the package; there are {known}")


def find_recipe(name_or_path: str | os.PathLike[str]) -> Recipe:
    """A file of that path, or else one of the package's own.

    Raises:
        GsanetError: neither, or a file that cannot be read as text.
    """
    name = os.fspath(name_or_path)
    if not Path(name).is_file():
        return _packaged(name, "no recipe {name!r}: neither a file nor one of the package's own ({known})")
    try:
        return Recipe(name, Path(name).read_text(encoding="utf-8"), name)
    except OSError as error:
        raise GsanetError(f"cannot read the recipe {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GsanetError(f"cannot read the recipe {name}: it is not UTF-8 text") from None


def _packaged(name: str, refusal: str) -> Recipe:
    known = {recipe.name: recipe for recipe in packaged_recipes()}
    if name not in known:
        raise GsanetError(refusal.format(name=name, known=", ".join(known)))
    return known[name]
