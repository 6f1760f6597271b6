"""What the page's browser hands to Gradio. A mounted Gradio (6.31) takes any path or address in it for a file: it would
copy a file of the server, or fetch the address, before any code of ours is called. So it is looked at before Gradio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gsanet.serve.limits import RefusedError

JOIN = "/gradio_api/queue/join"

_FILES = ("path", "url")


def check_inputs(body: bytes, uploads: Path) -> None:
    """Files in *body* must be what was uploaded through the page.

    Args:
        uploads: the folder of these.

    Raises:
        RefusedError: 403, something else is named; 400, it is no JSON.
    """
    try:
        values = json.loads(body)
        _check(values, uploads.resolve())
    except (ValueError, RecursionError):
        raise RefusedError("the request is no JSON") from None


def _check(value: Any, uploads: Path) -> None:
    if isinstance(value, list):
        for one in value:
            _check(one, uploads)
    elif isinstance(value, dict):
        if "path" in value:
            path = value["path"]
            if not isinstance(path, str) or "://" in path or not Path(path).resolve().is_relative_to(uploads):
                raise RefusedError("only what was uploaded here can be used", 403)
            # Gradio's browser sends the address beside the path; nothing needs it.
        elif "url" in value:
            raise RefusedError("no address is fetched", 403)
        for name, one in value.items():
            if name not in _FILES:
                _check(one, uploads)
