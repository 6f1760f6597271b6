"""The network on its device: pictures in, probabilities out. Precision and memory layout are decided here."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from gsanet.base.device import choose_device
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.runtime.attention import fuse_attention, fusing_pays
from gsanet.runtime.folding import folded
from gsanet.runtime.interface import Answer, Pictures, Reference, RuntimeName, Timer
from gsanet.runtime.precision import choose_precision

_REHEARSAL = (128, 128)
"""Pixels of the blank frame on which the model is run once to see how it is put together."""

_ENTRY = re.compile(
    r"(rgb|flow)\.backbone\.encoder\.(conv_stem|blocks\.0\.|blocks\.1\.0\.conv_dw|conv1|patch_embed1\.)"
)
"""What sees a picture first, in timm's models and MiT, up to the step to a quarter of its size. bfloat16 has 8 bits, of
which a pixel of -1 to 1 needs more: fine gradients of flow were lost here. In float32 these few layers cost a twentieth
of the network's time (docs/performance.md)."""

_BATCH = {"cpu": 1, "cuda": 16}
"""Frames at once, by the kind of device; 4 elsewhere."""

_setting = threading.Lock()


class TorchNetwork:
    """A :class:`~gsanet.model.GSANet` ready to run: in eval mode, channels last, on its device, norms folded.

    The model given is moved there in place, and then copied (:mod:`gsanet.runtime.folding`): what is done to it
    later does not show here.

    Raises:
        GsanetError: no such device or precision.
    """

    name: RuntimeName = "torch"

    def __init__(self, model: GSANet, device: str = "auto", precision: str = "auto") -> None:
        self._device = choose_device(device)
        self.device = str(self._device)
        self.batch = _BATCH.get(self._device.type, 4)
        self.precision = choose_precision(precision, self._device)
        self.config = model.config
        model.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = folded(model, self._rehearse, exact=_ENTRY.match)
        if fusing_pays(self._device, self.precision):
            fuse_attention(self.model)

    @property
    def workers(self) -> int:
        """Threads that may call this at once: on a CPU as many as PyTorch has, on a GPU one."""
        return torch.get_num_threads() if self._device.type == "cpu" else 1

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
        blank = torch.zeros(1, 1, 3, *_REHEARSAL, device=self._device)
        with self._autocast():
            model(blank[0], blank[0], model.encode_references(blank, blank))

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        """As :meth:`Runtime.encode`. A CPU takes them one by one, for less memory."""
        if self._device.type == "cpu":
            return [reference for one in pictures for reference in self._encode([one])]
        together = list(pictures)
        return [*self._encode(together)] if together else []

    @torch.inference_mode()
    def _encode(self, pictures: Sequence[Pictures]) -> list[ReferenceFeatures]:
        rgb, flow = self._inputs(pictures)
        with self._autocast():
            features = self.model.encode_references(rgb.unsqueeze(0), flow.unsqueeze(0))
        count = len(pictures)
        return [ReferenceFeatures(features.rgb[:, i : i + 1], features.flow[:, i : i + 1]) for i in range(count)]

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """As :meth:`Runtime.__call__`.

        A CPU takes them one by one. It is no slower so, needs less memory, and the same frame gives the same bits
        whatever its company: matrix products are summed in another order for another batch size, which k-means
        and KNN filtering can turn into other masks. A GPU takes them together, equal up to that rounding.
        """
        if not references:
            return [answer for one in pictures for answer in self([one], self.encode([one]), slots)]
        joined = ReferenceFeatures.join([one for one in references if isinstance(one, ReferenceFeatures)])
        if self._device.type == "cpu":
            return [self._run([one], joined, slots)[0] for one in pictures]
        return self._run(pictures, joined, slots)

    @torch.inference_mode()
    def _run(self, pictures: Sequence[Pictures], references: ReferenceFeatures, slots: bool) -> list[Answer]:
        rgb, flow = self._inputs(pictures)
        with self._autocast():
            output = self.model(rgb, flow, references.expand(len(pictures)))
        probability = output.logits.float().sigmoid()[:, 0].cpu().numpy()
        maps = output.slot_maps() if slots else {}
        arrays = {name: value.float()[:, 0].cpu().numpy() for name, value in maps.items()}
        return [Answer(one, {name: value[i] for name, value in arrays.items()}) for i, one in enumerate(probability)]

    @contextmanager
    def timed(self, timer: Timer) -> Iterator[None]:
        """As :meth:`Runtime.timed`, by hooks that go when the block ends."""
        parts: dict[str, list[nn.Module]] = {"rgb": [self.model.rgb], "motion": [self.model.flow]}
        if self.config.slot_attention:
            parts["slots"] = [self.model.rgb_slots, self.model.flow_slots]
        hooks = []
        for name, modules in parts.items():
            for module in modules:
                block = ExitStack()

                def before(*_: object, name: str = name, block: ExitStack = block) -> None:
                    block.enter_context(timer(name))

                def after(*_: object, block: ExitStack = block) -> None:
                    if self._device.type == "cuda":
                        torch.cuda.synchronize(self._device)
                    block.close()

                hooks += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _inputs(self, pictures: Sequence[Pictures]) -> tuple[Tensor, Tensor]:
        """Normalised RGB and flow, (B,3,h,w) each. Rows of RGB pixels are channels-last as they come."""
        stacked = [np.stack([one.rgb for one in pictures]), np.stack([one.flow for one in pictures])]
        tensors = [torch.from_numpy(a).to(self._device).permute(0, 3, 1, 2) for a in stacked]
        rgb, flow = (self.model.normalise(t) for t in tensors)
        return rgb, flow

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
