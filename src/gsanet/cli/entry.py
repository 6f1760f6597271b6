"""The entry point: every error of ours is one line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from gsanet.base.errors import GsanetError, Stopped
from gsanet.cli.app import app
from gsanet.cli.commands import register
from gsanet.cli.extras import missing


def main() -> None:
    """Entry point. A :class:`GsanetError` is one line on stderr and exit code 1; Ctrl-C is 130, SIGTERM 143."""
    try:
        register(sys.argv[1:])
        app()
    except GsanetError as error:
        _say(f"gsanet: {error}")
        sys.exit(error.code if isinstance(error, Stopped) else 1)
    except ModuleNotFoundError as error:
        said = missing(error, sys.argv[1:])
        if said is None:
            raise
        _say(said)
        sys.exit(1)
    except SystemExit as end:
        # Typer has caught the interrupt and says nothing.
        if end.code == 130:
            _say("gsanet: stopped")
        raise
    except BrokenPipeError:
        # The reader (head, less) has gone; a second failure at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _say(line: str) -> None:
    """On stderr, if anybody reads it still: the Ctrl-C that stops `gsanet ... 2>&1 | tee log` stops tee too."""
    with suppress(BrokenPipeError):
        print(line, file=sys.stderr)
