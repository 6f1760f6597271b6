"""What GMFlow does without weights: places in a window, windows, matching, and looking at neighbours.

Source: Xu et al., "GMFlow: Learning Optical Flow via Global Matching", CVPR 2022 (arXiv 2111.13680).
Maps are (B,C,H,W), flow is (B,2,H,W) in cells of its map, (u, v), u to the right and v downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_CELLS = 2**25
"""Entries of a correlation matrix held at a time; beyond it, the rows are taken in parts."""

_APART = -100.0
"""Added to the score of two cells that only the shift of the windows brought together, as in training."""


def positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Sines and cosines of the place, (1,C,H,W): half of the channels for the row, half for the column.

    A place counts as a part of the whole turn that the side is: in a window of half the side everything varies twice
    as fast, so windows much smaller than those of training mislead the matching (:func:`gsanet.flow.gmflow.windows`).
    """
    half = channels // 2
    rates = 10000 ** (-torch.arange(0, half, 2, device=like.device, dtype=torch.float32) / half)

    def waves(count: int) -> Tensor:
        turn = torch.arange(1, count + 1, device=like.device, dtype=torch.float32) * (2 * math.pi / (count + 1e-6))
        angle = turn[None] * rates[:, None]
        return torch.stack([angle.sin(), angle.cos()], 1).flatten(0, 1)  # sine and cosine take turns

    rows = waves(height)[:, :, None].expand(half, height, width)
    columns = waves(width)[:, None].expand(half, height, width)
    return torch.cat([rows, columns])[None].to(like.dtype)


def split(tokens: Tensor, count: int) -> Tensor:
    """(B,H,W,C) -> (B,count*count,L,C): the windows, from the top left row by row, each a row of L cells."""
    batch, height, width, channels = tokens.shape
    grid = tokens.reshape(batch, count, height // count, count, width // count, channels)
    return grid.transpose(2, 3).reshape(batch, count * count, -1, channels)


def join(windows: Tensor, height: int, width: int) -> Tensor:
    """The reverse of :func:`split`."""
    batch, squared, _, channels = windows.shape
    count = math.isqrt(squared)
    grid = windows.reshape(batch, count, count, height // count, width // count, channels)
    return grid.transpose(2, 3).reshape(batch, height, width, channels)


def strangers(height: int, width: int, count: int, like: Tensor) -> Tensor:
    """What to add to scores in windows shifted by half their size, (count*count,L,L).

    The shift wraps around: the last window of a row holds cells of both borders, which must not see each other.
    """

    def parts(side: int) -> Tensor:
        window = side // count
        place = torch.arange(side, device=like.device)
        return (place >= side - window).long() + (place >= side - window // 2).long()

    label = parts(height)[:, None] * 3 + parts(width)[None]
    label = split(label[None, :, :, None], count)[0, :, :, 0]
    apart = label[:, :, None] != label[:, None, :]
    return torch.zeros(apart.shape, device=like.device, dtype=like.dtype).masked_fill_(apart, _APART)


def grid(height: int, width: int, like: Tensor) -> Tensor:
    """Every cell's own (x, y), (2,H,W)."""
    y = torch.arange(height, device=like.device, dtype=like.dtype)
    x = torch.arange(width, device=like.device, dtype=like.dtype)
    return torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)])


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention of whole maps: (B,C,H,W) twice and (B or 1,D,H,W) -> (B,D,H,W), in bounded memory."""
    _, channels, height, width = query.shape
    rows = query.flatten(2).transpose(1, 2) * channels**-0.5
    columns = key.flatten(2)
    values = value.flatten(2).transpose(1, 2)
    part = max(1, _CELLS // (len(rows) * height * width))
    found = [torch.softmax(some @ columns, dim=-1) @ values for some in rows.split(part, dim=1)]
    return torch.cat(found, dim=1).transpose(1, 2).reshape(len(query), -1, height, width)


def match_everywhere(first: Tensor, second: Tensor) -> Tensor:
    """Global matching: the expected place of each cell in the other map, less its own."""
    height, width = first.shape[2:]
    places = grid(height, width, first)
    return attend(first, second, places[None].expand(len(first), -1, -1, -1)) - places


def match_nearby(first: Tensor, second: Tensor, radius: int) -> Tensor:
    """The expected displacement within *radius* cells; places beyond the border do not count."""
    scale = first.shape[1] ** -0.5
    inside = first.new_ones(1, 1, *first.shape[2:])
    steps, scores = [], []
    for (x, y), other, there in zip(
        offsets(radius), neighbours(second, radius), neighbours(inside, radius), strict=True
    ):
        steps.append((x, y))
        scores.append(((first * other).sum(1, keepdim=True) * scale).masked_fill(there == 0, -1e9))
    share = torch.cat(scores, 1).softmax(1)
    return torch.einsum("bnhw,nc->bchw", share, torch.tensor(steps, dtype=share.dtype, device=share.device))


def offsets(radius: int) -> Iterator[tuple[int, int]]:
    """(x, y) of the neighbours that :func:`neighbours` gives, in its order."""
    side = range(-radius, radius + 1)
    return ((x, y) for y in side for x in side)


def neighbours(maps: Tensor, radius: int) -> Iterator[Tensor]:
    """For each offset the map of what lies there, row by row; zero beyond the border."""
    height, width = maps.shape[2:]
    padded = functional.pad(maps, (radius,) * 4)
    for x, y in offsets(radius):
        yield padded[:, :, radius + y : radius + y + height, radius + x : radius + x + width]


def warp(maps: Tensor, flow: Tensor) -> Tensor:
    """What lies where the flow leads, bilinearly; zero beyond the border."""
    height, width = maps.shape[2:]
    sides = flow.new_tensor([max(width - 1, 1), max(height - 1, 1)]).view(1, 2, 1, 1)
    places = (grid(height, width, flow) + flow) * (2 / sides) - 1
    return functional.grid_sample(maps, places.permute(0, 2, 3, 1), align_corners=True)


def enlarge(flow: Tensor, weights: Tensor, factor: int) -> Tensor:
    """Convex upsampling (as RAFT's, section 3.3 of arXiv 2003.12039): each fine cell is a mixture of nine coarse ones.

    Args:
        flow: in coarse cells.
        weights: (B,9*factor*factor,H,W), before the softmax.

    Returns:
        (B,2,factor*H,factor*W) in fine cells.
    """
    batch, _, height, width = weights.shape
    shares = weights.reshape(batch, 9, factor * factor, height, width).softmax(1)
    mixed: Any = sum(shares[:, i, None] * other[:, :, None] for i, other in enumerate(neighbours(flow * factor, 1)))
    return functional.pixel_shuffle(mixed.flatten(1, 2), factor)
