"""Command line: parse, call one function, print. Nothing heavy is imported until a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, Optional, TypeVar

import typer

from gsanet.base.errors import GsanetError, Stopped
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


def main() -> None:
    """Entry point. A :class:`GsanetError` is one line on stderr and exit code 1; Ctrl-C is 130."""
    from gsanet.cli import commands  # noqa: F401 - registers them
    from gsanet.cli.extras import missing

    try:
        app()
    except GsanetError as error:
        print(f"gsanet: {error}", file=sys.stderr)
        sys.exit(130 if isinstance(error, Stopped) else 1)
    except ModuleNotFoundError as error:
        said = missing(error, sys.argv[1:])
        if said is None:
            raise
        print(said, file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        # Typer has caught the interrupt and says nothing.
        if end.code == 130:
            print("gsanet: stopped", file=sys.stderr)
        raise
    except BrokenPipeError:
        # The reader (head, less) has gone; a second failure at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
