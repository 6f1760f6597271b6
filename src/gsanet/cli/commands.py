"""Importing this module registers every command with the app; each command is a file of this folder."""

from gsanet.cli import flow, info

__all__ = ["flow", "info"]
