"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import (
    evaluate,
    flow,
    import_,
    info,
    train,
)

__all__ = [
    "evaluate",
    "flow",
    "import_",
    "info",
    "train",
]
