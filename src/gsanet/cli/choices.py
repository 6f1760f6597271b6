"""Options with choices: shown in the help, completed by the shell, checked before any work is done.

The tables of the library are behind imports that take seconds, and help must not. So the names stand here once more,
each with what a user must know of it; ``tests/cli/test_help.py`` holds them equal to the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

from gsanet.base.errors import GsanetError

Meanings = dict[str, str]

QUALITIES: Meanings = {
    "fast": "smaller frames, fewer looks: quicker, less exact",
    "balanced": "a look at each frame that needs one",
    "best": "four looks at larger frames, four more where small: the best masks, a ninth of the speed",
}
PRECISIONS: Meanings = {
    "auto": "float32; with torch bfloat16 where quick",
    "float32": "exact",
    "bfloat16": "torch: quicker on newer processors, less exact",
    "int8": "onnx: half as quick again on newer processors, less exact",
}
FOVEAS: Meanings = {
    "off": "always the whole frame",
    "instead": "in most frames, in place of the whole: hardly slower",
    "beside": "in every frame, after the whole: up to twice the work",
}
FLOW_PRECISIONS: Meanings = {
    "auto": "on a GPU float16, for GMFlow bfloat16; else float32",
    "float32": "exact",
    "float16": "for GPUs",
    "bfloat16": "for newer GPUs and processors",
}
RUNTIMES: Meanings = {
    "auto": "torch on a GPU or if a model needs it, else onnx",
    "torch": "PyTorch: needs gsanet[torch]",
    "onnx": "ONNX Runtime on the CPU, in float32",
}
FLOWS: Meanings = {
    "dis": "OpenCV's DIS: quick, on any CPU",
    "dis-sharp": "the same, with sharper outlines, twice as long",
    "dis-fine": "sharper still, four times as long",
    "dis-fast": "coarser",
    "dis-ultrafast": "coarser still",
    "raft-small": "a network, much slower: wants a GPU",
    "raft-large": "a larger one",
    "gmflow": "a network for long motion: wants a GPU, needs --flow-weights",
}
SAVES: Meanings = {
    "masks": "black and white PNG, one per frame",
    "overlay": "overlay.mp4: the object tinted",
    "alpha": "alpha.webm: the object alone, on transparency",
    "prores": "prores.mov: the same for video editors, large",
    "composite": "composite.mp4: the object on a --background",
    "cutout": "PNG: the object alone, on transparency",
    "probability": "grey PNG: how sure the model is",
    "ids": "PNG with a colour for each object, as DAVIS has it",
    "rle": "rle.jsonl: masks in COCO's own code",
    "coco": "coco.json: for annotation tools and training",
    "yolo": "outlines for Ultralytics' YOLO",
    "flow": "the motion it saw, as colours",
    "slots": "the model's inner maps, as grey PNG",
    "panel": "all of it in one picture per frame",
    "panel_video": "the same as a video",
}
PROTOCOLS: Meanings = {
    "davis16": "DAVIS-2016, one object",
    "davis17-merged": "DAVIS-2017, all objects taken as one",
    "fbms": "FBMS-59",
    "youtube-objects": "YouTube-Objects",
    "segtrack2": "SegTrack v2",
    "long-videos": "Long Videos",
    "vsod": "video salient object detection",
}
DATASETS: Meanings = {
    "duts": "DUTS: pictures with masks, for `gsanet pretrain`",
    "davis16": "DAVIS-2016: videos",
    "davis17": "DAVIS-2017: videos",
    "ytvos": "YouTube-VOS: videos, for training",
    "fbms": "FBMS-59: videos",
    "youtube-objects": "YouTube-Objects: videos, for measuring",
    "segtrack2": "SegTrack v2: videos, for measuring",
    "davsod": "DAVSOD: videos",
    "folder": "your own clips with masks",
    "coco": "your own annotations: COCO's JSON and the pictures",
}
FLOW_FILES: Meanings = {
    "picture": "FLOW/*.png, as colours: what training reads",
    "flo": "FLOW_RAW/*.flo, the vectors (Middlebury's format)",
    "npz": "FLOW_RAW/*.npz, the vectors (NumPy's format)",
}
DIRECTIONS: Meanings = {
    "forward": "to the next frame",
    "backward": "to the frame before, in folders of their own",
    "both": "one and the other",
}
ENGINES: Meanings = {
    "local": "processes of this machine",
    "ray": "Ray's, here or on a cluster: needs gsanet[ray]",
}
STAGES: Meanings = {"pretrain": "", "train": ""}
ACCELERATORS: Meanings = {"auto": "a GPU if there is one", "cpu": "", "cuda": "NVIDIA", "mps": "Apple"}
FRAMES: Meanings = {"all": "every annotated frame", "inner": "without the first and the last"}
RESOLUTIONS: Meanings = {"480p": "", "full": ""}
ROWS: Meanings = {"markdown": "", "latex": ""}
FORMATS: Meanings = {"onnx": ""}

DEVICE = "auto|cpu|cuda|cuda:1|mps"
"""What is typed for a device: examples, since any number may stand behind ``cuda``."""


def choice(
    name: str, among: Meanings, help: str, *also: str, default: str | bool = True, panel: str | None = None
) -> Any:
    """An option that takes one of *among*.

    Args:
        also: other names of the option.
        default: in words, where it is none of them.
    """
    return typer.Option(
        name,
        *also,
        metavar="|".join(among),
        help=with_meanings(help, among),
        show_default=default,
        callback=_one_of(name, among),
        autocompletion=_completion(among),
        rich_help_panel=panel,
    )


def several(name: str, among: Meanings, help: str, *, panel: str | None = None) -> Any:
    """An option that takes some of *among*, separated by commas."""

    def check(value: str | None) -> str | None:
        parts = (part.strip() for part in (value or "").split(","))
        unknown = next((part for part in parts if part and part not in among), None)
        if unknown is not None:
            raise GsanetError(f"{name} takes {either(among, 'and')}, separated by commas; got {unknown!r}")
        return value

    return typer.Option(
        name,
        metavar="A,B,...",
        help=with_meanings(help, among),
        callback=check,
        autocompletion=_completion(among),
        rich_help_panel=panel,
    )


def chosen(metavar: str, among: Meanings, help: str) -> Any:
    """An argument that is one of *among*."""
    return typer.Argument(
        metavar=metavar,
        help=with_meanings(help, among),
        callback=_one_of(metavar, among),
        autocompletion=_completion(among),
    )


def with_meanings(help: str, among: Meanings) -> str:
    """As :mod:`gsanet.cli.help` lays it out: a line for each choice that needs a word."""
    return "\n".join([help, *(f"{value}  {meaning}" for value, meaning in among.items() if meaning)])


def either(names: Iterable[str], last: str = "or") -> str:
    """``a, b or c``."""
    *first, end = names
    return f"{', '.join(first)} {last} {end}" if first else end


def _one_of(name: str, among: Meanings) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in among:
            raise GsanetError(f"{name} is {either(among)}, not {value!r}")
        return value

    return check


def _completion(among: Meanings) -> Callable[[str], list[tuple[str, str]]]:
    def complete(incomplete: str) -> list[tuple[str, str]]:
        before, comma, last = incomplete.rpartition(",")
        return [(f"{before}{comma}{name}", text) for name, text in among.items() if name.startswith(last)]

    return complete
