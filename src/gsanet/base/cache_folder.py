"""Where gsanet keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "GSANET_CACHE"
"""Of the environment: a folder to use instead."""


def cache_folder() -> Path:
    """The folder that :data:`VARIABLE` names, or else ``gsanet`` where this system has users' caches. It may not be
    there yet."""
    own = os.environ.get(VARIABLE)
    return Path(own).expanduser() if own else user_cache_path("gsanet", appauthor=False)
