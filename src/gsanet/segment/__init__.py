"""The engine: from a clip to masks. Start reading at :mod:`gsanet.segment.engine`."""

from gsanet.segment.clip_folder import ClipJob, plan_clips, segment_clip
from gsanet.segment.engine import Segmenter
from gsanet.segment.options import Options
from gsanet.segment.result import FrameResult
from gsanet.video.sample_clip import sample_clip
from gsanet.video.sources import clip_name, find_clips, open_clip
from gsanet.weights.packaged import packaged_weights

__all__ = [
    "ClipJob",
    "FrameResult",
    "Options",
    "Segmenter",
    "clip_name",
    "find_clips",
    "open_clip",
    "packaged_weights",
    "plan_clips",
    "sample_clip",
    "segment_clip",
]
