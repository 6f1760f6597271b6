"""Long clips in pieces: what comes out is what a run in one piece writes, to the byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small import QUICK, different, loaded, make_clip, run_here, written

from gsanet.scale.long_clip import cut
from gsanet.scale.task import Batch
from gsanet.scale.worker import ClipWorker, pieces_folder
from gsanet.segment import segment_to_folder


def in_one(clip: Path, out: Path, save: tuple[str, ...], **arguments: Any) -> dict[str, bytes]:
    return written(segment_to_folder(clip, out, segmenter=loaded(**arguments), save=save))


def test_pieces_are_of_one_length_and_leave_nothing_out() -> None:
    assert cut(10, 3) == (range(3), range(3, 6), range(6, 10))
    assert cut(5, 9) == (range(5),)
    for frames in range(1, 60):
        pieces = cut(frames, 7)
        assert [i for piece in pieces for i in piece] == list(range(frames))
        assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


@pytest.mark.parametrize(
    ("arguments", "save", "still"),
    [
        ({}, ("masks", "overlay", "probability", "coco", "slots"), range(0)),
        ({"quality": "best"}, ("probability",), range(0)),  # mirrored, flow in both directions
        ({"smooth": False, "flow": "dis-fast"}, ("probability",), range(0)),
        ({}, ("probability",), range(3, 7)),  # frames that show the same picture, across a border
        ({"size": 160}, ("probability",), range(0)),  # something is found, and looked at closer
        ({"size": 128, "quality": "best"}, ("probability",), range(0)),
    ],
    ids=["all kinds", "best", "plain", "repeats", "closer", "closer beside"],
)
def test_all_that_is_saved_is_the_same(
    batch: Batch, tmp_path: Path, arguments: dict[str, Any], save: tuple[str, ...], still: range
) -> None:
    clip = make_clip(tmp_path / "clips" / "long", 15, still=still)
    batch = replace(batch, piece=5, save=save, arguments={**QUICK, **arguments})
    (outcome,), results = run_here(batch, clip)
    assert [result.state for result in results] == ["cut", "piece", "piece", "piece", "done"]
    assert (outcome.state, outcome.frames, outcome.pieces) == ("done", 15, 3)
    assert results[-1].computed == 0, "every answer was found"
    here = written(tmp_path / "out" / "long")
    assert here == in_one(clip, tmp_path / "one", save, **arguments)
    assert different(here) > 9
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["long"], "what is known of pieces is cleared away"


def test_what_no_piece_knows_is_computed_and_the_masks_are_the_same(batch: Batch, tmp_path: Path) -> None:
    """A scene that stands still for longer than a piece looks back: which of its frames count cannot be known."""
    clip = make_clip(tmp_path / "clips" / "long", 18, still=range(2, 16))
    batch = replace(batch, piece=6, save=("probability",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gsanet.scale.long_clip.BEFORE", 1)
        patch.setattr("gsanet.scale.long_clip.AROUND", 0)
        (outcome,), results = run_here(batch, clip)
    assert outcome.state == "done" and results[-1].computed > 0
    assert written(tmp_path / "out" / "long") == in_one(clip, tmp_path / "one", batch.save)


def test_pieces_that_are_there_are_not_computed_again(
    batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clips" / "long", 20)
    batch = replace(batch, piece=5)
    computed: list[range] = []
    killed = [KeyboardInterrupt()]
    real = ClipWorker._piece.__globals__["compute_piece"]

    def counted(runtime: Any, clip: Any, pipeline: Any, frames: range, *more: Any, **options: Any) -> list[str]:
        computed.append(frames)
        if killed and frames.start == 10:
            raise killed.pop()
        return real(runtime, clip, pipeline, frames, *more, **options)

    monkeypatch.setattr("gsanet.scale.worker.compute_piece", counted)
    with pytest.raises(KeyboardInterrupt):
        run_here(batch, clip)
    assert not (tmp_path / "out" / "long").exists() and (tmp_path / "out" / pieces_folder("long")).is_dir()
    (outcome,), _ = run_here(replace(batch, existing="resume"), clip)
    assert outcome.state == "done"
    starts = [frames.start for frames in computed]
    assert starts == [0, 5, 10, 10, 15]
    assert written(tmp_path / "out" / "long") == in_one(clip, tmp_path / "one", batch.save)

    # Of other settings nothing is taken.
    computed.clear()
    other = replace(batch, arguments={**QUICK, "size": 96}, existing="overwrite")
    run_here(other, clip)
    assert [frames.start for frames in computed] == [0, 5, 10, 15]


def test_clips_that_gain_nothing_are_not_cut(batch: Batch, tmp_path: Path) -> None:
    short, long = make_clip(tmp_path / "clips" / "short", 9), make_clip(tmp_path / "clips" / "long", 10)
    batch = replace(batch, piece=5)
    outcomes, results = run_here(batch, short, long)
    assert [(one.state, one.pieces) for one in outcomes] == [("done", 0), ("done", 2)]
    assert not any(result.error for result in results)
    online = replace(batch, out=str(tmp_path / "online"), arguments={**QUICK, "online": True})
    ((outcome,), _) = run_here(online, long)
    assert (outcome.state, outcome.pieces) == ("done", 0), "online there is nothing to know beforehand"
