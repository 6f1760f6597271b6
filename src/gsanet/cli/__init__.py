"""Command line: parse, call one function, print. Nothing heavy is imported until a command runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Optional

import typer

from gsanet.base.errors import GsanetError, Stopped
from gsanet.base.version import __version__

app = typer.Typer(
    name="gsanet",
    help="Any video in, the mask of its prominent object out, with no prompt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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

    try:
        app()
    except GsanetError as error:
        print(f"gsanet: {error}", file=sys.stderr)
        sys.exit(130 if isinstance(error, Stopped) else 1)
    except SystemExit as end:
        # Typer has caught the interrupt and says nothing.
        if end.code == 130:
            print("gsanet: stopped", file=sys.stderr)
        raise
    except BrokenPipeError:
        # The reader (head, less) has gone; a second failure at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
