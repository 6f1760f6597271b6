"""What tests ask of a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

SMALL = {"size": 64, "flow": "none", "save": ["overlay", "masks"]}
"""Options that cost little."""


def started(*words: str, place: Path) -> tuple[subprocess.Popen[str], str]:
    """The process, and the address it says.

    Args:
        place: where it may keep files.
    """
    command = [sys.executable, "-m", "gsanet", "serve", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place)})
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("http"):
            return process, line.strip()
    raise AssertionError("the server ended before it listened")


def post(client: httpx.Client, file: Path, options: dict[str, Any] | None = None, **files: Any) -> httpx.Response:
    return client.post(
        "/v1/jobs",
        files={"file": (file.name, file.read_bytes()), **files},
        data={"options": json.dumps(options or SMALL)},
    )


def finished(client: httpx.Client, id: str, seconds: float = 120) -> dict[str, Any]:
    """The job when it is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        told = client.get(f"/v1/jobs/{id}").json()
        if told["state"] in ("done", "failed", "cancelled"):
            return dict(told)
        time.sleep(0.1)
    raise AssertionError(f"still {told['state']}")
