"""Writes the graphs that lie beside the light model's weights in the package.

    python benchmarks/package_graphs.py DATA -o src/gsanet/weights            # both; minutes
    python benchmarks/package_graphs.py DATA -o FOLDER --only int8

`lite.graph.onnx` is for any weights of this structure, and needs to be written again when the structure changes or the
exporter has learned something. `lite.int8.graph.onnx` is for the packaged weights alone. The ranges in it are those of
four frames of every sequence of DATA/DAVIS_train that is not among the six of its test (every fifth, to six), with the
engine's flow, and of twelve pictures of DATA/DUTS_train that stand still.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsanet.data.layout import sequences
from gsanet.export.quantise import quantise
from gsanet.export.tracing import arrays_of, trace_graph
from gsanet.flow.methods import flow_method
from gsanet.segment.motion import ComputedMotion, Window, draw
from gsanet.segment.options import Way
from gsanet.video.clip import Frame
from gsanet.video.images import read_rgb
from gsanet.video.resize import limit, resize
from gsanet.weights.checkpoint import load_model
from gsanet.weights.packaged import find_weights

WAY = Way("forward", "dis")
SIZE = (256, 448)
TESTED = 6
PLACES = (1 / 8, 1 / 3, 1 / 2, 7 / 8)


def main() -> None:
    """Trace and quantise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--only", choices=("float32", "int8"))
    parser.add_argument("--sequences", type=int, default=24, help="at most so many are measured")
    arguments = parser.parse_args()
    with find_weights("lite") as file:
        model = load_model(file)
    place = arguments.out / "lite.graph.onnx"
    if arguments.only != "int8":
        place.write_bytes(trace_graph(model))
    if arguments.only != "float32":
        graph = place.read_bytes() if place.is_file() else trace_graph(model)
        pictures = _pictures(arguments.data, arguments.sequences)
        (arguments.out / "lite.int8.graph.onnx").write_bytes(quantise(graph, arrays_of(model), pictures))


def _pictures(data: Path, most: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    motion = ComputedMotion({WAY.method: flow_method(WAY.method)}, 448, causal=False)
    videos = sequences(data / "DAVIS_train", check_sizes=False)
    tested = videos[::5][:TESTED]
    for files in [[frame.rgb for frame in video.frames] for video in videos if video not in tested][:most]:
        for at in (int(place * len(files)) for place in PLACES):
            image = read_rgb(files[at])
            near = [limit(read_rgb(files[i]), motion.size) for i in (at, at - 1, min(at + 1, len(files) - 1))]
            flow = motion(Window(Frame(at, 0.0, files[at].stem, image), *near), WAY)
            yield resize(image, SIZE), draw(flow, SIZE, motion.in_pixels, False)
    blank = draw(np.zeros((*SIZE, 2), np.float32), SIZE, True, False)
    for file in sorted((data / "DUTS_train" / "RGB").iterdir())[::600][: most // 2]:
        yield resize(read_rgb(file), SIZE), blank


if __name__ == "__main__":
    main()
