"""Make the package's own graph anew: ``make graph``, after a change to the network's structure or to what traces it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from gsanet.base.atomic import written_whole
from gsanet.export.packaged_graphs import SUFFIX
from gsanet.export.tracing import trace_graph
from gsanet.weights.checkpoint import load_model


def main(name: str = "lite") -> None:
    """Trace the packaged weights *name*, and put their graph beside them."""
    folder = Path(str(resources.files("gsanet") / "weights"))
    with written_whole(folder / f"{name}{SUFFIX}") as part:
        part.write_bytes(trace_graph(load_model(folder / f"{name}.safetensors")))


if __name__ == "__main__":
    main()
