"""The network with each frame's step compiled by PyTorch: minutes once, then quicker frames."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from gsanet.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment.network import Network
from gsanet.segment.prepare import Pictures

log = logging.getLogger("gsanet")


class CompiledNetwork(Network):
    """A :class:`~gsanet.segment.network.Network` whose frame step went through ``torch.compile``.

    Every input size is compiled anew, in each process. References, of which there are few, are encoded as ever.
    """

    def __init__(self, model: GSANet, device: str = "auto", precision: str = "auto") -> None:
        super().__init__(model, device, precision)
        # On a CPU weights become constants, which are laid out for their layers, norms and all.
        options: dict[str, Any] = {"freezing": True} if self.device.type == "cpu" else {}
        self.step = torch.compile(model, options=options)
        self._ready: set[tuple[int, int]] = set()

    def accept(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Compile for inputs of these sizes (h,w), with two lines logged for each that is new.

        Raises:
            GsanetError: PyTorch cannot compile here; on a CPU it needs a C++ compiler.
        """
        for size in dict.fromkeys(sizes):
            if size in self._ready:
                continue
            log.warning("compiling for %dx%d pictures: this takes minutes, in every process", *size)
            begun = time.perf_counter()
            # In a thread like those that will run it: code is made for a number of threads.
            with ThreadPoolExecutor(1) as pool:
                try:
                    pool.submit(self._try, size).result()
                except (RuntimeError, OSError) as error:  # whatever the compiler raises, in PyTorch's wrapping
                    reason = str(error).strip().splitlines() or [type(error).__name__]
                    raise GsanetError(f"PyTorch cannot compile here: {reason[0]}; use --backend torch") from None
            log.warning("compiled in %.0f s", time.perf_counter() - begun)
            self._ready.add(size)

    def _try(self, size: tuple[int, int]) -> None:
        if self.workers > 1:
            self.one_thread(self.workers)
        blank = np.zeros((*size, 3), np.uint8)
        pictures = [Pictures(blank, blank)] * self.config.references
        self(pictures[:1], self.references(pictures))
