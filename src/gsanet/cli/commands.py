"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import (
    bench,
    benchmark,
    evaluate,
    export,
    flow,
    import_,
    info,
    prepare,
    runs,
    segment,
    train,
)

__all__ = [
    "bench",
    "benchmark",
    "evaluate",
    "export",
    "flow",
    "import_",
    "info",
    "prepare",
    "runs",
    "segment",
    "train",
]
