"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import (
    average,
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
    "average",
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
