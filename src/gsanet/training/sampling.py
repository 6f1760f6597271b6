"""Which frames a step of stage 2 trains on: groups of frames of one video, from one or several data sets.

Two ways, both functions of the seed and the place in the run alone:

- :class:`WeightedSampler`: every group is drawn anew, its data set by weight, its video by the root of its length;
- :class:`EpochSampler`: as published (docs/method.md, section 8.3), in epochs: every frame of the first data set
  once, and of every other a new random subset as large as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

Groups = list[tuple[int, tuple[int, ...]]]
"""(data set, numbers of its frames) of each group"""


class GroupSampler(Protocol):
    """Chooses the frames of one group."""

    def __call__(self, rng: np.random.Generator, position: int) -> tuple[int, tuple[int, ...]]:
        """Number of the data set and of its frames, for the group at *position* of the whole run.

        Args:
            rng: of the step.
            position: groups before this one, from the run's first step.
        """
        ...


class WeightedSampler:
    """Independent groups.

    Args:
        frames_of: for each data set the frame numbers of each video.
        weights: of the data sets, positive; only their ratios count.
        group: frames in a group.
    """

    def __init__(self, frames_of: Sequence[Sequence[range]], weights: Sequence[float], group: int) -> None:
        self.frames_of, self.group = frames_of, group
        self._sets = np.asarray(weights, np.float64) / sum(weights)
        # Long videos more often, but not in proportion: their frames resemble each other.
        roots = [np.sqrt([len(f) for f in videos]) for videos in frames_of]
        self._videos = [r / r.sum() for r in roots]

    def __call__(self, rng: np.random.Generator, position: int) -> tuple[int, tuple[int, ...]]:
        """See :class:`GroupSampler`; *position* does not matter."""
        # One data set draws no number, so that adding the option changed no run.
        source = int(rng.choice(len(self._sets), p=self._sets)) if len(self._sets) > 1 else 0
        videos = self.frames_of[source]
        video = videos[int(rng.choice(len(videos), p=self._videos[source]))]
        chosen = rng.choice(len(video), self.group, replace=len(video) < self.group)
        return source, tuple(video.start + int(i) for i in chosen)


class EpochSampler:
    """Groups in epochs.

    Args:
        frames_of: for each data set the frame numbers of each video.
        group: frames in a group.
        seed: of the run.
        shared: every frame of a group counts as shown, and a video whose length is no multiple of the group fills
            its last one with frames used before; else only the first does, and random others go with it.
    """

    def __init__(self, frames_of: Sequence[Sequence[range]], group: int, seed: int, *, shared: bool = True) -> None:
        self.frames_of, self.group, self.seed, self.shared = frames_of, group, seed, shared
        each = group if shared else 1
        counts = [sum(-(-len(video) // each) for video in videos) for videos in frames_of]
        self._taken = [min(counts[0], count) for count in counts]
        self._epoch: tuple[int, Groups] = (-1, [])

    def __len__(self) -> int:
        """Groups in an epoch."""
        return sum(self._taken)

    def __call__(self, rng: np.random.Generator, position: int) -> tuple[int, tuple[int, ...]]:
        """See :class:`GroupSampler`; *rng* does not matter."""
        number, place = divmod(position, len(self))
        if self._epoch[0] != number:
            self._epoch = (number, self._make(np.random.default_rng((self.seed, 1, number))))
        return self._epoch[1][place]

    def _make(self, rng: np.random.Generator) -> Groups:
        groups: Groups = []
        for source, (videos, taken) in enumerate(zip(self.frames_of, self._taken, strict=True)):
            mine = [(source, g) for video in videos for g in self._chunks(rng, video)]
            chosen = range(len(mine)) if taken == len(mine) else rng.choice(len(mine), taken, replace=False)
            groups += [mine[int(i)] for i in chosen]
        return [groups[int(i)] for i in rng.permutation(len(groups))]

    def _chunks(self, rng: np.random.Generator, video: range) -> list[tuple[int, ...]]:
        if not self.shared:
            return [(frame, *self._others(rng, video, frame)) for frame in video]
        order = [video.start + int(i) for i in rng.permutation(len(video))]
        short = -len(order) % self.group
        order += [order[i % len(order)] for i in range(short)]
        return [tuple(order[i : i + self.group]) for i in range(0, len(order), self.group)]

    def _others(self, rng: np.random.Generator, video: range, frame: int) -> list[int]:
        others = [i for i in video if i != frame] or [frame]
        chosen = rng.choice(len(others), self.group - 1, replace=len(others) < self.group - 1)
        return [others[int(i)] for i in chosen]
