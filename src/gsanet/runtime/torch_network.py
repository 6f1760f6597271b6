"""The network on its device: pictures in, probabilities out. Precision and memory layout are decided here."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsanet.base.device import choose_device
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.model.network import GSANetOutput
from gsanet.runtime.folding import folded
from gsanet.runtime.interface import Pictures
from gsanet.runtime.precision import choose_precision

_REHEARSAL = (128, 128)
"""Pixels of the blank frame on which the model is run once to see how it is put together."""

_ENTRY = re.compile(
    r"(rgb|flow)\.backbone\.encoder\.(conv_stem|blocks\.0\.|blocks\.1\.0\.conv_dw|conv1|patch_embed1\.)"
)
"""What sees a picture first, in timm's models and MiT, up to the step to a quarter of its size. bfloat16 has 8 bits, of
which a pixel of -1 to 1 needs more: fine gradients of flow were lost here. In float32 these few layers cost a twentieth
of the network's time (docs/performance.md)."""

_setting = threading.Lock()


class TorchNetwork:
    """A :class:`~gsanet.model.GSANet` ready to run: in eval mode, channels last, on its device, norms folded.

    The model given is moved there in place, and then copied (:mod:`gsanet.runtime.folding`): what is done to it
    later does not show here.

    Raises:
        GsanetError: no such device or precision.
    """

    def __init__(self, model: GSANet, device: str = "auto", precision: str = "auto") -> None:
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        self.config = model.config
        model.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = folded(model, self._rehearse, exact=_ENTRY.match)
        self.step: Callable[..., GSANetOutput] = self.model
        """What frames go through."""

    @property
    def workers(self) -> int:
        """Threads that may call this at once: on a CPU as many as PyTorch has, on a GPU one."""
        return torch.get_num_threads() if self.device.type == "cpu" else 1

    @staticmethod
    def one_thread(others: int) -> None:
        """From here on the calling thread computes alone; threads to come have *others*, as those before had."""
        with _setting:
            # A thread takes the common number at its first question, which would undo what was set before it.
            torch.get_num_threads()
            # PyTorch sets the number of the calling thread and that of all threads to come. Only the first is meant,
            # and the second is put back from a thread that is of no further use.
            torch.set_num_threads(1)
            restore = threading.Thread(target=torch.set_num_threads, args=(others,))
            restore.start()
            restore.join()

    def _rehearse(self, model: GSANet) -> None:
        """Everything that is ever called of *model*, once."""
        blank = torch.zeros(1, 1, 3, *_REHEARSAL, device=self.device)
        with self._autocast():
            model(blank[0], blank[0], model.encode_references(blank, blank))

    def load_sizes(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Every size will do."""

    def references(self, pictures: Sequence[Pictures]) -> ReferenceFeatures:
        """R pictures of one view -> their features, B = 1. A CPU takes them one by one, for less memory."""
        if self.device.type == "cpu":
            return ReferenceFeatures.join([self._encode([one]) for one in pictures])
        return self._encode(pictures)

    @torch.inference_mode()
    def _encode(self, pictures: Sequence[Pictures]) -> ReferenceFeatures:
        rgb, flow = self._inputs(pictures)
        with self._autocast():
            return self.model.encode_references(rgb.unsqueeze(0), flow.unsqueeze(0))

    def __call__(
        self, pictures: Sequence[Pictures], references: ReferenceFeatures, slots: bool = False
    ) -> list[tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]]:
        """B pictures of one view -> for each its probability (h,w), and its slot maps (h/16,w/16) if asked for.

        A CPU takes them one by one. It is no slower so, needs less memory, and the same frame gives the same bits
        whatever its company: matrix products are summed in another order for another batch size, which k-means
        and KNN filtering can turn into other masks. A GPU takes them together, equal up to that rounding.
        """
        if self.device.type == "cpu":
            return [self._run([one], references, slots)[0] for one in pictures]
        return self._run(pictures, references, slots)

    @torch.inference_mode()
    def _run(
        self, pictures: Sequence[Pictures], references: ReferenceFeatures, slots: bool
    ) -> list[tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]]:
        rgb, flow = self._inputs(pictures)
        with self._autocast():
            output = self.step(rgb, flow, references.expand(len(pictures)))
        probability = output.logits.float().sigmoid()[:, 0].cpu().numpy()
        maps = output.slot_maps() if slots else {}
        arrays = {name: value.float()[:, 0].cpu().numpy() for name, value in maps.items()}
        return [(one, {name: value[i] for name, value in arrays.items()}) for i, one in enumerate(probability)]

    def _inputs(self, pictures: Sequence[Pictures]) -> tuple[Tensor, Tensor]:
        """Normalised RGB and flow, (B,3,h,w) each. Rows of RGB pixels are channels-last as they come."""
        stacked = [np.stack([one.rgb for one in pictures]), np.stack([one.flow for one in pictures])]
        tensors = [torch.from_numpy(a).to(self.device).permute(0, 3, 1, 2) for a in stacked]
        rgb, flow = (self.model.normalise(t) for t in tensors)
        return rgb, flow

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
