"""gsanet: any video in, the mask of its prominent object out, with no prompt.

>>> import gsanet
>>> for frame in gsanet.Segmenter.from_pretrained().stream("clip.mp4"):  # doctest: +SKIP
...     frame.mask, frame.probability, frame.image, frame.time
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gsanet.base.version import __version__

if TYPE_CHECKING:
    from gsanet.base.errors import GsanetError
    from gsanet.segment.clip_folder import segment_to_folder
    from gsanet.segment.engine import LiveSegmenter, Segmenter
    from gsanet.segment.options import Options
    from gsanet.segment.result import FrameResult
    from gsanet.video.sample_clip import sample_clip
    from gsanet.video.sources import open_clip

_HOMES = {
    "FrameResult": "segment.result",
    "GsanetError": "base.errors",
    "LiveSegmenter": "segment.engine",
    "Options": "segment.options",
    "Segmenter": "segment.engine",
    "open_clip": "video.sources",
    "sample_clip": "video.sample_clip",
    "segment_to_folder": "segment.clip_folder",
}
"""Where each name is at home. It is loaded when it is first asked for: ``gsanet --help`` must not wait for NumPy."""

__all__ = [
    "FrameResult",
    "GsanetError",
    "LiveSegmenter",
    "Options",
    "Segmenter",
    "__version__",
    "open_clip",
    "sample_clip",
    "segment_to_folder",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gsanet.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
