"""How many workers suit a machine."""

from __future__ import annotations

import pytest

from gsanet.scale import sizing
from gsanet.scale.sizing import free_memory, suitable_jobs


@pytest.mark.parametrize(
    ("processors", "gigabytes", "clips", "jobs"),
    [(2, 64, 100, 1), (7, 64, 100, 1), (8, 64, 100, 2), (64, 256, 100, 16), (64, 256, 3, 3), (64, 5, 100, 5)],
)
def test_processors_memory_and_clips_all_have_their_say(
    monkeypatch: pytest.MonkeyPatch, processors: int, gigabytes: int, clips: int, jobs: int
) -> None:
    monkeypatch.setattr(sizing, "processors", lambda: processors)
    monkeypatch.setattr(sizing, "free_memory", lambda: gigabytes << 30)
    monkeypatch.setattr(sizing, "has_gpu", lambda: False)
    assert suitable_jobs(clips, {}) == suitable_jobs(clips, {"device": "cpu"}) == jobs
    assert suitable_jobs(clips, {"device": "cuda"}) == 1
    monkeypatch.setattr(sizing, "free_memory", lambda: None)
    assert suitable_jobs(1000, {}) == max(1, processors // 4)


def test_free_memory_is_less_than_there_is() -> None:
    free = free_memory()
    assert free is None or 0 < free < 1 << 50
