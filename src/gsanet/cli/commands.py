"""The commands: which there are, in what order and groups ``gsanet --help`` shows them, and which file has each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

GROUPS = {
    "Segment": {"segment": "segment", "demo": "segment", "serve": "serve"},
    "Measure": {"score": "score", "evaluate": "evaluate", "bench": "bench"},
    "Train": {
        "prepare": "prepare",
        "flow": "flow",
        "pretrain": "train",
        "train": "train",
        "average": "average",
        "recipes": "recipes",
        "runs": "runs",
    },
    "Models": {"info": "info", "export": "export", "import": "import_"},
}
"""Heading -> command -> file of this folder, which registers the command with the app when it is imported."""

FILES = {command: file for commands in GROUPS.values() for command, file in commands.items()}
"""Command -> file."""


def register(asked: Sequence[str] = ()) -> None:
    """Registers the command that is *asked* for, or all where none of them is: making all takes a tenth of a second."""
    name = asked[0] if asked else ""
    for file in [FILES[name]] if name in FILES else FILES.values():
        import_module(f"gsanet.cli.{file}")
