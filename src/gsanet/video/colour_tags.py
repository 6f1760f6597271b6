"""Colours of a written video: converted by one matrix, and marked with that same one.

A video stores brightness and two differences of colour. Which matrix made them from RGB is written beside them; a
player that does not look takes BT.709 for HD and BT.601 for what is smaller. So do these,
and both kinds of player are right.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from gsanet.video.clip import Image

_HD_WIDTH, _HD_HEIGHT = 1280, 577
"""From this width or this height on players take a video without marks for HD."""

_BT709 = 1
"""Primaries and transfer of both: sRGB's primaries, which is what the RGB of a clip means."""

_LIMITED = 1
"""Brightness is stored in 16..235."""

_WHOLE = 64
"""Bytes. Rows that are no multiple of it, swscale's vector code would read beyond their end."""

_EXACT = getattr(Interpolation, "ACCURATE_RND", None)
_ALIKE = Interpolation.BILINEAR if _EXACT is None else Interpolation.BILINEAR | _EXACT
"""Without exact rounding, which PyAV has from 18 on, swscale's quick way is off by up to 3."""


class ColourTags(NamedTuple):
    """The matrix, in the numbers of swscale and in those of the standard (ITU-T H.273)."""

    matrix: Colorspace
    space: int


_HD = ColourTags(Colorspace.ITU709, 1)
_SD = ColourTags(Colorspace.ITU601, 6)


def tags_for(width: int, height: int) -> ColourTags:
    """What players take for granted at this size in pixels."""
    return _HD if width >= _HD_WIDTH or height >= _HD_HEIGHT else _SD


def mark(context: VideoCodecContext, tags: ColourTags) -> None:
    """Write matrix, primaries, transfer and range into stream and file; before the first frame is encoded."""
    context.colorspace = tags.space
    context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED


def encoded_colours(converter: VideoReformatter, image: Image, pixels: str, tags: ColourTags) -> VideoFrame:
    """RGB (H,W,3) or RGBA (H,W,4) as a frame in the pixel format *pixels*, marked."""
    pixels_now = "rgba" if image.shape[-1] == 4 else "rgb24"
    image = np.ascontiguousarray(image)
    # Rows as FFmpeg wants them can be read where they are: of 8K a copy would be 100 MB.
    make = VideoFrame.from_ndarray if image.strides[0] % _WHOLE else VideoFrame.from_numpy_buffer
    plain = make(image, format=pixels_now)
    frame = converter.reformat(
        plain,
        format=pixels,
        src_colorspace=tags.matrix,
        dst_colorspace=tags.matrix,
        interpolation=_ALIKE,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    frame.colorspace, frame.color_range = tags.space, _LIMITED
    # ProRes takes these from the frame. In older PyAV a frame has none, and its file says "unknown", as most do.
    with suppress(AttributeError):
        frame.color_primaries = frame.color_trc = _BT709
    return frame
