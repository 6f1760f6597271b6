"""Options that several commands share, so that one idea has one name and one text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gsanet.cli import choices

# Typer reads annotations at run time on every supported Python, so they are written for the oldest.
# ruff: noqa: UP045

_OWN = "Weights: lite (inside the package), a file"
_TRAINED = f"{_OWN}, or owner/name on the Hugging Face hub."
_MODEL = f"{_OWN}, owner/name on the Hugging Face hub, or the .onnx file that `gsanet export` wrote."

# Panels: headings in the help of a command.
RESULTS, FRAMES, QUALITY, MOTION, MACHINE = "Results", "Which frames", "Quality", "Motion (optical flow)", "Machine"


def said(**options: Any) -> dict[str, Any]:
    """Those that were given: what is not said is the preset's."""
    return {name: value for name, value in options.items() if value is not None}


def text(path: Path | None) -> str | None:
    """A path as the engine takes it."""
    return None if path is None else str(path)


Model = Annotated[str, typer.Option(help=_MODEL, metavar="MODEL", rich_help_panel=QUALITY)]
ModelArgument = Annotated[str, typer.Argument(help=_MODEL, metavar="MODEL")]
TrainedModel = Annotated[str, typer.Argument(help=_TRAINED, metavar="MODEL")]
Quality = Annotated[
    str, choices.choice("--quality", choices.QUALITIES, "Better masks, or more frames a second?", panel=QUALITY)
]
Fovea = Annotated[
    Optional[str],
    choices.choice(
        "--fovea",
        choices.FOVEAS,
        "Look closer at the part of the frame where a small object is.",
        default="instead; beside with --quality best",
        panel=QUALITY,
    ),
]
Keyframes = Annotated[
    Optional[bool],
    typer.Option(
        "--keyframes/--no-keyframes",
        help="Do not look at frames whose masks follow from those around them: up to three times as quick where "
        "little happens.",
        show_default="on; off with --quality best",
        rich_help_panel=QUALITY,
    ),
]
KeyframeInterval = Annotated[
    Optional[int],
    typer.Option(
        "--keyframe-interval",
        min=2,
        max=32,
        help="Look at one frame of so many in any case, and at all of it.",
        metavar="N",
        show_default="4; 8 with --quality fast",
        rich_help_panel=QUALITY,
    ),
]
KeyframeOverlap = Annotated[
    Optional[float],
    typer.Option(
        "--keyframe-overlap",
        min=0,
        max=1,
        help="How far masks that come from the frames before and after must overlap to be taken: less is quicker.",
        metavar="0..1",
        show_default="0.85; 0.75 with --quality fast",
        rich_help_panel=QUALITY,
    ),
]
Size = Annotated[
    Optional[int],
    typer.Option(
        min=64,
        help="Bring frames to this long side, in pixels, for the network. Masks keep the frames' own size.",
        metavar="N",
        show_default="what the model was made for",
        rich_help_panel=QUALITY,
    ),
]
Threshold = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=0.99,
        help="How sure the model must be of a pixel: less finds more, more leaves out what is doubtful.",
        metavar="0..1",
        rich_help_panel=QUALITY,
    ),
]
Online = Annotated[
    bool,
    typer.Option(
        "--online",
        help="Look at no later frame, as with a live camera. Otherwise the whole clip helps each frame.",
        rich_help_panel=QUALITY,
    ),
]
Flow = Annotated[
    Optional[str],
    typer.Option(
        help=choices.with_meanings(
            "How motion between frames is found; dis+gmflow: by both, averaged.",
            {**choices.FLOWS, "none": "ignore motion", "FOLDER": "what `gsanet flow` wrote there"},
        ),
        metavar="|".join([*choices.FLOWS, "none", "FOLDER"]),
        show_default="that of --quality",
        rich_help_panel=MOTION,
    ),
]
FlowWeights = Annotated[
    Optional[Path],
    typer.Option(
        "--flow-weights",
        help="Weights of RAFT (torchvision's .pth) or GMFlow (.pkl, .pth), or either's as .safetensors.",
        metavar="FILE",
        show_default="for RAFT: downloaded when needed",
        rich_help_panel=MOTION,
    ),
]
FlowSize = Annotated[
    Optional[int],
    typer.Option(
        "--flow-size",
        min=64,
        help="Bring frames to this long side, in pixels, to find their motion.",
        metavar="N",
        show_default="448; 320 with --quality fast, 512 with best",
        rich_help_panel=MOTION,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="Where to compute; auto takes a GPU if there is one.", metavar=choices.DEVICE, rich_help_panel=MACHINE
    ),
]
Precision = Annotated[str, choices.choice("--precision", choices.PRECISIONS, "How exactly to compute.", panel=MACHINE)]
Runtime = Annotated[
    str,
    choices.choice("--runtime", choices.RUNTIMES, "What runs the network.", "--backend", panel=MACHINE),
]
Batch = Annotated[
    Optional[int],
    typer.Option(
        min=1,
        help="Frames a GPU is given at once. A CPU takes one at a time on each core.",
        metavar="N",
        show_default="16 on an NVIDIA GPU",
        rich_help_panel=MACHINE,
    ),
]

Truth = Annotated[
    Optional[Path],
    typer.Option(
        help="True masks, for `--save panel`: FOLDER/holiday/00000.png, or GT in it, named like the frames.",
        metavar="FOLDER",
        show_default="none",
        rich_help_panel=RESULTS,
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview",
        help="Show the frames in the terminal, small, with the object tinted. Clips are done one at a time then.",
        rich_help_panel=RESULTS,
    ),
]
Object = Annotated[
    Optional[str],
    typer.Option(
        help="Follow each object over time, and keep the largest of each shot, all, or those with these numbers (1,3; "
        "`--save ids` and summary.json show them).",
        metavar="largest|all|ID,...",
        show_default="everything found, as one",
        rich_help_panel=RESULTS,
    ),
]
Hint = Annotated[
    Optional[list[str]],
    typer.Option(
        help="Keep the object that is at this point (320,180), or in this box (x,y,width,height), in pixels; at "
        "another time than the first frame: 320,180@1.5. Again, for more objects. It picks among what is found.",
        metavar="X,Y[@TIME]",
        show_default=False,
        rich_help_panel=RESULTS,
    ),
]

_TIME = "TIME"
Start = Annotated[
    Optional[str],
    typer.Option(
        help="Begin at this time of the clip: seconds (12.5) or 1:02.5 or 0:01:02.",
        metavar=_TIME,
        show_default="the first frame",
        rich_help_panel=FRAMES,
    ),
]
End = Annotated[
    Optional[str],
    typer.Option(
        help="Stop before this time of the clip.", metavar=_TIME, show_default="the last frame", rich_help_panel=FRAMES
    ),
]
Duration = Annotated[
    Optional[str],
    typer.Option(
        help="Stop after so much time: of a camera, say, which has no end.",
        metavar=_TIME,
        show_default="to the end",
        rich_help_panel=FRAMES,
    ),
]
Every = Annotated[
    int,
    typer.Option(min=1, help="Take each N-th frame only; masks keep its number.", metavar="N", rich_help_panel=FRAMES),
]
Each = Annotated[
    bool,
    typer.Option(
        "--each",
        help="Every picture is a clip of its own, even where they are numbered alike.",
        rich_help_panel=FRAMES,
    ),
]

Protocol = Annotated[
    str, choices.choice("--protocol", choices.PROTOCOLS, "Whose rules: which frames count, which measures.")
]
Sequences = Annotated[
    str,
    typer.Option(help="Only these sequences, separated by commas.", metavar="A,B,...", show_default="all"),
]
Split = Annotated[
    str, typer.Option(help="Which list of sequences, for a DAVIS folder as it is downloaded.", metavar="val|train|...")
]
Html = Annotated[
    Optional[Path],
    typer.Option(
        help="Also write a report to look at: one file, with pictures.", metavar="FILE", rich_help_panel=RESULTS
    ),
]
Json = Annotated[
    Optional[Path],
    typer.Option(help="Also write every number, frame by frame, as JSON.", metavar="FILE", rich_help_panel=RESULTS),
]
Row = Annotated[
    Optional[str],
    choices.choice("--row", choices.ROWS, "Also print a table row to paste into a paper or a page.", panel=RESULTS),
]
Compare = Annotated[
    Optional[list[str]],
    typer.Option(
        help="Also compare with an earlier run, its --json file (for `gsanet evaluate` also a folder of masks). "
        "NAME is for the tables. May be given several times.",
        metavar="[NAME=]PATH",
        rich_help_panel=RESULTS,
    ),
]
Stability = Annotated[
    bool,
    typer.Option(
        "--stability",
        help="Also measure how steady masks are over time (a measure of our own); needs the pictures.",
        rich_help_panel=RESULTS,
    ),
]
Jobs = Annotated[
    Optional[int],
    typer.Option(
        "--jobs",
        "--workers",
        min=0,
        help="How many processes measure at once.",
        metavar="N",
        show_default="one per core",
        rich_help_panel=MACHINE,
    ),
]
