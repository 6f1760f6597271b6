"""``gsanet recipes``: the recipes that come with the package."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from gsanet.cli.app import command


@command("gsanet recipes", "gsanet recipes lite > my.toml")
def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Argument(help="Print this recipe, to begin one of your own.", metavar="NAME"),
    ] = None,
) -> None:
    """List the recipes for training that come with gsanet, or print one.

    A recipe is a TOML file with all settings of a training. `gsanet train --config` takes the name of one of these or a
    file, and `--set` changes one setting.
    """
    from gsanet.training.recipes import find_packaged, packaged_recipes

    if name is not None:
        typer.echo(find_packaged(name).text, nl=False)
        return
    found = packaged_recipes()
    width = max(len(recipe.name) for recipe in found)
    for recipe in found:
        typer.echo(f"{recipe.name:<{width}}  {recipe.summary}\n{'':<{width}}  {recipe.file}")
