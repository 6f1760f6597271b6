"""How long ``import gsanet``, ``gsanet --help`` and the first mask of a clip take in a fresh process.

    python benchmarks/startup.py [--repeat 11]

A first run of each, which writes byte code and warms the disk cache, is not counted; an empty Python is timed beside
them. Byte code is written, into a folder of its own, also where the environment forbids it: who has installed gsanet
has it. The first mask is that of ``gsanet segment CLIP -o OUT``, from the start of the process until the file is
there. The exit code is 1 if import or help need a heavy module, or if segmenting needs PyTorch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from gsanet import sample_clip

LATE = ("torch", "torchvision", "timm", "onnx", "huggingface_hub", "jinja2")
"""Not needed to segment a clip either."""

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "cv2",
    "av",
    "numpy",
    "onnxruntime",
    "pydantic",
    "pycocotools",
    "huggingface_hub",
)
"""The first ones take seconds; none is needed to say what there is."""

CASES = {
    "python -c pass": "pass",
    "import gsanet": "import gsanet",
    "gsanet --help": "import sys; sys.argv = ['gsanet', '--help']; from gsanet.cli.entry import main; main()",
}

_LIST = f"""
import atexit, sys
atexit.register(lambda: print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr))
"""


def run(code: str, environment: dict[str, str]) -> str:
    """What it prints on stderr."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stderr


def with_byte_code(folder: str) -> dict[str, str]:
    """The environment of processes that keep their byte code in *folder*."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def first_mask(clip: Path, environment: dict[str, str]) -> float:
    """Seconds from the start of ``gsanet segment`` until the first mask is a file."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gsanet", "segment", str(clip), "-o", folder]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        while process.poll() is None and not any(Path(folder).glob(".*/masks/*.png")):
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        process.kill()
        process.wait()
    return seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=11)
    parser.add_argument(
        "--clip", type=Path, help="whose first mask is waited for; the clip in the package if not given"
    )
    arguments = parser.parse_args()
    repeat = max(2, arguments.repeat)
    print("| | ms, median (quartiles) | heavy modules |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        environment = with_byte_code(folder)
        clean = True
        for name, code in CASES.items():
            heavy = run(_LIST + code, environment).split()
            clean &= not heavy
            times = []
            for _ in range(repeat):
                started = time.perf_counter()
                run(code, environment)
                times.append(1000 * (time.perf_counter() - started))
            low, _, high = quantiles(times, n=4)
            print(
                f"| `{name}` | {median(times):.0f} ({low:.0f}-{high:.0f}) | {', '.join(heavy) or 'none'} |", flush=True
            )
        script = "import gsanet; next(gsanet.Segmenter.from_pretrained(runtime='onnx').stream(gsanet.sample_clip()))"
        listed = run(_LIST.replace(str(HEAVY), str(LATE)) + script, environment).split()
        late = [module for module in listed if module in LATE]
        clip = arguments.clip or sample_clip()
        first_mask(clip, environment)
        times = [1000 * first_mask(clip, environment) for _ in range(repeat)]
        low, _, high = quantiles(times, n=4)
    loaded = ", ".join(late) or "none"
    print(f"| first mask, `gsanet segment {clip.name}` | {median(times):.0f} ({low:.0f}-{high:.0f}) | {loaded} |")
    return 0 if clean and not late else 1


if __name__ == "__main__":
    raise SystemExit(main())
