"""The command line, for tests that look at what it printed themselves."""

from __future__ import annotations

import pytest

from gsanet.cli.entry import main


def gsanet(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run the command line; its exit code."""
    monkeypatch.setattr("sys.argv", ["gsanet", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)
