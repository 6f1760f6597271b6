"""True masks beside a clip, for panels: a folder of them, found by the names of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.data.layout import GT
from gsanet.data.masks import read_truth
from gsanet.segment.drawn import Truth
from gsanet.video.listing import list_images


def open_truth(folder: Path, clip: str) -> Truth:
    """What knows the true masks of a clip.

    Looked for are ``FOLDER/<clip>/GT``, ``FOLDER/<clip>``, ``FOLDER/GT`` and ``FOLDER``, and in it files with the
    frames' names, or ``<clip>_`` and that name. Frames without one have none.

    Args:
        folder: as it was named.
        clip: the clip's name.

    Returns:
        Name of a frame -> (H,W), true on the object (:func:`gsanet.data.masks.read_truth`), or None.

    Raises:
        GsanetError: there is no picture in any of these folders.
    """
    places = [folder / clip / GT, folder / clip, folder / GT, folder]
    files = next((found for place in places if place.is_dir() and (found := list_images(place, empty=True))), None)
    if files is None:
        raise GsanetError(f"no true masks of {clip}: looked in {', '.join(str(place) for place in places)}")
    known = files

    def truth(name: str) -> NDArray[np.bool_] | None:
        file = known.get(name, known.get(f"{clip}_{name}"))
        return None if file is None else read_truth(file)

    return truth
