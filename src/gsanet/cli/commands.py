"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import (
    benchmark,
    evaluate,
    flow,
    import_,
    info,
    prepare,
    runs,
    segment,
    train,
)

__all__ = [
    "benchmark",
    "evaluate",
    "flow",
    "import_",
    "info",
    "prepare",
    "runs",
    "segment",
    "train",
]
