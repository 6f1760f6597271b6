"""What had another name once: the old one still works, and no help shows it."""

from __future__ import annotations

COMMANDS = {"benchmark": "score"}
"""Old name -> new name; who uses the old one is told so."""

OPTIONS = {
    "--output": "--out",
    "--backend": "--runtime",
    "--long-side": "--flow-size",
    "--weights": "--flow-weights",
    "--workers": "--jobs",
}
"""Old name -> new name, in the commands that had the old one: they declare both."""
