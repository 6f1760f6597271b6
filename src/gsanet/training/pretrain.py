"""Stage 1: the RGB stream learns to find objects in DUTS pictures (docs/method.md, section 8.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from gsanet.base.threshold import object_mask
from gsanet.data.cache import Progress
from gsanet.data.datasets import SaliencyDataset
from gsanet.data.layout import image_pairs
from gsanet.data.sample import Draw, Sample
from gsanet.model.network import SaliencyNet
from gsanet.training.config import TrainingConfig
from gsanet.training.loop import run_stage
from gsanet.training.losses import total_loss
from gsanet.training.parallel import launch
from gsanet.training.sheet import sheet
from gsanet.video.resize import resize_mask
from gsanet.weights.checkpoint import load_saliency, save_model
from gsanet.weights.imagenet import load_imagenet
from gsanet.weights.tensors import load_tensors, weights_of


class PretrainStage:
    """See :class:`gsanet.training.stage.Stage`."""

    name = "pretrain"

    def __init__(self, recipe: TrainingConfig, cache: Path, progress: Progress | None = None) -> None:
        self.recipe, self.config = recipe, recipe.pretrain
        root, config = Path(recipe.data), recipe.pretrain
        kept = cache if config.cache else None
        self.dataset = SaliencyDataset(
            image_pairs(root / "DUTS_train"), kept, long_side=config.long_side,
            augmentation=config.augmentation, stride=recipe.mask_stride("pretrain"), progress=progress,
        )  # fmt: skip
        held_out = root / "DUTS_val"
        self.held_out = (
            SaliencyDataset(image_pairs(held_out), kept, long_side=config.long_side) if held_out.is_dir() else None
        )

    def samples_per_step(self) -> int:
        """One picture each."""
        return self.config.batch

    def draw(self, rng: np.random.Generator, step: int, place: int, size: tuple[int, int]) -> Draw:
        """Every picture once before any comes again."""
        position = step * self.config.batch + place
        epoch, place_in_epoch = divmod(position, len(self.dataset))
        order = _order(self.recipe.seed, epoch, len(self.dataset))
        return Draw((self.recipe.seed, step, place), (int(order[place_in_epoch]),), size)

    def describe(self, draw: Draw) -> str:
        """The picture's name."""
        return self.dataset.names_of(draw.items)[0]

    def loss(self, model: nn.Module, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum over the four masks."""
        net = cast(SaliencyNet, model)
        output = net(net.normalise(batch.rgb).contiguous(memory_format=torch.channels_last)).float()
        return total_loss(output, batch.mask.float() / 255, self.config.outline, self.config.loss_stride)

    def held_out_parts(self) -> int:
        """The first pictures of ``DUTS_val``, one by one."""
        return min(len(self.held_out), self.config.validate_frames) if self.held_out else 0

    def examine(self, model: nn.Module, part: int) -> dict[str, float]:
        """IoU and mean absolute error of one of them."""
        _, p, gt = self._predict(model, part)
        mask = object_mask(p)
        union = float((mask | gt).sum())
        return {"iou": float((mask & gt).sum()) / union if union else 1.0, "mae": float(np.abs(p - gt).mean())}

    def scores(self, results: Sequence[dict[str, float]]) -> dict[str, float]:
        """Their means; the IoU chooses."""
        return {name: float(np.mean([r[key] for r in results])) for name, key in (("score", "iou"), ("mae", "mae"))}

    def picture(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """Eight held-out pictures with truth and prediction."""
        data = self.held_out or self.dataset
        rows = []
        for i in range(min(8, len(data))):
            rgb, p, gt = self._predict(model, i)
            rows.append([rgb, gt, p])
        return sheet(rows)

    def save(self, model: nn.Module, path: Path, info: dict[str, Any]) -> None:
        """float32: stage 2 starts from it."""
        save_model(cast(SaliencyNet, model), path, info=info)

    def _predict(self, model: nn.Module, i: int) -> tuple[np.ndarray[Any, Any], ...]:
        data = self.held_out or self.dataset
        size = self.config.sizes[0]
        sample = data[Draw((0,), (i,), size)]
        net = cast(SaliencyNet, model)
        device = next(model.parameters()).device
        p = net(net.normalise(sample.rgb.to(device))).logits.float().sigmoid()[0, 0].cpu().numpy()
        gt = sample.mask[0, 0].numpy()
        if gt.shape != p.shape:
            gt = resize_mask(gt, p.shape)
        return sample.rgb[0].permute(1, 2, 0).numpy(), p, gt > 127


def _order(seed: int, epoch: int, count: int) -> np.ndarray[Any, Any]:
    key = (seed, epoch, count)
    if key not in _orders:
        _orders.clear()
        _orders[key] = np.random.default_rng((seed, epoch)).permutation(count)
    return _orders[key]


_orders: dict[tuple[int, int, int], np.ndarray[Any, Any]] = {}


def pretrain(
    recipe: TrainingConfig,
    out: Path,
    *,
    pretrained: Path | None = None,
    quiet: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Run stage 1 to its end in the folder *out*; a second call goes on where the first was stopped.

    Args:
        pretrained: weights of another stage 1 to go on from with a fresh optimiser; None starts from ImageNet.

    Returns:
        ``out/best.safetensors``, for ``gsanet train --pretrained``.
    """
    fabric = launch(recipe)
    with fabric.rank_zero_first(local=True):  # what it decodes is there for the others
        stage = PretrainStage(recipe, out.parent / "cache", progress)
    torch.manual_seed(recipe.seed)
    model = SaliencyNet(recipe.model)
    if pretrained is not None:
        tensors = weights_of(load_saliency(pretrained))
        load_tensors(model, tensors, str(pretrained))
        source = f"pretrained, {len(tensors)} tensors"
    elif recipe.backbone_weights == "none":
        source = "scratch"
    else:
        weights = Path(recipe.backbone_weights) if recipe.backbone_weights else None
        source = load_imagenet(model.rgb.backbone, recipe.model.backbone, weights)
    return run_stage(fabric, stage, model, recipe, out, started_from=source, quiet=quiet)
