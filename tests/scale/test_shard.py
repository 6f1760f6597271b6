"""One part in so many of the clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsanet.base.errors import GsanetError
from gsanet.scale.shard import parse_shard
from gsanet.segment import plan_clips


def test_every_clip_is_in_one_shard() -> None:
    clips = list(range(23))
    shards = [clips[parse_shard(f"{i}/5")] for i in range(1, 6)]
    assert sorted(clip for shard in shards for clip in shard) == clips
    assert max(map(len, shards)) - min(map(len, shards)) == 1
    assert clips[parse_shard("1/1")] == clips
    assert clips[:2][parse_shard("3/5")] == []


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", "1.5/2"])
def test_what_is_no_shard_is_one_line(text: str) -> None:
    with pytest.raises(GsanetError, match="a shard is written i/n, with i from 1 to n"):
        parse_shard(text)


def test_names_do_not_depend_on_the_shard_and_what_others_made_is_not_looked_at(tmp_path: Path) -> None:
    clips = [tmp_path / name for name in ("a/clip.mp4", "b/clip.mp4", "c/other.mp4")]
    whole = [job.folder.name for job in plan_clips(clips, tmp_path / "out")]
    assert whole == ["a-clip", "b-clip", "other"]
    (tmp_path / "out" / "a-clip").mkdir(parents=True)  # would be an error in the first shard
    assert [job.folder.name for job in plan_clips(clips, tmp_path / "out", share=parse_shard("2/3"))] == ["b-clip"]
    with pytest.raises(GsanetError, match="a-clip exists"):
        plan_clips(clips, tmp_path / "out", share=parse_shard("1/3"))
