"""What is seen through transparent pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsanet.video.clip import Image

ON_WHITE = "transparent pixels are shown on white"
"""For the notes of a clip."""

_OPAQUE = 255


def on_white(picture: NDArray[np.uint8]) -> Image:
    """(H,W,4) RGBA with plain (not premultiplied) colours -> (H,W,3) RGB on white.

    White is the paper of browsers, mail and documents. Whatever colours transparent pixels hold, often noise, is gone.
    """
    alpha = picture[..., 3:]
    if alpha.min() == _OPAQUE:
        return np.ascontiguousarray(picture[..., :3])
    wide = alpha.astype(np.uint16)
    # Both products together are at most 255 * 255.
    mixed = picture[..., :3] * wide + (_OPAQUE - wide) * np.uint16(_OPAQUE) + np.uint16(_OPAQUE // 2)
    return (mixed // np.uint16(_OPAQUE)).astype(np.uint8)
