"""The engine: from a clip to masks. Start reading at :mod:`gsanet.segment.engine`."""

from gsanet.segment.clip_folder import segment_clip, segment_to_folder
from gsanet.segment.engine import LiveSegmenter, Segmenter
from gsanet.segment.options import Options
from gsanet.segment.planning import ClipJob, keep_finished, plan_clips
from gsanet.segment.result import FrameResult

__all__ = [
    "ClipJob",
    "FrameResult",
    "LiveSegmenter",
    "Options",
    "Segmenter",
    "keep_finished",
    "plan_clips",
    "segment_clip",
    "segment_to_folder",
]
