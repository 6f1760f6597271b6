"""The clip that comes with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from gsanet.base.errors import GsanetError


def sample_clip() -> Path:
    """Five seconds of Big Buck Bunny, 640x360 (Blender Foundation, CC BY 3.0)."""
    file = Path(str(resources.files("gsanet") / "assets" / "bunny.mp4"))
    if not file.is_file():
        raise GsanetError(f"the sample clip is missing from this installation ({file}); reinstall gsanet")
    return file
