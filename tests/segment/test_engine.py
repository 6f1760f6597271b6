"""The engine: same masks however they are asked for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.model.config import VARIANTS
from gsanet.runtime.precision import PRECISIONS, choose_precision
from gsanet.runtime.torch_network import choose_device
from gsanet.segment import Options, Segmenter
from gsanet.segment.options import QUALITY
from gsanet.video.images import write_rgb
from gsanet.video.resize import resize
from tiny import TINY


def test_one_result_a_frame(segmenter: Segmenter, tiny_clip: Path) -> None:
    results = list(segmenter.stream(tiny_clip))
    assert [result.index for result in results] == list(range(12))
    assert [round(result.time * 12) for result in results] == list(range(12))
    for result in results:
        assert result.image.shape == (64, 96, 3) and result.image.dtype == np.uint8
        assert result.probability.shape == (64, 96) and result.probability.dtype == np.float32
        assert 0 <= result.probability.min() < result.probability.max() <= 1
        np.testing.assert_array_equal(result.mask, result.probability > 0.5)
        assert result.flow.shape == (64, 96, 3)
        assert result.slots == {}
    areas = [result.mask.mean() for result in results]
    assert 0.05 < np.mean(areas) < 0.95


def test_slot_maps_when_asked_for(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    result = next(segmenter.stream(tiny_frames, slots=True))
    assert sorted(result.slots) == sorted(
        f"{kind}_{stream}" for kind in ("coarse_fg", "fine_fg", "fine_not_bg") for stream in ("rgb", "flow")
    )
    for values in result.slots.values():
        assert values.shape == (4, 6) and values.dtype == np.float32
        assert values.min() >= 0 and values.max() <= 1


def test_paths_arrays_and_folders_agree(segmenter: Segmenter, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    for index, image in enumerate(tiny_frames):
        write_rgb(tmp_path / f"f{index}.png", image)
    masks = segmenter.segment(tiny_frames)
    assert masks.shape == (12, 64, 96) and masks.dtype == np.bool_
    np.testing.assert_array_equal(masks, segmenter.segment(str(tmp_path)))
    assert [result.name for result in segmenter.stream(tmp_path)][9:] == ["f9", "f10", "f11"]


def test_an_iterator_is_segmented_online(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    live = segmenter.segment(iter(tiny_frames))
    np.testing.assert_array_equal(live, segmenter.segment(tiny_frames, online=True))


def test_online_masks_depend_on_the_past_only(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    whole = segmenter.segment(tiny_frames, online=True)
    for count in (1, 4, 7):
        np.testing.assert_array_equal(whole[:count], segmenter.segment(tiny_frames[:count], online=True))
    assert (segmenter.segment(tiny_frames)[:7] != segmenter.segment(tiny_frames[:7])).any()


@pytest.mark.parametrize("shape", [(3, 481, 853), (1, 64, 96), (2, 7, 5), (2, 33, 500)])
def test_any_size_and_length(segmenter: Segmenter, shape: tuple[int, int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert segmenter.segment(frames).shape == shape


def test_a_still_clip_has_one_mask(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    results = list(segmenter.stream(np.repeat(tiny_frames[:1], 4, axis=0)))
    for result in results:
        assert (result.flow == 255).all()
        np.testing.assert_array_equal(result.mask, results[0].mask)


def test_the_same_twice(segmenter: Segmenter, tiny_clip: Path) -> None:
    np.testing.assert_array_equal(segmenter.segment(tiny_clip), segmenter.segment(tiny_clip))


def test_flipping_makes_the_engine_symmetric(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    """With mirrored views averaged in, a mirrored clip has mirrored probabilities; without, it has not."""

    def difference(flip: bool) -> float:
        # Flow none, and no average along it: DIS itself is not symmetric.
        pairs = (
            segmenter.stream(tiny_frames, flip=flip, flow="none", smooth=False),
            segmenter.stream(tiny_frames[:, :, ::-1], flip=flip, flow="none", smooth=False),
        )
        return max(
            float(np.abs(one.probability - other.probability[:, ::-1]).max()) for one, other in zip(*pairs, strict=True)
        )

    assert difference(flip=True) < 1e-4 < difference(flip=False)


def test_views_are_averaged(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    def probability(**options: object) -> np.ndarray:
        return np.stack([result.map for result in segmenter.stream(tiny_frames, smooth=False, **options)])

    both = probability(scales=(1.0, 1.5))
    single = [probability(size=size) for size in (96, 144)]
    single[0] = np.stack([resize(one, single[1].shape[1:]) for one in single[0]])
    np.testing.assert_allclose(both, (single[0] + single[1]) / 2, atol=1e-6)
    assert (both != single[1]).any()
    assert (probability(size=144, flow_directions="both") != single[1]).any()


def test_options_that_make_no_sense(segmenter: Segmenter, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    for options, message in (
        ({"size": 10}, "at least 64"),
        ({"flow": "raftt"}, "unknown flow 'raftt'"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"fliip": True}, "unknown option.* fliip; there are size"),
        ({"scales": ()}, "scales"),
        ({"flow_directions": "backward"}, "flow_directions must be 'forward' or 'both', got 'backward'"),
        ({"flow_size": 8}, "flow_size must be at least 64, got 8"),
        ({"flip": 1}, "flip must be true or false, got 1"),
        ({"scales": (1.0, -2)}, r"scales\[1\] must be above 0, got -2"),
        ({"online": True, "flow_directions": "both"}, "only the past"),
    ):
        # At once, not at the first frame.
        with pytest.raises(GsanetError, match=message):
            segmenter.stream(tiny_frames, **options)
    with pytest.raises(GsanetError, match="no such file or folder"):
        segmenter.stream(tmp_path / "none.mp4")
    # Scales that come to the same size are one view.
    assert len(Options(scales=(1.0, 1.01)).views(64, 96, segmenter.runtime.config)) == 1


def test_device_and_precision() -> None:
    cpu = choose_device("cpu")
    assert [choose_precision(name, cpu) for name in PRECISIONS[1:]] == ["float32", "bfloat16"]
    assert choose_precision("auto", cpu) in PRECISIONS[1:]
    with pytest.raises(GsanetError, match="unknown precision 'half'"):
        choose_precision("half", cpu)
    for name in ("quantum", "cuda:99"):
        with pytest.raises(GsanetError, match=f"device '{name}' cannot be used"):
            choose_device(name)


def test_bfloat16_stays_near_float32(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    exact, quick = (Segmenter(tiny_model, precision=name).segment(tiny_frames) for name in ("float32", "bfloat16"))
    assert (exact == quick).mean() > 0.9


def test_neither_the_package_nor_its_engine_loads_torch() -> None:
    script = (
        "import sys, gsanet; assert 'numpy' not in sys.modules; gsanet.Segmenter; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    import gsanet

    assert gsanet.Segmenter is Segmenter
    with pytest.raises(AttributeError, match="no attribute 'Segmentr'"):
        gsanet.Segmentr  # noqa: B018


def test_quality_presets_are_more_views_and_single_options_win(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    views = {q: Segmenter(tiny_model, quality=q).options.views(360, 640, VARIANTS["lite"]) for q in QUALITY}
    assert {q: len(v) for q, v in views.items()} == {"fast": 1, "balanced": 1, "best": 4}
    assert {q: v[0].size for q, v in views.items()} == {"fast": (224, 384), "balanced": (256, 448), "best": (288, 512)}
    assert Segmenter(tiny_model).options == Segmenter(tiny_model, quality="balanced").options
    assert not Segmenter(tiny_model, quality="best", flip=False).options.flip
    # Who says a size means that size; and a scale makes no size too small.
    assert Segmenter(tiny_model, quality="fast", size=448).options.views(360, 640, tiny_model.config)[0].size == (
        256,
        448,
    )
    assert Segmenter(tiny_model, quality="fast").options.views(64, 64, replace(TINY, size=64))[0].size == (64, 64)
    # What cannot look both ways does not, instead of failing.
    assert Segmenter(tiny_model, quality="best", online=True).options.flow_directions == "forward"
    assert Segmenter(tiny_model, quality="best", flow="none").options.flow_directions == "forward"
    with pytest.raises(GsanetError, match="unknown quality 'great': choose one of fast, balanced, best"):
        Segmenter(tiny_model, quality="great")
