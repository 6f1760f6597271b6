"""Times of frames that only go forwards, whatever the clock in the file does."""

from __future__ import annotations

from fractions import Fraction

_TICK = 1e-4
"""Seconds between two frames that bear the same time."""


class Clock:
    """The stamps of one stream in, seconds since its first frame out, each later than the one before.

    A pause in the file stays a pause. Where the clock starts again (recordings joined to one, a camera that was
    switched off), time runs on by one period of a frame. One frame that bears a wrong time does not move those after
    it.

    Args:
        fps: frames per second, for frames without a time.

    Attributes:
        restarts: how often the clock started again.
    """

    def __init__(self, fps: Fraction) -> None:
        self.restarts = 0
        self._period = float(1 / fps)
        self._last: float | None = None
        self._offset = 0.0
        self._doubt: float | None = None
        """What the offset was before the last frame, if that frame was thought to start the clock again."""
        self._repeated = False

    def __call__(self, stamp: float | None) -> float:
        """Seconds since the first frame.

        Args:
            stamp: of the next frame in the order of showing, in seconds; None if it has none.
        """
        if self._last is None:
            self._offset = -(stamp or 0.0)
            self._last = 0.0
            return self._last
        time = self._last + self._period if stamp is None else self._forwards(stamp, self._last)
        self._last = time
        return time

    def _forwards(self, stamp: float, last: float) -> float:
        if self._doubt is not None and stamp + self._doubt > last:
            # It was that one frame only: the clock itself went on.
            self._offset = self._doubt
            self.restarts -= 1
        self._doubt = None
        time = stamp + self._offset
        if time > last:
            self._repeated = False
            return time
        if last - time < self._period / 2 and not self._repeated:
            self._repeated = True
            return last + min(_TICK, self._period / 2)
        self._doubt, self._offset = self._offset, last + self._period - stamp
        self.restarts += 1
        return last + self._period
