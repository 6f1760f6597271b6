"""What the faster depthwise gradient, and keeping freed memory, are worth on this machine.

    python benchmarks/depthwise.py [--malloc]

Prints the time of one training step of stage 1 of the light model (batch 16, 224x224, bfloat16 where the
processor has it) with PyTorch's own backward and with ours. ``--malloc`` tells glibc to keep freed memory first,
as training does; run it once with and once without.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from gsanet.model import VARIANTS, SaliencyNet
from gsanet.runtime.allocator import keep_freed_memory
from gsanet.runtime.precision import choose_precision
from gsanet.training.depthwise import speed_up_depthwise
from gsanet.training.losses import total_loss

BATCH, SIDE, STEPS = 16, 224, 5


def step_time(faster: bool) -> tuple[float, float]:
    """Seconds of a step and, of these, seconds spent in the kernel."""
    torch.manual_seed(0)
    model = SaliencyNet(VARIANTS["lite"]).train()
    model.to(memory_format=torch.channels_last)
    if faster:
        speed_up_depthwise(model)
    pictures = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    target = (torch.rand(BATCH, 1, SIDE // 2, SIDE // 2) > 0.5).float()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=choose_precision("auto", pictures.device) == "bfloat16"):
            output = model(pictures)
        total_loss(output.float(), target)[0].backward()

    step()
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(STEPS):
        step()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    return seconds / STEPS, (after.ru_stime - before.ru_stime) / STEPS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--malloc", action="store_true", help="keep freed memory")
    if parser.parse_args().malloc:
        print("freed memory is kept" if keep_freed_memory() else "no glibc: freed memory is not kept")
    print(f"batch {BATCH}, {SIDE}x{SIDE}, {torch.get_num_threads()} threads")
    for name, faster in (("PyTorch's backward", False), ("ours", True)):
        seconds, kernel = step_time(faster)
        print(f"{name}: {1000 * seconds / BATCH:.1f} ms per picture, {kernel:.2f} s of a step in the kernel")


if __name__ == "__main__":
    main()
