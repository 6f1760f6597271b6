"""The engine: from a clip to masks. Start reading at :mod:`gsanet.segment.engine`."""

from gsanet.segment.engine import FrameResult, Segmenter
from gsanet.segment.options import Options
from gsanet.segment.pretrained import packaged_weights, sample_clip
from gsanet.segment.run import Plan, plan_clips, segment_clip
from gsanet.segment.source import clip_name, find_clips, open_clip

__all__ = [
    "FrameResult",
    "Options",
    "Plan",
    "Segmenter",
    "clip_name",
    "find_clips",
    "open_clip",
    "packaged_weights",
    "plan_clips",
    "sample_clip",
    "segment_clip",
]
