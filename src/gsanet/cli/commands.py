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
    train,
)

GROUPS = {
    "Segment": ("segment", "demo"),
    "Measure": ("score", "evaluate", "bench"),
    "Train": ("prepare", "flow", "pretrain", "train", "average", "recipes", "runs"),
    "Models": ("info", "export", "import"),
}
"""Where each command stands in ``gsanet --help``."""

__all__ = [
    "GROUPS",
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
    "train",
]
