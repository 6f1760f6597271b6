"""The engine: same masks however they are asked for, in memory that does not grow."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from gsanet.data.images import write_rgb
from gsanet.errors import GsanetError
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.model.config import VARIANTS
from gsanet.segment import FrameResult, Options, Segmenter
from gsanet.segment.network import PRECISIONS, choose_device, choose_precision
from gsanet.segment.options import QUALITY
from gsanet.segment.prepare import Pictures
from gsanet.video import ArrayClip, Clip, Frame
from tiny import TINY


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, device="cpu", precision="float32")


@pytest.fixture
def threads_of_torch() -> Iterator[Callable[[int], None]]:
    """Sets PyTorch's number of threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


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


@pytest.mark.parametrize(
    ("precision", "options"),
    [
        ("float32", {}),
        ("bfloat16", {}),
        ("bfloat16", {"online": True}),
        ("float32", {"flip": True, "flow_directions": "both"}),
    ],
)
def test_masks_do_not_change_with_the_batch(
    tiny_model: GSANet,
    tiny_frames: np.ndarray,
    precision: str,
    options: dict[str, object],
    threads_of_torch: Callable[[int], None],
) -> None:
    threads_of_torch(4)  # more than this machine may have: frames must not mind each other
    segmenter = Segmenter(tiny_model, device="cpu", precision=precision, **options)
    one, *others = (
        np.stack([result.probability for result in segmenter.stream(tiny_frames[:7], batch=batch)])
        for batch in (1, 3, 10)
    )
    for other in others:
        np.testing.assert_array_equal(one, other)


def test_frames_abreast_have_one_thread_each(
    segmenter: Segmenter, tiny_frames: np.ndarray, threads_of_torch: Callable[[int], None]
) -> None:
    threads_of_torch(4)
    seen: list[tuple[str, int]] = []
    segmenter.network.model.register_forward_hook(  # type: ignore[union-attr]
        lambda *_: seen.append((threading.current_thread().name, torch.get_num_threads()))
    )
    segmenter.segment(tiny_frames)
    assert len(seen) == len(tiny_frames)
    assert {(name.rpartition("_")[0], threads) for name, threads in seen} == {("gsanet-abreast", 1)}
    assert torch.get_num_threads() == 4
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [4]


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
        return np.stack([result.probability for result in segmenter.stream(tiny_frames, **options)])

    both = probability(scales=(1.0, 1.5))
    single = [probability(size=size) for size in (96, 144)]
    np.testing.assert_allclose(both, (single[0] + single[1]) / 2, atol=1e-6)
    assert (both != single[0]).any()
    assert (probability(flow_directions="both") != single[0]).any()


def test_options_that_make_no_sense(segmenter: Segmenter, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    for options, message in (
        ({"size": 10}, "at least 64"),
        ({"flow": "raftt"}, "unknown flow 'raftt'"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"fliip": True}, "unknown option.* fliip; there are size"),
        ({"scales": ()}, "scales"),
        ({"flow_directions": "backward"}, "forward or both"),
        ({"online": True, "flow_directions": "both"}, "only the past"),
    ):
        # At once, not at the first frame.
        with pytest.raises(GsanetError, match=message):
            segmenter.stream(tiny_frames, **options)
    with pytest.raises(GsanetError, match="no such file or folder"):
        segmenter.stream(tmp_path / "none.mp4")
    # Scales that come to the same size are one view.
    assert len(Options(scales=(1.0, 1.01)).views(64, 96, segmenter.network.config)) == 1


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


class Counting(Clip):
    """A clip made up as it goes, which knows how many of its frames are alive."""

    def __init__(self, frames: int, height: int = 64, width: int = 96) -> None:
        super().__init__("counting", None, width, height, Fraction(25))
        self._frames = frames
        self.alive = self.most = 0
        self._lock = threading.Lock()

    @property
    def length(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(self._frames))

    def frames_at(self, indices) -> Iterator[Frame]:  # type: ignore[no-untyped-def]
        for index in sorted(indices):
            image = np.full((self.height, self.width, 3), index % 256, np.uint8)
            with self._lock:
                self.alive += 1
                self.most = max(self.most, self.alive)
            weakref.finalize(image, self._gone)
            yield Frame(index, index / 25, f"{index:05d}", image)

    def _gone(self) -> None:
        with self._lock:
            self.alive -= 1


class Nothing:
    """In place of the network: finds nothing, at once."""

    config, device, precision, workers = TINY, torch.device("cpu"), "float32", 2

    def one_thread(self, others: int) -> None:
        pass

    def accept(self, sizes: object) -> None:
        pass

    def references(self, pictures: Sequence[Pictures]) -> ReferenceFeatures:
        return ReferenceFeatures(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))

    def __call__(self, pictures: Sequence[Pictures], references: ReferenceFeatures, slots: bool = False):  # type: ignore[no-untyped-def]
        return [(np.zeros(one.rgb.shape[:2], np.float32), {}) for one in pictures]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_long_clip_holds_no_more_frames_than_a_short_one(tiny_model: GSANet, batch: int) -> None:
    segmenter = Segmenter(tiny_model, flow="none", batch=batch)
    segmenter.network = Nothing()  # type: ignore[assignment]
    for frames in (40, 800):
        clip = Counting(frames)
        assert sum(1 for _ in segmenter.stream(clip)) == frames
        gc.collect()
        assert clip.alive == 0
        # Two batches wait, three are at the network or done, one with its taker; the thread, flow and the average
        # over time hold some, references three.
        assert clip.most <= 6 * batch + 10


@pytest.mark.slow
def test_peak_memory_is_flat() -> None:
    """Through the whole of ``segment_clip``, 20 times as long: the frames alone would be 230 MB."""
    script = """
import resource, sys, tempfile
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[3]]
import torch
torch.set_num_threads(1)
import test_engine, tiny
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.segment import Segmenter, run
clip = test_engine.Counting(int(sys.argv[1]), 400, 640)
run.open_clip = lambda source: clip
segmenter = Segmenter(GSANet(tiny.TINY), precision="float32", size=64, flow="none")
with tempfile.TemporaryDirectory() as folder:
    run.segment_clip(segmenter, run.Plan(Path("clip"), Path(folder) / "clip", False))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    here = Path(__file__).parent
    peaks = []
    for frames in (15, 300):
        command = [sys.executable, "-c", script, str(frames), str(here.parent), str(here)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 50, peaks


def test_leaving_a_stream_ends_its_thread(segmenter: Segmenter) -> None:
    results = segmenter.stream(Counting(1000), flow="none")
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gsanet")]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_in_the_clip_reaches_the_caller_after_the_frames_before_it(
    segmenter: Segmenter, tiny_frames: np.ndarray, batch: int, threads: int, threads_of_torch: Callable[[int], None]
) -> None:
    threads_of_torch(threads)

    class Broken(ArrayClip):
        def __iter__(self) -> Iterator[Frame]:
            yield from list(super().__iter__())[:5]
            raise GsanetError("frame 5 is broken")

    results: list[FrameResult] = []
    with pytest.raises(GsanetError, match="frame 5 is broken"):
        for result in segmenter.stream(Broken(tiny_frames), batch=batch):
            results.append(result)
    assert [result.index for result in results] == [0, 1, 2, 3]


def test_the_package_loads_the_engine_only_when_asked() -> None:
    script = "import sys, gsanet; assert 'torch' not in sys.modules; gsanet.Segmenter; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
    import gsanet

    assert gsanet.Segmenter is Segmenter
    with pytest.raises(AttributeError, match="no attribute 'Segmentr'"):
        gsanet.Segmentr  # noqa: B018


def test_quality_presets_are_more_views_and_single_options_win(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    views = {q: Segmenter(tiny_model, quality=q).options.views(360, 640, VARIANTS["lite"]) for q in QUALITY}
    assert {q: len(v) for q, v in views.items()} == {"fast": 1, "balanced": 1, "best": 4}
    assert {q: v[0].size for q, v in views.items()} == {"fast": (224, 384), "balanced": (256, 448), "best": (256, 448)}
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


def test_several_frames_at_once_give_the_masks_of_one_after_the_other(
    tiny_model: GSANet, tiny_frames: np.ndarray
) -> None:
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            segmenter = Segmenter(tiny_model, precision="float32")
            assert segmenter.network.workers == threads
            results.append([r.probability for r in segmenter.stream(tiny_frames, flip=True)])
            assert torch.get_num_threads() == threads
        # References are encoded by all threads together, whose sums are rounded otherwise.
        np.testing.assert_allclose(results[1], results[0], atol=1e-4)
        # Nor do threads to come compute alone because ours did.
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [3]
    finally:
        torch.set_num_threads(before)
