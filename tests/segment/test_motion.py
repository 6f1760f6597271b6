"""The flow a frame is shown with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_to_picture
from gsanet.flow.dis import DISFlow
from gsanet.flow.sequence import sequence_flow
from gsanet.flow.vectors import write_vectors
from gsanet.segment.motion import draw, open_motion, windows
from gsanet.segment.options import Options, View, Way
from gsanet.segment.pictures import known_flow
from gsanet.video import ArrayClip
from gsanet.video.images import write_rgb
from tiny import TINY


def textured(frames: int = 5) -> np.ndarray:
    """A texture that moves right by two pixels a frame, (T,64,96,3)."""
    wide = np.random.default_rng(1).integers(0, 256, (16, 40, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    return np.stack([wide[:, 32 - 2 * t : 128 - 2 * t] for t in range(frames)])


def flows(clip: ArrayClip, options: Options, direction: str = "forward") -> list[np.ndarray]:
    motion = open_motion(options, clip)
    method = options.methods[0] if options.methods else ""
    return [
        motion(window, Way(direction, method))  # type: ignore[arg-type]
        for window in windows(clip, motion.lookahead, motion.size)
    ]


def test_forward_flow_is_that_of_gsanet_flow() -> None:
    clip = ArrayClip(textured())
    ours = flows(clip, Options(flow="dis"))
    theirs = list(sequence_flow(frame.image for frame in clip))
    assert len(ours) == len(theirs) == 5
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.median(ours[2][16:48, 16:64, 0]) == pytest.approx(2, abs=0.3)


def test_backward_flow_points_where_things_go() -> None:
    clip = ArrayClip(textured())
    images = [frame.image for frame in clip]
    backward = flows(clip, Options(flow="dis"), "backward")
    np.testing.assert_array_equal(backward[2], -DISFlow()(images[2], images[1]))
    assert np.median(backward[2][16:48, 16:64, 0]) == pytest.approx(2, abs=0.3)
    # The first frame has nothing before it.
    np.testing.assert_array_equal(backward[0], flows(clip, Options(flow="dis"))[0])


def test_several_methods_are_a_view_each() -> None:
    options = Options(flow="dis+dis-fast", flow_directions="both", flip=True)
    views = options.views(64, 96, TINY)
    ways = [Way("forward", "dis"), Way("backward", "dis"), Way("forward", "dis-fast")]
    assert [view.way for view in views] == [way for way in ways for _ in range(2)]
    motion = open_motion(options, ArrayClip(textured()))
    for window in windows(ArrayClip(textured(2)), motion.lookahead, motion.size):
        if window.after is not None:
            np.testing.assert_array_equal(motion(window, ways[2]), DISFlow("fast")(window.small, window.after))
    assert Options(flow="dis+dis", online=True).views(64, 96, TINY) == [View((64, 96), Way("backward", "dis"), False)]
    with pytest.raises(GsanetError, match=r"unknown flow 'dis\+horn': choose dis, .* several of them with \+ between"):
        open_motion(Options(flow="dis+horn"), ArrayClip(textured()))
    with pytest.raises(GsanetError, match="flow by dis takes no weights"):
        Options(flow="dis+dis-fast", flow_weights="flownet.pkl")


def test_frames_are_joined_by_the_first_method() -> None:
    clip = ArrayClip(textured(2))
    options = Options(flow="dis-fast+dis")
    motion = open_motion(options, clip)
    window = next(iter(windows(clip, motion.lookahead, motion.size)))
    flows = {view.way: motion(window, view.way) for view in options.views(64, 96, TINY)}
    forward, backward = known_flow(window, flows, motion)
    assert forward is flows[Way("forward", "dis-fast")]
    assert backward is None


def test_online_never_looks_ahead() -> None:
    frames = textured()
    seen = []

    class Watched(ArrayClip):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                seen.append(frame.index)
                yield frame

    clip = Watched(frames)
    motion = open_motion(Options(flow="dis", online=True), clip)
    for window in windows(clip, motion.lookahead, motion.size):
        assert seen[-1] == window.frame.index
        flow = motion(window, Way("backward", "dis"))
        assert (not flow.any()) == (window.frame.index == 0)


@pytest.mark.parametrize("frames", [textured(1), np.repeat(textured(1), 4, axis=0)])
def test_what_does_not_move_is_blank(frames: np.ndarray) -> None:
    for flow in flows(ArrayClip(frames), Options()):
        assert (draw(flow, (64, 96), True, False) == 255).all()


def test_no_flow_is_blank() -> None:
    for flow in flows(ArrayClip(textured()), Options(flow="none")):
        assert (draw(flow, (32, 64), True, False) == 255).all()


def test_gaps_between_frames_are_no_motion() -> None:
    clip = ArrayClip(textured(9))
    found = {w.frame.index: (w.before, w.after) for w in windows(clip.frames_at([0, 1, 4, 5, 8]), True, 448)}
    present = {index: (before is not None, after is not None) for index, (before, after) in found.items()}
    assert present == {0: (False, True), 1: (True, False), 4: (False, True), 5: (True, False), 8: (False, False)}


def test_flow_of_large_frames_is_computed_small() -> None:
    clip = ArrayClip(np.zeros((2, 100, 800, 3), np.uint8))
    assert flows(clip, Options(flow_size=400))[0].shape == (50, 400, 2)


def test_a_mirrored_picture_has_mirrored_motion() -> None:
    flow = np.zeros((64, 96, 2), np.float32)
    flow[:, :40] = 3, 1
    mirrored = np.zeros((64, 96, 2), np.float32)
    mirrored[:, -40:] = -3, 1
    np.testing.assert_array_equal(draw(flow, (64, 96), True, True), flow_to_picture(mirrored))
    # Resized in one direction only, vectors turn.
    wide = draw(np.full((64, 96, 2), 2, np.float32), (64, 192), True, False)
    np.testing.assert_array_equal(wide[0, 0], flow_to_picture(np.full((1, 1, 2), (4, 2), np.float32))[0, 0])


@pytest.mark.parametrize("place", ["clip/FLOW", "clip", "FLOW", "."])
def test_flow_from_a_folder(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    # Downwards: straight to the right lies the seam of the wheel, where two colours mean one direction.
    clip = ArrayClip(np.ascontiguousarray(textured(3).transpose(0, 2, 1, 3)), name="clip")
    drawn = [flow_to_picture(flow) for flow in sequence_flow(frame.image for frame in clip)]
    for index, picture in enumerate(drawn):
        write_rgb(folder / f"{index:05d}.png", picture)
    for picture, flow in zip(drawn, flows(clip, Options(flow=str(tmp_path))), strict=True):
        again = draw(flow, picture.shape[:2], False, False)
        assert np.abs(again.astype(int) - picture).mean() < 2


@pytest.mark.parametrize("ending", ["flo", "npz"])
def test_vectors_in_a_folder_are_preferred_and_exact(tmp_path: Path, ending: str) -> None:
    # Downwards, off the wheel's seam, as above.
    clip = ArrayClip(np.ascontiguousarray(textured(3).transpose(0, 2, 1, 3)), name="clip")
    for place in ("clip/FLOW", "clip/FLOW_RAW"):
        (tmp_path / place).mkdir(parents=True)
    computed = flows(clip, Options())
    for index, flow in enumerate(computed):
        write_rgb(tmp_path / "clip/FLOW" / f"{index:05d}.png", np.zeros((96, 64, 3), np.uint8))
        write_vectors(tmp_path / "clip/FLOW_RAW" / f"{index:05d}.{ending}", flow)
    options = Options(flow=str(tmp_path))
    assert open_motion(options, clip).in_pixels
    for flow, read in zip(computed, flows(clip, options), strict=True):
        np.testing.assert_allclose(read, flow, rtol=0 if ending == "flo" else 2**-11, atol=1e-6)
        expected = draw(flow, (64, 32), True, False).astype(int)
        assert np.abs(draw(read, (64, 32), True, False) - expected).max() <= (0 if ending == "flo" else 2)


def test_raft_in_the_engine(tmp_path: Path) -> None:
    """On the engine's device, with the file the options name."""
    torch = pytest.importorskip("torch")
    from gsanet.flow.raft_weights import build_raft

    torch.save(build_raft("small").state_dict(), tmp_path / "raft.pth")
    clip = ArrayClip(textured(3))
    options = Options(flow="raft-small", flow_weights=str(tmp_path / "raft.pth"))
    motion = open_motion(options, clip, "cpu", "float32")
    found = [motion(window, Way("forward", "raft-small")) for window in windows(clip, motion.lookahead, motion.size)]
    assert [flow.shape for flow in found] == [(64, 96, 2)] * 3
    assert all(np.isfinite(flow).all() and flow.any() for flow in found)
    single = ArrayClip(textured(1))
    assert not flows(single, options)[0].any()
    with pytest.raises(GsanetError, match="no such file of weights"):
        open_motion(Options(flow="raft-large", flow_weights="gone.pth"), clip)


def test_weights_for_flow_that_takes_none() -> None:
    with pytest.raises(
        GsanetError, match="flow by dis-sharp takes no weights: that is for raft-small, raft-large and gmflow"
    ):
        Options(flow_weights="raft.pth")
    with pytest.raises(GsanetError, match="flow 'none' needs no weights"):
        Options(flow="none", flow_weights="raft.pth")


def test_flow_that_cannot_be_had(tmp_path: Path) -> None:
    clip = ArrayClip(textured(3), name="clip")
    with pytest.raises(GsanetError, match="unknown flow 'farneback': choose dis"):
        open_motion(Options(flow="farneback"), clip)
    with pytest.raises(GsanetError, match="no flow pictures for clip"):
        open_motion(Options(flow=str(tmp_path)), clip)
    write_rgb(tmp_path / "00000.png", np.full((64, 96, 3), 255, np.uint8))
    with pytest.raises(GsanetError, match="no flow picture for frame 00001"):
        flows(clip, Options(flow=str(tmp_path)))
    with pytest.raises(GsanetError, match="one direction"):
        open_motion(Options(flow=str(tmp_path), flow_directions="both"), clip)
