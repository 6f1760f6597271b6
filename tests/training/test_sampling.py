"""Which frames are drawn: by weight, and in epochs as published."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.training.config import load_config
from gsanet.training.sampling import EpochSampler, WeightedSampler

SMALL = [range(7), range(7, 12)]
LARGE = [range(10 * v, 10 * v + 10) for v in range(30)]


def test_an_epoch_shows_every_frame_of_the_first_set_and_a_new_subset_of_the_other() -> None:
    sampler = EpochSampler([SMALL, LARGE], 2, seed=4)
    rng = np.random.default_rng(0)
    # 7 frames make 4 groups, 5 make 3; as many come from the large set.
    assert len(sampler) == 14
    epochs = [[sampler(rng, e * 14 + i) for i in range(14)] for e in range(2)]
    subsets = []
    for epoch in epochs:
        assert Counter(source for source, _ in epoch) == {0: 7, 1: 7}
        assert {frame for source, group in epoch if source == 0 for frame in group} == set(range(12))
        assert all(len({frame // 10 for frame in group}) == 1 for source, group in epoch if source == 1)
        subsets.append({frame for source, group in epoch if source == 1 for frame in group})
        assert len(subsets[-1]) == 14
    assert subsets[0] != subsets[1]


def test_with_references_of_its_own_every_frame_is_predicted_once_an_epoch() -> None:
    sampler = EpochSampler([SMALL, LARGE, [range(3)]], 5, seed=0, shared=False)
    rng = np.random.default_rng(0)
    assert len(sampler) == 12 + 12 + 3
    epoch = [sampler(rng, i) for i in range(len(sampler))]
    assert sorted(group[0] for source, group in epoch if source == 0) == list(range(12))
    for source, (first, *others) in epoch:
        assert len(others) == 4 and first not in others
        if source < 2:
            assert len(set(others)) == 4


def test_an_epoch_is_a_function_of_seed_and_position() -> None:
    one, other = (EpochSampler([SMALL, LARGE], 3, seed=1) for _ in range(2))
    rng = np.random.default_rng(0)
    straight = [one(rng, i) for i in range(40)]
    assert [other(rng, i) for i in reversed(range(40))] == straight[::-1]
    assert [EpochSampler([SMALL, LARGE], 3, seed=2)(rng, i) for i in range(40)] != straight


def test_data_sets_are_drawn_by_weight() -> None:
    sampler = WeightedSampler([SMALL, LARGE], [3.0, 1.0], 2)
    rng = np.random.default_rng(0)
    share = np.mean([sampler(rng, 0)[0] == 0 for _ in range(2000)])
    assert share == pytest.approx(0.75, abs=0.04)


def test_a_group_is_of_one_video_and_without_repetition_where_it_is_long_enough() -> None:
    sampler = WeightedSampler([[range(3), range(3, 13)]], [1.0], 4)
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, frames = sampler(rng, 0)
        assert len(frames) == 4
        if frames[0] >= 3:
            assert min(frames) >= 3 and len(set(frames)) == 4
        else:
            assert max(frames) < 3


def test_data_sets_come_from_the_recipe(tmp_path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(
        '[train]\nsampler = "epoch"\n'
        '[[train.videos]]\npath = "DAVIS_train"\n[[train.videos]]\npath = "/data/YTVOS_train"\nweight = 2\n'
    )
    config = load_config(file).train
    assert [(v.path, v.weight) for v in config.videos] == [("DAVIS_train", 1.0), ("/data/YTVOS_train", 2.0)]


def test_epochs_and_synthetic_groups_do_not_mix() -> None:
    with pytest.raises(GsanetError, match=r"train\.synthetic must be 0 with sampler epoch, got 0\.5"):
        load_config(None, ["train.sampler=epoch", "train.synthetic=0.5"])


def test_references_of_its_own_need_others_in_the_group() -> None:
    with pytest.raises(GsanetError, match=r"train\.group must be at least 2 with references own: .*, got 1"):
        load_config(None, ["train.references=own", "train.group=1"])
