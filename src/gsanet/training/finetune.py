"""Stage 2: both streams learn from videos, with guided slots (docs/method.md, section 8.3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import object_mask
from gsanet.data.cache import Progress
from gsanet.data.datasets import Distractors, Mixture, SaliencyDataset, SyntheticDataset, VideoDataset
from gsanet.data.layout import Sequence as Video
from gsanet.data.layout import image_pairs, sequences
from gsanet.data.sample import Draw, FlowVariation, Sample
from gsanet.evaluation.measures import region_similarity
from gsanet.flow.dis import DIS_METHODS
from gsanet.model.network import GSANet
from gsanet.segment.options import Options
from gsanet.segment.references import reference_indices
from gsanet.training.config import TrainingConfig
from gsanet.training.loop import run_stage
from gsanet.training.losses import total_loss
from gsanet.training.parallel import launch
from gsanet.training.sampling import EpochSampler, GroupSampler, WeightedSampler
from gsanet.training.sheet import sheet
from gsanet.weights.checkpoint import load_any, save_model
from gsanet.weights.imagenet import load_imagenet
from gsanet.weights.transfer import start_from_pretrained


class FinetuneStage:
    """See :class:`gsanet.training.stage.Stage`."""

    name = "train"

    def __init__(self, recipe: TrainingConfig, cache: Path, progress: Progress | None = None) -> None:
        self.recipe, self.config = recipe, recipe.train
        config = recipe.train
        flow_pictures = not config.flow.gaps
        folders = [Path(recipe.data) / source.path for source in config.videos]  # an absolute path stays as it is
        found = [sequences(folder, need_gt=True, need_flow=flow_pictures, check_sizes=False) for folder in folders]
        found[0], held_out = split_videos(found[0], config.held_out)
        kept = cache if config.cache else None
        stride = recipe.mask_stride("train")
        pictures: SaliencyDataset | None = None
        if config.synthetic or config.distractor:
            found_pairs = image_pairs(Path(recipe.data) / "DUTS_train", check_sizes=False)
            pictures = SaliencyDataset(found_pairs, kept, long_side=recipe.pretrain.long_side, progress=progress)
        things = Distractors(pictures, config.distractor, config.motion) if pictures else None
        self.sets: list[VideoDataset | SyntheticDataset] = [
            VideoDataset(
                videos, kept, long_side=config.long_side, augmentation=config.augmentation,
                variation=config.flow, distractors=things, stride=stride, progress=progress,
            )
            for videos in found
        ]  # fmt: skip
        self.videos = cast(VideoDataset, self.sets[0])
        frames_of = [cast(VideoDataset, data).frames_of for data in self.sets]
        self.sampler: GroupSampler
        if config.sampler == "epoch":
            self.sampler = EpochSampler(frames_of, config.group, recipe.seed, shared=config.references == "shared")
        else:
            self.sampler = WeightedSampler(frames_of, [source.weight for source in config.videos], config.group)
        if config.synthetic and pictures:
            self.sets.append(SyntheticDataset(
                pictures, augmentation=config.augmentation, variation=config.flow,
                motion=config.motion, stride=stride,
            ))  # fmt: skip
        self.dataset = Mixture(*self.sets)
        # Validation sees the flow that users get: to the next frame, unvaried.
        plain = FlowVariation(gaps=() if flow_pictures else (1,), dis=(DIS_METHODS[Options().flow],))
        self.held_out = (
            VideoDataset(held_out, kept, long_side=config.long_side, variation=plain, progress=progress)
            if held_out
            else None
        )

    def samples_per_step(self) -> int:
        """One group of frames each."""
        shared = self.config.references == "shared"
        return self.config.batch // self.config.group if shared else self.config.batch

    def draw(self, rng: np.random.Generator, step: int, place: int, size: tuple[int, int]) -> Draw:
        """Frames of a video, or a picture set in motion."""
        seed = (self.recipe.seed, step, place)
        if self.config.synthetic and rng.random() < self.config.synthetic:
            source = len(self.sets) - 1
            picture = int(rng.integers(len(self.sets[source])))
            return Draw(seed, (picture,) * self.config.group, size, source)
        source, frames = self.sampler(rng, step * self.samples_per_step() + place)
        return Draw(seed, frames, size, source)

    def describe(self, draw: Draw) -> str:
        """Names of the frames."""
        names = self.sets[draw.source].names_of(draw.items)
        return ", ".join(dict.fromkeys(names))

    def loss(self, model: nn.Module, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum over the ten supervised maps."""
        net = cast(GSANet, model)
        rgb, flow = (net.normalise(x).contiguous(memory_format=torch.channels_last) for x in (batch.rgb, batch.flow))
        group = self.config.group
        if self.config.references == "shared":
            output = net.forward_groups(rgb, flow, group).float()
            return total_loss(output, batch.mask.float() / 255, self.config.outline, self.config.loss_stride)
        grouped = [x.view(-1, group, *x.shape[1:]) for x in (rgb, flow)]
        bank = net.encode_references(grouped[0][:, 1:], grouped[1][:, 1:])
        # A slice of a batch is in neither layout that convolutions like.
        first = [x[:, 0].contiguous(memory_format=torch.channels_last) for x in grouped]
        output = net(first[0], first[1], bank).float()
        return total_loss(output, batch.mask[::group].float() / 255, self.config.outline, self.config.loss_stride)

    def held_out_parts(self) -> int:
        """Each held-out sequence is a part."""
        return len(self.held_out.names) if self.held_out else 0

    def examine(self, model: nn.Module, part: int) -> dict[str, float]:
        """J of one of them at the network's own size, over evenly spread frames."""
        assert self.held_out is not None
        frames = self.held_out.frames_of[part]
        each = max(1, self.config.validate_frames // len(self.held_out.names))
        shown = self._predict(model, self.held_out, frames, frames[:: max(1, len(frames) // each)])
        return {
            self.held_out.names[part]: float(
                np.mean([region_similarity(object_mask(p), gt) for _, _, p, gt, _ in shown])
            )
        }

    def scores(self, results: Sequence[dict[str, float]]) -> dict[str, float]:
        """J by sequence, and their mean, which chooses."""
        by_name = {name: j for result in results for name, j in result.items()}
        return {"score": float(np.mean(list(by_name.values()))), **by_name}

    def picture(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """Two frames of each of four videos: photograph, flow, truth, prediction, fine foreground of both streams."""
        data = self.held_out or self.videos
        rows = []
        for frames in data.frames_of[:4]:
            for rgb, flow, p, gt, maps in self._predict(model, data, frames, frames[:: max(1, len(frames) // 2)][:2]):
                # A model without slot attention has no such maps.
                rows.append(
                    [rgb, flow, gt, p, *(maps[name] for name in ("fine_fg_rgb", "fine_fg_flow") if name in maps)]
                )
        return sheet(rows)

    def save(self, model: nn.Module, path: Path, info: dict[str, Any]) -> None:
        """float16: the file that ships."""
        save_model(cast(GSANet, model), path, dtype=torch.float16, info=info)

    def _predict(
        self, model: nn.Module, data: VideoDataset, frames: range, chosen: Sequence[int]
    ) -> list[tuple[Any, Any, Any, Any, dict[str, Any]]]:
        net = cast(GSANet, model)
        device = next(model.parameters()).device
        size = self.config.sizes[0]
        count = net.config.references
        spread = [frames[i] for i in reference_indices(len(frames), count)]

        def load(numbers: Sequence[int]) -> Sample:
            parts = [_plain(data, n, size) for n in numbers]
            return Sample(*(torch.cat(p) for p in zip(*parts, strict=True)))

        refs = load(spread)
        bank = net.encode_references(*(net.normalise(x.to(device)).unsqueeze(0) for x in (refs.rgb, refs.flow)))
        results = []
        for number in chosen:
            one = load([number])
            output = net(net.normalise(one.rgb.to(device)), net.normalise(one.flow.to(device)), bank)
            p = output.logits.float().sigmoid()[0, 0].cpu().numpy()
            maps = {k: m.float()[0, 0].cpu().numpy() for k, m in output.slot_maps().items()}
            rgb, flow = (x[0].permute(1, 2, 0).numpy() for x in (one.rgb, one.flow))
            results.append((rgb, flow, p, one.mask[0, 0].numpy() > 127, maps))
        return results


def _plain(data: VideoDataset, number: int, size: tuple[int, int]) -> Sample:
    """A frame as it is, whatever augmentation the set has."""
    augmentation, stride = data.augmentation, data.stride
    data.augmentation, data.stride = None, 1
    try:
        return data[Draw((0,), (number,), size)]
    finally:
        data.augmentation, data.stride = augmentation, stride


def split_videos(videos: Sequence[Video], held_out: Sequence[str]) -> tuple[list[Video], list[Video]]:
    """Videos to train on, and those kept from training.

    Raises:
        GsanetError: a name that is no sequence, or nothing left to train on.
    """
    names = [video.name for video in videos]
    unknown = [name for name in held_out if name not in names]
    if unknown:
        raise GsanetError(f"held_out names no sequence: {', '.join(unknown)}; there are {', '.join(names)}")
    training = [video for video in videos if video.name not in held_out]
    if not training:
        raise GsanetError("every sequence is held out: nothing is left to train on")
    return training, [video for video in videos if video.name in held_out]


def train(
    recipe: TrainingConfig,
    out: Path,
    *,
    pretrained: Path | None,
    quiet: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Run stage 2 to its end in the folder *out*; a second call goes on where the first was stopped.

    Args:
        pretrained: weights of stage 1, or of a video model to go on from with a fresh optimiser; None starts both
            streams from ImageNet.

    Returns:
        ``out/best.safetensors``, for ``gsanet segment --model``.
    """
    fabric = launch(recipe)
    with fabric.rank_zero_first(local=True):  # what it decodes is there for the others
        stage = FinetuneStage(recipe, out.parent / "cache", progress)
    torch.manual_seed(recipe.seed)
    model = GSANet(recipe.model)
    if pretrained is not None:
        source = f"pretrained, {start_from_pretrained(model, load_any(pretrained))} tensors"
    elif recipe.backbone_weights == "none":
        source = "scratch"
    else:
        weights = Path(recipe.backbone_weights) if recipe.backbone_weights else None
        source = load_imagenet(model.rgb.backbone, recipe.model.backbone, weights)
        model.flow.backbone.load_state_dict(model.rgb.backbone.state_dict())
    return run_stage(fabric, stage, model, recipe, out, started_from=source, quiet=quiet)
