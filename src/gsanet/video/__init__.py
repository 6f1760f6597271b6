"""Decoding and encoding video. What a clip is: :mod:`gsanet.video.clip`."""

from gsanet.video.arrays import ArrayClip, LiveClip
from gsanet.video.clip import Clip, Frame
from gsanet.video.container import VideoFile
from gsanet.video.encoder import VideoWriter

__all__ = ["ArrayClip", "Clip", "Frame", "LiveClip", "VideoFile", "VideoWriter"]
