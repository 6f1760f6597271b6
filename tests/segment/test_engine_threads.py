"""The engine's threads: they change no mask, lose no frame and end with the stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import FrameResult, Segmenter
from gsanet.video import ArrayClip, Frame


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
    segmenter.runtime.model.register_forward_hook(  # type: ignore[union-attr]
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


def test_leaving_a_stream_ends_its_threads(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    results = segmenter.stream(np.concatenate([tiny_frames] * 40), flow="none")
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


def test_several_frames_at_once_give_the_masks_of_one_after_the_other(
    tiny_model: GSANet, tiny_frames: np.ndarray
) -> None:
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            segmenter = Segmenter(tiny_model, precision="float32")
            assert segmenter.runtime.workers == threads
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
