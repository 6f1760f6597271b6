"""The entry point: every error of ours is one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from gsanet.base.errors import GsanetError, Stopped
from gsanet.cli.app import app
from gsanet.cli.extras import missing
from gsanet.cli.groups import GROUPS

MODULES = {"demo": "segment", "pretrain": "train", "import": "import_"}
"""Commands that are not in a file of their own name."""


def main() -> None:
    """Entry point. A :class:`GsanetError` is one line on stderr and exit code 1; Ctrl-C is 130, SIGTERM 143."""
    try:
        register(sys.argv[1:])
        app()
    except GsanetError as error:
        print(f"gsanet: {error}", file=sys.stderr)
        sys.exit(error.code if isinstance(error, Stopped) else 1)
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


def register(asked: Sequence[str]) -> None:
    """Registers the command that is *asked* for, or all where none of them is: making all takes a tenth of a second."""
    name = asked[0] if asked else ""
    known = any(name in commands for commands in GROUPS.values())
    import_module(f"gsanet.cli.{MODULES.get(name, name) if known else 'commands'}")
