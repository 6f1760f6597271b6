"""Batches, made by processes beside the one that trains."""

from __future__ import annotations

from collections.abc import Generator

import cv2
import torch
from torch.utils.data import DataLoader

from gsanet.data.sample import Sample, collate
from gsanet.training.stage import Stage
from gsanet.training.steps import Share
from gsanet.training.stop import leave_stopping_to_parent


def batches_of(stage: Stage, share: Share, workers: int, *, pin: bool = False) -> Generator[Sample, None, None]:
    """The micro-batches of *share*, in order. Close it: processes end with it, and whoever made them waits for them.

    Args:
        workers: processes; 0 makes them in this one.
        pin: memory that a GPU can fetch from by itself.
    """
    yield from DataLoader(
        stage.dataset,
        batch_sampler=share,
        collate_fn=collate,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_begin,
        pin_memory=pin,
    )


def one_thread() -> None:
    """The part of a loader, which shares the machine with the network: PyTorch and OpenCV compute on one thread from
    here on."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _begin(_: int) -> None:
    leave_stopping_to_parent()
    one_thread()
