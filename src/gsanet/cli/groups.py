"""Which commands stand together in ``gsanet --help``, and in what order."""

GROUPS = {
    "Segment": ("segment", "demo", "serve"),
    "Measure": ("score", "evaluate", "bench"),
    "Train": ("prepare", "flow", "pretrain", "train", "average", "recipes", "runs"),
    "Models": ("info", "export", "import"),
}
"""Heading -> commands."""
