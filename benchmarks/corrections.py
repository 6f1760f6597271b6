"""What each correction of the published code changes, in numbers: prints the table of docs/corrections.md.

    python benchmarks/corrections.py [--weights FILE]

Every row is measured here, on inputs made here or on the clip inside the package; about a minute on two CPU cores.
Weights (ours by default, where the package has them, else random) matter to the k-means row alone.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, pairwise

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gsanet.data.augment import warp_flow, warp_mask
from gsanet.evaluation.measures import region_similarity
from gsanet.flow import flow_method, flow_to_picture
from gsanet.model import VARIANTS, GSANet, SaliencyNet, variant
from gsanet.model.clustering import kmeans
from gsanet.runtime.cost import input_size, model_cost
from gsanet.training.losses import mask_loss
from gsanet.video import VideoFile
from gsanet.video.sample_clip import sample_clip
from gsanet.weights.checkpoint import load_model
from gsanet.weights.packaged import find_weights, packaged_weights
from gsanet.weights.published_names import published_names
from gsanet.weights.transfer import start_from_pretrained

Row = tuple[str, str, str, str]
"""Number in the list of corrections, what is measured, published behaviour, ours."""


def disc(size: int = 128, radius: float = 40) -> NDArray[np.bool_]:
    """A mask (size,size) with a disc in it."""
    y, x = np.mgrid[:size, :size] - size / 2
    return np.asarray(np.hypot(x, y) < radius)


def published_loss(logits: Tensor, target: Tensor) -> Tensor:
    """IoU + unweighted cross-entropy after a second sigmoid."""
    p = logits.sigmoid().sigmoid()
    iou = 1 - torch.minimum(p, target).sum() / torch.maximum(p, target).sum()
    return iou + F.binary_cross_entropy(p, target)


def pooling() -> list[Row]:
    """Row 1: how long a slot is when its object covers more of the picture."""
    pixels = torch.randn(1, 64, 128, generator=torch.Generator().manual_seed(0)) + 1
    small, large = (torch.cat([pixels] * n, 1) for n in (1, 16))
    sums = [p.sum(1).norm().item() for p in (small, large)]
    means = [p.mean(1).norm().item() for p in (small, large)]
    return [
        (
            "1",
            "Length of a slot whose object is 16 times as large, against the small object's",
            f"x {sums[1] / sums[0]:.1f}",
            f"x {means[1] / means[0]:.1f}",
        )
    ]


def losses() -> list[Row]:
    """Row 2: the loss of a mask without a mistake, and how much more a wrong pixel weighs than a right one."""
    rows = []
    for name, mask in (("a perfect mask", disc()), ("a perfect empty mask", disc(radius=0))):
        target = torch.from_numpy(mask).float()[None, None]
        logits = (target * 2 - 1) * 20
        theirs, ours = published_loss(logits, target).item(), mask_loss(logits, target).item()
        rows.append(("2", f"Loss of {name}", f"{theirs:.3f}", f"{ours:.1e}"))
    ratio = torch.tensor(1.0).sigmoid() / torch.tensor(0.0).sigmoid()
    rows.append(("2", "Weight of a wholly wrong pixel against a right one", "1.00", f"{ratio:.2f}"))
    return rows


def references() -> list[Row]:
    """Row 3: encoder passes, counted at the encoders of a small model, and operations of the full one."""
    config = variant("lite", backbone="test_efficientnet", channels=8, clusters=6, neighbours=3, references=4)
    model, frames = GSANet(config).eval(), 60
    seen = []
    for stream in (model.rgb, model.flow):
        stream.backbone.register_forward_hook(lambda module, args, output: seen.append(len(args[0])))
    picture = torch.zeros(1, 3, 64, 64)
    four = picture.unsqueeze(1).expand(-1, 4, -1, -1, -1)

    def count(run: Callable[[], object]) -> int:
        seen.clear()
        with torch.inference_mode():
            run()
        return sum(seen)

    once = count(lambda: model.encode_references(four, four))
    with torch.inference_mode():
        known = model.encode_references(four, four)
    frame = count(lambda: model(picture, picture, known))
    cost = model_cost(VARIANTS["mit_b2"])
    return [
        (
            "3",
            f"Encoder passes per frame, R = 4, a video of {frames} frames",
            f"{frame + once:.1f}",
            f"{frame + once / frames:.1f}",
        ),
        (
            "3",
            "GFLOPs per frame, MiT-b2 at 512x512, likewise",
            f"{cost.flops_per_frame(1) / 1e9:.0f}",
            f"{cost.flops_per_frame(frames) / 1e9:.0f}",
        ),
    ]


def random_kmeans(x: Tensor, clusters: int, iterations: int) -> Tensor:
    """k-means as published, from random pixels, one picture after the other. Labels (B,P)."""
    found = []
    for pixels in x:
        centres = pixels[torch.randperm(len(pixels))[:clusters]]
        for _ in range(iterations):
            labels = torch.cdist(pixels, centres).argmin(1)
            for d in labels.unique():
                centres[d] = pixels[labels == d].mean(0)
        found.append(torch.cdist(pixels, centres).argmin(1))
    return torch.stack(found)


def apart(a: Tensor, b: Tensor) -> float:
    """Of the pairs of pixels that one clustering puts together, the share that the other separates."""
    together_a, together_b = (labels[:, None] == labels[None] for labels in (a, b))
    other = ~torch.eye(len(a), dtype=torch.bool)
    return 1 - ((together_a & together_b & other).sum() / ((together_a | together_b) & other).sum()).item()


@torch.inference_mode()
def clustering(weights: str | None) -> list[Row]:
    """Row 4: two runs over the same frames of the sample clip."""
    if weights is None and not packaged_weights():
        torch.manual_seed(0)
        model, named = GSANet(variant("lite")).eval(), "random weights"
    else:
        with find_weights(weights or packaged_weights()[0]) as file:
            model, named = load_model(file), f"weights {weights or packaged_weights()[0]}"
    size = input_size(model.config)
    frames = islice(VideoFile(sample_clip()), 0, 121, 24)
    pictures = [cv2.resize(f.image, size[::-1], interpolation=cv2.INTER_AREA) for f in frames]
    rgb = torch.stack([model.normalise(torch.from_numpy(p).permute(2, 0, 1)) for p in pictures[:-1]])
    method = flow_method("dis")
    drawn = [flow_to_picture(method(a, b)) for a, b in pairwise(pictures)]
    flow = torch.stack([model.normalise(torch.from_numpy(p).permute(2, 0, 1)) for p in drawn])
    known = model.encode_references(rgb[None, :3], flow[None, :3]).expand(len(rgb))
    stages = model.encode(rgb, flow)
    config = model.config
    pixels = [
        module.squeeze(stage[2]).flatten(2).transpose(1, 2)
        for module, stage in zip((model.rgb_slots, model.flow_slots), stages, strict=True)
    ]

    def run(cluster: Callable[[Tensor, int, int], Tensor]) -> tuple[list[Tensor], Tensor]:
        labels = [cluster(x, config.clusters, config.kmeans_iterations) for x in pixels]
        output = model.decode(stages, known, size, (labels[0], labels[1]))
        return labels, output.logits.sigmoid()

    rows: list[Row] = []
    changed, moved = {}, {}
    for name, cluster in (("published", random_kmeans), ("ours", lambda *args: kmeans(*args)[0])):
        torch.seed()
        (first, p), (second, q) = run(cluster), run(cluster)
        pairs = [apart(a[i], b[i]) for a, b in zip(first, second, strict=True) for i in range(len(a))]
        changed[name], moved[name] = float(np.mean(pairs)), (p - q).abs().max().item()
    rows.append(
        (
            "4",
            "Pairs of pixels in one cluster that a second run separates",
            f"{changed['published']:.0%}",
            f"{changed['ours']:.2%}" if changed["ours"] else "0%",
        )
    )
    rows.append(
        (
            "4",
            f"Largest change of a pixel's probability in a second run ({named})",
            f"{moved['published']:.2g}",
            f"{moved['ours']:.2g}",
        )
    )
    return rows


def filtering() -> list[Row]:
    """Row 5: features that the nearest neighbours are looked for among."""
    config = VARIANTS["mit_b2"]
    idle = config.references * config.channels
    return [
        (
            "5",
            "Features scored by the KNN filter per slot and iteration",
            str(config.clusters + idle),
            str(config.clusters),
        )
    ]


def transfer() -> list[Row]:
    """Row 6: what of a pretrained stream arrives in the video model."""
    config = replace(VARIANTS["mit_b2"], channels=16)
    model, pretrained = GSANet(config), SaliencyNet(config)
    stream = [name for name in pretrained.state_dict() if name.startswith("rgb.")]
    wanted = {name for part in stream for name in published_names(part)}
    # Branches of the pretraining model are called otherwise (branch0.conv for branch0.0.conv).
    written = {name.replace(".0.conv.", ".conv.").replace(".0.bn.", ".bn.") for name in wanted}
    fusion = {name for name in wanted if "MFFM" in name}
    copied = start_from_pretrained(model, pretrained)
    shared = copied - len(pretrained.decoder.state_dict())
    mine = sum(name.startswith("rgb.fusion") for name in stream)
    assert shared == 2 * len(stream)
    return [
        (
            "6",
            "Tensors of the four fusions that reach the RGB stream of the video model",
            f"{len(fusion & written)} of {len(fusion)}",
            f"{mine} of {mine}",
        )
    ]


def measuring() -> list[Row]:
    """Rows 7 and 8: J of an empty frame after a min-max stretch, and of a soft mask whose every grey counts."""
    rng = np.random.default_rng(0)
    faint = rng.uniform(0, 0.02, (128, 128))
    stretched = (faint - faint.min()) / (faint.max() - faint.min())
    empty = np.zeros((128, 128), bool)
    truth = disc()
    soft = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 4)
    grey = np.rint(soft * 255).astype(np.uint8)
    return [
        (
            "7",
            "J of an empty frame in which no pixel is more probable than 0.02",
            f"{region_similarity(stretched > 0.5, empty):.2f}",
            f"{region_similarity(faint > 0.5, empty):.2f}",
        ),
        (
            "8",
            "J of a well placed but soft mask (edges blurred by 4 pixels)",
            f"{region_similarity(grey > 0, truth):.2f}",
            f"{region_similarity(soft > 0.5, truth):.2f}",
        ),
    ]


def augmentation() -> list[Row]:
    """Row 9: grey pixels of a turned mask, and the direction of flow in a mirrored picture."""
    mask = disc()
    matrix = cv2.getRotationMatrix2D((64, 64), 12, 1.0)
    bicubic = cv2.warpAffine(mask.astype(np.uint8) * 255, matrix, (128, 128), flags=cv2.INTER_CUBIC)
    nearest = warp_mask(mask, matrix, (128, 128)).astype(np.uint8) * 255
    grey = [int(((m > 0) & (m < 255)).sum()) for m in (bicubic, nearest)]

    angles = np.random.default_rng(0).uniform(0, 2 * math.pi, (64, 64))
    flow = np.stack((np.cos(angles), np.sin(angles)), -1).astype(np.float32)
    mirrored = flow[:, ::-1]
    truth = mirrored * np.array([-1, 1], np.float32)
    ours = warp_flow(flow, np.array([[-1.0, 0, 63], [0, 1, 0]]), (64, 64))

    def error(found: NDArray[np.float32]) -> float:
        cosine = (found * truth).sum(-1) / np.linalg.norm(found, axis=-1)
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())

    return [
        ("9", "Grey pixels in a mask turned by 12 degrees", str(grey[0]), str(grey[1])),
        ("9", "Mean error of the flow's direction after a flip", f"{error(mirrored):.0f}°", f"{error(ours):.0f}°"),
    ]


def dead_parameters() -> list[Row]:
    """Row 10: parameters that never see a gradient; the published ones from the shapes in its state dict."""
    c = VARIANTS["mit_b2"].channels
    aggregator = c * c + c * c + 2 * c * c + 2 * c  # convn, convl, convd and its batch norm
    upsample = 9 * c * c + 2 * c
    theirs = 4 * aggregator + 3 * upsample
    model = GSANet(variant("lite", backbone="test_efficientnet", channels=8, clusters=6, neighbours=3, head_dim=4))
    picture = torch.randn(2, 3, 64, 64)
    output = model.forward_groups(picture, picture.flip(0), 2)
    tensors = [*output.masks, *output.slot_maps().values()]
    sum(t.square().mean() for t in tensors).backward()
    ours = sum(p.numel() for p in model.parameters() if p.grad is None)
    return [("10", "Parameters without a part in the result", f"{theirs:,}", f"{ours}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="for the k-means row: a file, or a name inside the package")
    weights = parser.parse_args().weights
    torch.manual_seed(0)
    rows = [*pooling(), *losses(), *references(), *clustering(weights), *filtering(), *transfer()]
    rows += [*measuring(), *augmentation(), *dead_parameters()]
    print("| # | measured | published code | gsanet |")
    print("|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
