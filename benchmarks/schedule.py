"""The published order of work against ours, with the same weights in one process, and both against the machine.

    python benchmarks/schedule.py [--variant mit_b2 | --model FILE] [--size 512x512] [--threads 2]

Published: the references of both streams are encoded anew for every target frame, in one batch per stream; float32,
the model as it is. Ours: they are encoded once, then each frame goes through the engine's network, in float32 and,
where the processor computes in it, in bfloat16. Pictures are frames of the clip inside the package with DIS flow;
reading them and computing flow are not counted, turning them into tensors is. Weights are random unless given: what is
timed does not depend on them. Random ones are fitted roughly to the brighter half of the picture, for there to be masks
to compare.

The limit is a product of two large matrices, timed here too. The ratios in the last line are of milliseconds per frame
in a clip of --length frames, which share the cost of our references. On a busy machine look at the processor's
milliseconds instead. The exit code is 1 if the two orders of work disagree.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gsanet.base.threshold import THRESHOLD
from gsanet.model import GSANet, variant
from gsanet.runtime.cost import input_size, model_cost
from gsanet.runtime.interface import Pictures, Reference
from gsanet.runtime.precision import choose_precision
from gsanet.runtime.torch_network import TorchNetwork
from gsanet.segment.motion import open_motion
from gsanet.segment.options import Options, View, Way
from gsanet.segment.pictures import prepared_frames
from gsanet.segment.references import reference_indices
from gsanet.video.sample_clip import sample_clip
from gsanet.video.sources import open_clip
from gsanet.weights.checkpoint import load_model
from gsanet.weights.packaged import find_weights

Map = NDArray[np.float32]

CLOSE = 1e-3
"""Largest difference of a probability between the two orders of work in float32."""

OVERLAP = 0.99
"""Least intersection over union of bfloat16's masks with float32's,"""

DOUBT = 0.05
"""without pixels whose probability in float32 is no further than this from the threshold: they may fall either way."""


@dataclass
class Times:
    """Milliseconds of each run: on the clock, and of the processor, all threads together."""

    clock: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], Map]) -> Map:
        """What *work* returns."""
        busy, started = time.process_time(), time.perf_counter()
        result = work()
        self.clock.append(1000 * (time.perf_counter() - started))
        self.busy.append(1000 * (time.process_time() - busy))
        return result


class Published:
    """The published order of work: a frame's references are encoded with it."""

    def __init__(self, model: GSANet) -> None:
        self.model = copy.deepcopy(model).eval()

    @torch.inference_mode()
    def __call__(self, target: Pictures, references: Sequence[Pictures]) -> Map:
        """The probability (h,w) of one frame."""
        rgb, flow = self._inputs([target])
        known = self.model.encode_references(*(t.unsqueeze(0) for t in self._inputs(references)))
        probability: Tensor = self.model(rgb, flow, known).logits.sigmoid()
        return probability[0, 0].numpy()

    def _inputs(self, pictures: Sequence[Pictures]) -> tuple[Tensor, Tensor]:
        """Normalised RGB and flow, (B,3,h,w) each."""
        stacked = (np.stack([one.rgb for one in pictures]), np.stack([one.flow for one in pictures]))
        rgb, flow = (self.model.normalise(torch.from_numpy(a).permute(0, 3, 1, 2).contiguous()) for a in stacked)
        return rgb, flow


def show(size: tuple[int, int], targets: int, references: int) -> tuple[list[Pictures], list[Pictures]]:
    """Target and reference frames of the clip inside the package as the network is shown them; both evenly spread."""
    clip = open_clip(sample_clip())
    motion = open_motion(Options(flow="dis"), clip)
    length = clip.length or 0
    known = reference_indices(length, references)
    wanted = [length * (2 * i + 1) // (2 * targets) for i in range(targets)]
    view = View(size, Way("forward", "dis"), False)
    shown = prepared_frames(clip, [view], motion, only={*known, *wanted})
    by_index = {one.frame.index: one.picture(view) for one in shown}
    return [by_index[i] for i in wanted], [by_index[i] for i in known]


@torch.no_grad()
def calibrate(model: GSANet, pictures: Sequence[Pictures]) -> None:
    """Give random weights masks like those of trained ones: large, with borders, and with few pixels in doubt.

    Norms are set as if trained on these pictures, and the last convolution is fitted by least squares to their brighter
    half.
    """
    rgb, flow = Published(model)._inputs(pictures)
    decoder = model.decoder

    def run() -> list[Tensor]:
        known = model.encode_references(rgb.unsqueeze(0), flow.unsqueeze(0))
        return model(rgb, flow, known.expand(len(rgb))).masks

    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.train()
    run()
    model.eval()
    seen: list[Tensor] = []
    hook = decoder.heads[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    rest = run()[1]
    hook.remove()
    # Averaged over 16x16 parts, for borders to be few; logits of -10 and 10, as sure as a trained model's.
    coarse = F.interpolate(F.adaptive_avg_pool2d(rgb.mean(1, keepdim=True), 16), rest.shape[-2:], mode="bilinear")
    wanted = (coarse > coarse.median()) * 20.0 - 10 - rest
    patches = F.unfold(seen[0], 3, padding=1).transpose(1, 2).flatten(0, 1).double()
    patches = torch.cat((patches, torch.ones_like(patches[:, :1])), dim=1)
    normal = patches.T @ patches
    # As if every input carried noise of a twentieth of its size: the fit leans on nothing that rounding would change.
    normal.diagonal().mul_(1 + 0.05**2)
    solution = torch.linalg.solve(normal, patches.T @ wanted.flatten().double()).float()
    last = decoder.heads[0]
    last.weight.copy_(solution[:-1].view_as(last.weight))
    last.bias.copy_(solution[-1:])


def peak(dtype: torch.dtype, side: int, repeat: int = 5) -> float:
    """GFLOP per second of a product of two matrices of *side* x *side*; the best of *repeat*, by the quicker library.

    PyTorch leaves products to MKL and convolutions to oneDNN. On AMD's processors MKL may be half as quick, so the same
    product is also done as a convolution with a kernel of one pixel.
    """
    a, b = (torch.randn(side, side).to(dtype) for _ in range(2))
    pixels = a.view(1, side, 1, side).permute(0, 3, 1, 2)
    kernel = b.view(side, side, 1, 1)
    products: list[Callable[[], Tensor]] = [lambda: a @ b, lambda: F.conv2d(pixels, kernel)]
    best = float("inf")
    for product in products * (repeat + 1):
        started = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best / 1e9


def overlap(a: Sequence[Map], b: Sequence[Map], doubt: float = 0.0) -> tuple[float, float, float]:
    """Of the masks of two lists of probabilities: IoU over all frames, of the worst frame, share of unequal pixels.

    Without pixels where *b* is no further from the threshold than *doubt*.
    """
    sure = [abs(y - THRESHOLD) >= doubt for y in b]
    pairs = [((x > THRESHOLD) & ok, (y > THRESHOLD) & ok) for x, y, ok in zip(a, b, sure, strict=True)]
    both = np.array([(x & y).sum() for x, y in pairs])
    either = np.array([(x | y).sum() for x, y in pairs])
    frames = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    unequal = float(np.mean([(x != y).mean() for x, y in pairs]))
    return float(both.sum() / max(1, either.sum())), float(frames.min()), unequal


def spread(values: Sequence[float]) -> str:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else [*values] * 3
    return f"{median(values):.0f} ({low:.0f}-{high:.0f})"


def build(arguments: argparse.Namespace) -> GSANet:
    """The model to measure; a random one is not calibrated yet."""
    if arguments.model is not None:
        with find_weights(arguments.model) as file:
            return load_model(file).eval()
    torch.manual_seed(0)
    return GSANet(variant(arguments.variant)).eval()


def main() -> int:
    """Measure and print; 1 if the schedules disagree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="mit_b2")
    parser.add_argument("--model", help="a file of weights, or a name inside the package, instead of a random model")
    parser.add_argument("--size", help="HxW of the network's input; the model's own if not given")
    parser.add_argument("--frames", type=int, default=4, help="different frames")
    parser.add_argument("--repeat", type=int, default=3, help="rounds over them; a first one is not counted")
    parser.add_argument("--length", type=int, default=60, help="frames of the clip that share our references")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--matrix", type=int, default=3072, help="side of the matrices that tell the machine's limit")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = build(arguments)
    config = model.config
    size = input_size(config)
    if arguments.size:
        height, width = (int(side) for side in arguments.size.split("x"))
        size = height, width
    targets, references = show(size, arguments.frames, config.references)
    if arguments.model is None:
        calibrate(model, references)

    published = Published(model)
    cpu = torch.device("cpu")
    precisions = ["float32"] + (["bfloat16"] if choose_precision("auto", cpu) == "bfloat16" else [])
    networks = {name: TorchNetwork(model, "cpu", name) for name in precisions}
    banks: dict[str, list[Reference]] = {}
    bank_times = {name: Times() for name in precisions}
    runs: dict[str, Callable[[Pictures], Map]] = {"published": lambda one: published(one, references)}
    for name, network in networks.items():
        runs[name] = lambda one, name=name, network=network: network([one], banks[name])[0][0]  # type: ignore[misc]
    times = {name: Times() for name in runs}
    results: dict[str, list[Map]] = {name: [] for name in runs}
    # In turns, so that whatever else the machine does meets all alike; but not frame by frame, for one's large blocks
    # of memory would be the other's to ask for anew.
    for turn in range(arguments.repeat + 1):
        for name, network in networks.items():
            started = time.perf_counter()
            banks[name] = network.encode(references)
            if turn:
                bank_times[name].clock.append(1000 * (time.perf_counter() - started))
        for name, run in runs.items():
            for one in targets[: 1 if turn == 0 else None]:
                probability = (times[name] if turn else Times()).measure(lambda: run(one))  # noqa: B023
                if turn == 1:
                    results[name].append(probability)
    limits = {name: peak(getattr(torch, name), arguments.matrix) for name in precisions}

    cost = model_cost(config, size)
    weights = arguments.model or f"random weights of {arguments.variant}"
    print(
        f"{weights}, {config.backbone}, {size[0]}x{size[1]}, {config.references} references, "
        f"torch {torch.__version__}, {arguments.threads} threads, {len(targets)} frames, {arguments.repeat} rounds"
    )
    print("limit of this machine: " + ", ".join(f"{name} {limits[name]:.0f} GFLOP/s" for name in precisions) + "\n")
    print("| schedule | GFLOP per frame | ms per frame, median (quartiles) | processor ms | GFLOP/s | of the limit |")
    print("|---|---|---|---|---|---|")
    work = {"published": cost.flops_per_frame(1) / 1e9}
    for name, taken in times.items():
        gflop = work.setdefault(name, cost.frame_flops / 1e9)
        speed = gflop / median(taken.clock) * 1000
        label = "published, float32" if name == "published" else f"ours, {name}"
        share = speed / limits["float32" if name == "published" else name]
        print(
            f"| {label} | {gflop:.1f} | {spread(taken.clock)} | {median(taken.busy):.0f} | {speed:.0f} | {share:.0%} |",
        )
    print(f"\nour references, once per clip: {cost.reference_flops / 1e9:.1f} GFLOP", end="")
    print("".join(f", {name} {spread(bank_times[name].clock)} ms" for name in precisions))

    share = np.mean([(p > THRESHOLD).mean() for p in results["float32"]])
    largest = max(np.abs(a - b).max() for a, b in zip(results["published"], results["float32"], strict=True))
    print(f"masks: {share:.0%} of the pixels are object")
    good = largest <= CLOSE and 0 < share < 1
    for name, against in (("float32", "published"), ("bfloat16", "float32")):
        if name in results:
            iou, worst, unequal = overlap(results[name], results[against])
            other = "the published schedule" if against == "published" else "float32"
            line = (
                f"{name} against {other}: mask IoU {iou:.4f} (worst frame {worst:.4f}), {unequal:.4%} of pixels differ"
            )
            if name == "float32":
                line += f", largest difference of a probability {largest:.1g} (at most {CLOSE:g} allowed)"
            else:
                sure, worst_sure, _ = overlap(results[name], results[against], DOUBT)
                line += f"; without doubtful pixels {sure:.4f} ({worst_sure:.4f}), at least {OVERLAP} wanted"
                good &= sure >= OVERLAP
            print(line)
    print("the schedules agree" if good else "THE SCHEDULES DISAGREE")
    if "bfloat16" not in precisions:
        print("this processor does not compute in bfloat16")

    ratios = []
    for name in precisions:
        ours = median(times[name].clock) + median(bank_times[name].clock) / arguments.length
        ratios.append(f"{name} {median(times['published'].clock) / ours:.1f}x")
    print(f"published over ours, ms per frame in a clip of {arguments.length} frames:")
    print(" ".join(ratios))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
