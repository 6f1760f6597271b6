"""Pictures as Python programs have them, as the one form that the engine knows: uint8 RGB (H,W,3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pil

from gsanet.base.errors import GsanetError
from gsanet.video.clip import Image

_RGB_CHANNELS = 3


def is_tensor(value: object) -> bool:
    """Whether it is a torch tensor, without asking torch."""
    return hasattr(value, "detach") and hasattr(value, "cpu")


def is_capture(value: object) -> bool:
    """Whether it is a ``cv2.VideoCapture`` or reads like one."""
    return hasattr(value, "read") and hasattr(value, "isOpened")


def array_of(value: Any) -> NDArray[Any]:
    """An array as it is; a torch tensor's values, its channels last: (...,3,H,W) -> (...,H,W,3)."""
    if not is_tensor(value):
        return np.asarray(value)
    array: NDArray[Any] = value.detach().cpu().numpy()
    if array.ndim >= 3 and array.shape[-1] != _RGB_CHANNELS and array.shape[-3] == _RGB_CHANNELS:
        array = np.moveaxis(array, -3, -1)
    return array


def picture_of(value: object, index: int) -> Image:
    """A frame as uint8 RGB (H,W,3): an array, a PIL image of any mode, or a torch tensor (H,W,3) or (3,H,W).

    Args:
        index: of the frame, for messages.

    Raises:
        GsanetError: it is none of these.
    """
    if isinstance(value, pil.Image):
        return np.asarray(value.convert("RGB"))
    if not isinstance(value, np.ndarray) and not is_tensor(value):
        raise GsanetError(f"frame {index} must be a uint8 RGB array of shape (H,W,3), got {type(value).__name__}")
    image = array_of(value)
    if image.ndim != 3 or image.shape[-1] != _RGB_CHANNELS or image.dtype != np.uint8:
        raise GsanetError(f"frame {index} must be a uint8 RGB array of shape (H,W,3), got {image.dtype} {image.shape}")
    return image


def captured(capture: Any) -> Iterator[Image]:
    """The frames that a ``cv2.VideoCapture`` still has, RGB; it is left open.

    Raises:
        GsanetError: it is not open.
    """
    if not capture.isOpened():
        raise GsanetError("this cv2.VideoCapture is not open: was the file or the camera there?")
    while True:
        there, image = capture.read()
        if not there:
            return
        yield np.ascontiguousarray(image[..., ::-1])
