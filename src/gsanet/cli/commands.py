"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import evaluate, flow, import_, info

__all__ = ["evaluate", "flow", "import_", "info"]
