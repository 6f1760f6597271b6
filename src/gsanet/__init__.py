"""gsanet: any video in, the mask of its prominent object out, with no prompt."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gsanet.segment import Options, Segmenter, open_clip
    from gsanet.segment.result import FrameResult
    from gsanet.video.sample_clip import sample_clip

__version__ = "0.1.0"

__all__ = ["FrameResult", "Options", "Segmenter", "__version__", "open_clip", "sample_clip"]


def __getattr__(name: str) -> Any:
    """The engine is loaded when it is first asked for: torch takes seconds, ``gsanet --help`` must not."""
    if name in __all__:
        from gsanet import segment

        return getattr(segment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
