"""How long ``import gsanet`` and ``gsanet --help`` take in a fresh process, and what heavy modules they import.

    python benchmarks/startup.py [--repeat 11]

A first run of each, which writes byte code and warms the disk cache, is not counted; an empty Python is timed beside
them. The exit code is 1 if one of them imports a heavy module.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from statistics import median, quantiles

HEAVY = ("torch", "torchvision", "timm", "cv2", "av", "numpy", "pycocotools", "huggingface_hub")
"""The first ones take seconds; none is needed to say what there is."""

CASES = {
    "python -c pass": "pass",
    "import gsanet": "import gsanet",
    "gsanet --help": "import sys; sys.argv = ['gsanet', '--help']; from gsanet.cli import main; main()",
}

_LIST = f"""
import atexit, sys
atexit.register(lambda: print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr))
"""


def run(code: str) -> str:
    """What it prints on stderr."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=11)
    repeat = max(2, parser.parse_args().repeat)
    print("| | ms, median (quartiles) | heavy modules |\n|---|---|---|")
    clean = True
    for name, code in CASES.items():
        heavy = run(_LIST + code).split()
        clean &= not heavy
        times = []
        for _ in range(repeat):
            started = time.perf_counter()
            run(code)
            times.append(1000 * (time.perf_counter() - started))
        low, _, high = quantiles(times, n=4)
        print(f"| `{name}` | {median(times):.0f} ({low:.0f}-{high:.0f}) | {', '.join(heavy) or 'none'} |", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
