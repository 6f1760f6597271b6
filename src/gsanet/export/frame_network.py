"""The network in ONNX Runtime, with numpy alone around it: pictures of any size in, probability and slot maps out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.export.graph_file import read_metadata, with_weights
from gsanet.export.graph_info import INPUTS, KEY, OWN, PROBABILITY, GraphInfo
from gsanet.export.packaged_graphs import packaged_graph
from gsanet.export.session_cache import SessionCache
from gsanet.export.weight_arrays import fingerprint, initialisers, read_arrays
from gsanet.model.input_size import MULTIPLE, SMALLEST
from gsanet.weights.header import read_config

Tensors: TypeAlias = Mapping[str, NDArray[Any]] | Callable[[], Mapping[str, NDArray[Any]]]

INSTALL = "run `pip install onnxruntime`"


class Features(NamedTuple):
    """All the network keeps of R reference frames."""

    rgb: NDArray[np.float32]
    """(1,R,C,C)"""
    flow: NDArray[np.float32]
    """(1,R,C,C)"""

    @staticmethod
    def join(parts: Sequence[Features]) -> Features:
        """All references, in order."""
        return Features(*(np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True)))


def require_onnxruntime() -> None:
    """Raise a GsanetError where onnxruntime is not installed."""
    if not util.find_spec("onnxruntime"):
        raise GsanetError(f"running a model without PyTorch needs onnxruntime: {INSTALL}")


class FrameNetwork:
    """One session of ONNX Runtime on the CPU. Several threads may call it at once.

    A frame on one thread is the best use of several cores: that many callers, each with a frame, are quicker than one
    frame shared by that many threads, and do not wait for each other where the cores have other work.

    A session that is kept ready is opened in a thread of its own, which nobody waits for until the first frame: there
    are clips to open meanwhile, and nothing can be wrong with it that is not told here.

    Args:
        graph: an ONNX file of ours, or its bytes.
        tensors: of a checkpoint, by name, any float type; for a graph without weights. Or what reads them, if they
            are needed.
        threads: that share one frame.
        name: of the model, for messages.
        cache: where the session is kept ready for the next time.

    Attributes:
        info: what the graph says of itself.

    Raises:
        GsanetError: onnxruntime is not installed, the file is not one of ours, or the tensors are not those it wants.
    """

    def __init__(
        self,
        graph: Path | bytes,
        tensors: Tensors | None = None,
        *,
        threads: int = 1,
        name: str = "",
        cache: SessionCache | None = None,
    ) -> None:
        require_onnxruntime()
        import onnxruntime

        self._name = name or (graph.name if isinstance(graph, Path) else "the graph")
        self.info = self._read_info(graph)

        def options() -> Any:
            chosen = onnxruntime.SessionOptions()
            chosen.intra_op_num_threads = threads
            chosen.log_severity_level = 3  # errors alone; they are raised as well
            # Between two frames the threads go to sleep: decoding and flow need the cores.
            chosen.add_session_config_entry("session.force_spinning_stop", "1")
            # A plan of the memory for every size costs more of it, and saves no time.
            chosen.enable_mem_pattern = False
            return chosen

        def session() -> Any:
            made = (cache and cache.open(options())) or self._made(graph, tensors, options(), cache)
            # It would keep all the weights for a change of provider; where it no longer does, this does nothing.
            made._model_bytes = None
            return made

        pool = ThreadPoolExecutor(1, "gsanet-opening")
        self._opening = pool.submit(session)
        pool.shutdown(wait=False)
        if cache is None or not cache.ready:
            self._opening.result()
        self.config = self.info.config
        channels = self.config.channels
        self._none = np.zeros((1, 0, channels, channels), np.float32)

    @classmethod
    def open(cls, file: Path, *precisions: str, threads: int = 1, cache: Path | None = None) -> FrameNetwork:
        """A whole model (``.onnx``), or a checkpoint (``.safetensors``) of a structure whose graph the package has.

        Args:
            precisions: for a checkpoint, the one liked best first: ``float32`` (the only one if none is named) or
                ``int8``, which is quicker on a processor that has instructions for it (VNNI), and which there is for
                the package's own weights alone.
            cache: folder in which a checkpoint's session is kept ready (:mod:`gsanet.export.session_cache`).

        Raises:
            GsanetError: it is neither, or there is no graph of these precisions for it.
        """
        if file.suffix == ".onnx":
            return cls(file, threads=threads)
        config = read_config(file)
        weights = fingerprint(read_arrays(file)[1]) if "int8" in precisions else ""
        graphs = (packaged_graph(config, precision, weights) for precision in precisions or ("float32",))
        graph = next((found for found in graphs if found is not None), None)
        if graph is None and precisions == ("int8",):
            raise GsanetError(
                f"{file} has no int8 graph in the package, which has one for its own weights: use float32"
            )
        if graph is None:
            raise GsanetError(
                f"{file} is of another structure than the models of the package, which run without PyTorch: "
                f"`gsanet export {file} -o FOLDER` makes a file that does"
            )
        place = None if cache is None else SessionCache(cache, file, graph)
        network = cls(graph, lambda: read_arrays(file)[1], threads=threads, name=str(file), cache=place)
        network.config = config
        return network

    @property
    def _session(self) -> Any:
        return self._opening.result()

    @cached_property
    def _step_outputs(self) -> list[str]:
        return [one.name for one in self._session.get_outputs() if one.name not in OWN]

    def references(self, rgb: NDArray[np.uint8], flow: NDArray[np.uint8]) -> Features:
        """R reference frames, (R,h,w,3) each -> their features. One after the other, for less memory.

        Raises:
            GsanetError: the pictures are not of a size that the network takes.
        """
        parts = []
        for one in zip(rgb, flow, strict=True):
            self._check(one)
            parts.append(Features(*self._run(list(OWN), one, Features(self._none, self._none))))
        return Features.join(parts)

    def step(
        self, rgb: NDArray[np.uint8], flow: NDArray[np.uint8], references: Features | None = None, slots: bool = True
    ) -> dict[str, NDArray[np.float32]]:
        """One frame, (h,w,3) each.

        Args:
            references: of the clip; None: the frame is its own, at no cost.
            slots: whether the slot maps are wanted too.

        Returns:
            ``probability`` (h,w) and slot maps by name (h/16,w/16).

        Raises:
            GsanetError: the pictures are not of a size that the network takes.
        """
        self._check((rgb, flow))
        names = self._step_outputs if slots else [PROBABILITY]
        found = self._run(names, (rgb, flow), references or Features(self._none, self._none))
        return {name: value[0] for name, value in zip(names, found, strict=True)}

    def _run(
        self, names: list[str], pictures: tuple[NDArray[np.uint8], ...], references: Features
    ) -> list[NDArray[np.float32]]:
        inputs = [*(picture[None] for picture in pictures), *references]
        found: list[NDArray[np.float32]] = self._session.run(names, dict(zip(INPUTS, inputs, strict=True)))
        return found

    def _check(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        shapes = {picture.shape for picture in pictures}
        shape = next(iter(shapes))
        if len(shapes) > 1 or len(shape) != 3 or shape[2] != 3 or any(n < SMALLEST or n % MULTIPLE for n in shape[:2]):
            got = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
            raise GsanetError(
                f"the network takes pictures of one size, sides multiples of {MULTIPLE} from {SMALLEST} on; got {got}"
            )

    def _read_info(self, graph: Path | bytes) -> GraphInfo:
        try:
            text = read_metadata(graph.read_bytes() if isinstance(graph, Path) else graph).get(KEY)
        except OSError as error:
            raise GsanetError(f"{graph!s} cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise GsanetError(f"{self._name} cannot be opened by ONNX Runtime ({error})") from None
        if text is None:
            raise GsanetError(f"{self._name} was not written by gsanet export: its metadata names no gsanet model")
        try:
            return GraphInfo.from_json(text)
        except ValueError as error:
            raise GsanetError(f"{self._name}: {error}; it may need a newer gsanet") from None

    def _made(self, graph: Path | bytes, tensors: Tensors | None, options: Any, cache: SessionCache | None) -> Any:
        import onnxruntime

        source: str | bytes = str(graph) if isinstance(graph, Path) else graph
        if self.info.plan is not None:
            source = self._complete(graph, tensors() if callable(tensors) else tensors)
        try:
            if cache is not None and isinstance(source, bytes):
                return cache.make(source, options)
            return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class for each of its status codes, without a common base
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise GsanetError(f"{self._name} cannot be opened by ONNX Runtime ({reason})") from None

    def _complete(self, graph: Path | bytes, tensors: Mapping[str, NDArray[Any]] | None) -> bytes:
        assert self.info.plan is not None
        if tensors is None:
            raise GsanetError(f"{self._name} is a graph without weights: open the checkpoint instead")
        data = graph.read_bytes() if isinstance(graph, Path) else graph
        metadata = {KEY: replace(self.info, plan=None).to_json()}
        try:
            return with_weights(data, initialisers(self.info.plan, tensors), metadata)
        except KeyError as error:
            raise GsanetError(f"{self._name} does not fit its graph: it lacks {error.args[0]}") from None
