"""The command line's app, and how a command is registered with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Optional, TypeVar

import typer

from gsanet.base.version import __version__
from gsanet.cli.help import Command, Group

Function = TypeVar("Function", bound=Callable[..., Any])

app = typer.Typer(
    name="gsanet",
    cls=Group,
    help="Give it any video, get the mask of the thing that matters in every frame: no click, no prompt.\n\n"
    "`gsanet COMMAND --help` says what a command does, with examples.",
    epilog="gsanet demo\ngsanet segment holiday.mp4 --out out",
    context_settings={"help_option_names": ["--help", "-h"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def command(*examples: str, name: str | None = None, within: typer.Typer = app) -> Callable[[Function], Function]:
    """Registers a function as a command. Its docstring is the help: first a line that says what it is for.

    Args:
        examples: what a user would type, shown in the help; the tests run them.
        name: that of the function if None.
    """
    return within.command(name, cls=Command, epilog="\n".join(examples))


def _version(show: bool) -> None:
    if show:
        typer.echo(f"gsanet {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        Optional[bool],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit."),
    ] = None,
) -> None:
    pass
