"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import (
    average,
    bench,
    evaluate,
    export,
    flow,
    import_,
    info,
    prepare,
    recipes,
    runs,
    score,
    segment,
    serve,
    train,
)

__all__ = [
    "average",
    "bench",
    "evaluate",
    "export",
    "flow",
    "import_",
    "info",
    "prepare",
    "recipes",
    "runs",
    "score",
    "segment",
    "serve",
    "train",
]
