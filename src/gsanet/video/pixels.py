"""From a decoded video frame to RGB, as a player shows it."""

from __future__ import annotations

import struct
import sys
from typing import Any, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from gsanet.video.background import ON_WHITE, on_white
from gsanet.video.clip import Image
from gsanet.video.colour_tags import tags_for
from gsanet.video.orientation import UPRIGHT, Orientation, of_matrix
from gsanet.video.tone import HLG, PQ, ToneMap
from gsanet.video.values import largest, to_eight

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Numbers of ITU-T H.273 -> those of swscale, for which older PyAV has no names: 5 is BT.601, 9 BT.2020."""

_BT2020 = 9
"""Primaries."""

_OPAQUE = 255

_RAW_BITS = 16

_RGB48 = "rgb48be" if sys.byteorder == "big" else "rgb48le"


class PixelReader:
    """Frames of one pass over a clip to uint8 RGB (H,W,3).

    Carried out are the marks of the stream: the matrix of its colours and their range (without marks, BT.709 for HD and
    BT.601 for what is smaller, as players have it), high dynamic range, transparency and the display matrix.

    Args:
        white: the value that is white in frames that are :func:`raw`; None: that of all their bits.

    Attributes:
        cut: that value, if the last frame had some beyond it.
    """

    def __init__(self, stream: VideoStream, white: float | None = None) -> None:
        context = stream.codec_context
        self._converter = VideoReformatter()
        self._transparent: dict[str, bool] = {}
        self._transfer, self._primaries = context.color_trc, context.color_primaries
        self._bright = self._transfer in (PQ, HLG) or self._primaries == _BT2020
        self._tone: ToneMap | None = None
        self._turned: tuple[int, Orientation] | None = None
        self._white = white
        self.cut: float | None = None

    def __call__(self, frame: VideoFrame) -> Image:
        """(H,W,3) as it is shown, but for the shape of its pixels (:attr:`gsanet.video.clip.Clip.pixel_aspect`)."""
        self.cut = None
        if self._bright:
            self._tone = self._tone or ToneMap(self._transfer, _brightest(frame))
            image = self._tone(self.values(frame))
        elif self._white is not None and raw(frame):
            values = self.values(frame)
            self.cut = self._white if largest(values) > self._white else None
            image = to_eight(values, self._white)
        elif self._has_alpha(frame):
            image = on_white(cast(Image, self._converted(frame, "rgba")))
        else:
            image = cast(Image, self._converted(frame, "rgb24"))
        return self.orientation(frame).apply(image)

    def values(self, frame: VideoFrame) -> NDArray[np.uint16]:
        """(H,W,3) of 16 bits, as they are stored."""
        return cast(NDArray[np.uint16], self._converted(frame, _RGB48))

    def orientation(self, frame: VideoFrame) -> Orientation:
        """What the display matrix says: that of the first frame, until the angle in it changes."""
        # PyAV keeps a frame whose side data were looked at until the garbage is collected, and large ones fill memory.
        angle = frame.rotation
        if self._turned is None or self._turned[0] != angle:
            self._turned = angle, orientation_of(frame)
        return self._turned[1]

    def facts(self, frame: VideoFrame) -> list[str]:
        """What is done to frames like this one, in words, beyond what is done to every video."""
        found = []
        if self.orientation(frame) != UPRIGHT:
            found.append("its frames are turned or mirrored as its display matrix says")
        if self._bright:
            name = {PQ: "high dynamic range (PQ)", HLG: "high dynamic range (HLG)"}.get(self._transfer, "wide colour")
            found.append(f"{name} is brought to the range of ordinary screens (BT.709)")
        elif self._has_alpha(frame) and self._converted(frame, "rgba")[..., 3].min() < _OPAQUE:
            found.append(ON_WHITE)
        return found

    def _converted(self, frame: VideoFrame, pixels: str) -> NDArray[np.generic]:
        rgb = frame.format.is_rgb or frame.format.has_palette
        return self._converter.reformat(
            frame,
            format=pixels,
            src_colorspace=None if rgb else matrix_of(frame),
            dst_colorspace=None if rgb else 0,  # RGB has none; older PyAV looks at the range only if they differ
            src_color_range=None if rgb else frame.color_range,
            dst_color_range=ColorRange.JPEG,
        ).to_ndarray()

    def _has_alpha(self, frame: VideoFrame) -> bool:
        name = frame.format.name
        if name not in self._transparent:
            alpha = any(part.is_alpha for part in frame.format.components)
            self._transparent[name] = alpha or frame.format.has_palette
        return self._transparent[name]


def raw(frame: VideoFrame) -> bool:
    """Whether its values are grey or RGB in 16 bits, of which a camera may have used fewer."""
    parts = frame.format.components
    coloured = len(parts) > 1 and not frame.format.is_rgb
    return not coloured and all(part.bits == _RAW_BITS and not part.is_alpha for part in parts)


def matrix_of(frame: VideoFrame) -> int:
    """The matrix by which the frame's colours were stored, as swscale numbers it.

    What players take for granted if the frame does not say: BT.709 for HD, BT.601 for what is smaller.
    """
    return _MATRICES.get(frame.colorspace) or tags_for(frame.width, frame.height).matrix.value


def orientation_of(frame: VideoFrame) -> Orientation:
    """What the display matrix of a frame says."""
    matrix = _side_data(frame, "DISPLAYMATRIX")
    return UPRIGHT if matrix is None else of_matrix(struct.unpack("=9i", matrix))


def _brightest(frame: VideoFrame) -> float:
    """cd/m2 of the brightest pixel of the clip (MaxCLL), 0 if the file does not say."""
    light = _side_data(frame, "CONTENT_LIGHT_LEVEL")
    return 0.0 if light is None else float(struct.unpack_from("=I", light)[0])


def _side_data(frame: VideoFrame, kind: str) -> bytes | None:
    try:
        data = cast(Any, frame.side_data).get(kind)
    except ValueError:
        return None  # this PyAV does not know one of the kinds that are there, and then shows none
    return None if data is None else bytes(data)
