"""Trained weights by name: inside the package, in a file, or on the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from gsanet.base.errors import GsanetError

HUB_FILE = "model.safetensors"
"""Name of the weights in a repository on the hub."""

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@contextmanager
def find_weights(name_or_path: str | os.PathLike[str]) -> Iterator[Path]:
    """The file of some weights, on disk for as long as the block lasts.

    Args:
        name_or_path: a name inside the package (``lite``), a file, or a repository on the hub (``owner/name``).

    Raises:
        GsanetError: none of these.
    """
    name = os.fspath(name_or_path)
    inside = resources.files("gsanet") / "weights" / f"{name}.safetensors"
    if Path(name).is_file():
        yield Path(name)
    elif "/" not in name and "\\" not in name and inside.is_file():
        with resources.as_file(inside) as file:
            yield file
    elif _REPOSITORY.fullmatch(name) and not name.endswith((".safetensors", ".pth", ".pt")):
        yield _download(name)
    else:
        known = ", ".join(packaged_weights()) or "none in this installation"
        raise GsanetError(f"no weights {name!r}: neither a file nor one of the package's own ({known})")


def packaged_weights() -> list[str]:
    """Names of the weights inside the package."""
    folder = resources.files("gsanet") / "weights"
    if not folder.is_dir():
        return []
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".safetensors"))


def licence_of(name_or_path: str) -> str:
    """Under which licence the weights may be used, as far as that is known."""
    if name_or_path in packaged_weights():
        return "CC BY-NC 4.0"
    return "that of the weights it was made from"


def _download(repository: str) -> Path:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise GsanetError(
            f"no weights {repository!r}: no such file, and to look on the hub, run `pip install 'gsanet[hub]'`"
        ) from None

    try:
        return Path(hf_hub_download(repository, HUB_FILE))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise GsanetError(f"no weights {repository!r}: no such file, and the hub has none ({reason})") from None
