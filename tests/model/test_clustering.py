"""The batched k-means against a plain loop, and where it could go wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsanet.model.clustering import evenly_spaced, kmeans, one_hot, pool_clusters


def plain_kmeans(x: Tensor, clusters: int, iterations: int) -> tuple[Tensor, Tensor]:
    """One image (P,C), one pixel and one cluster at a time."""
    starts = [int((d + 0.5) * len(x) / clusters) for d in range(clusters)]
    centres = [x[i] for i in starts]
    labels: list[int] = []
    for step in range(iterations + 1):
        labels = [min(range(clusters), key=lambda d: float((pixel - centres[d]).square().sum())) for pixel in x]
        if step == iterations:
            break
        for d in range(clusters):
            members = [pixel for pixel, label in zip(x, labels, strict=True) if label == d]
            if members:
                centres[d] = torch.stack(members).mean(0)
    return torch.tensor(labels), torch.stack(centres)


@pytest.mark.parametrize(("points", "clusters", "iterations"), [(60, 5, 10), (31, 7, 3), (20, 4, 0), (12, 12, 5)])
def test_same_as_a_plain_loop(points: int, clusters: int, iterations: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, points, 4, dtype=torch.float64)
    labels, centres = kmeans(x, clusters, iterations)
    for image in range(3):
        wanted_labels, wanted_centres = plain_kmeans(x[image], clusters, iterations)
        assert torch.equal(labels[image], wanted_labels)
        torch.testing.assert_close(centres[image], wanted_centres)


def test_it_never_gets_worse_and_settles() -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 200, 3)

    def spread(iterations: int) -> float:
        labels, centres = kmeans(x, 8, iterations)
        return (x - centres[torch.arange(2)[:, None], labels]).square().sum().item()

    costs = [spread(i) for i in (0, 1, 2, 5, 10, 30)]
    assert costs == sorted(costs, reverse=True)
    assert costs[4] < 0.8 * costs[0]


def test_three_blobs_are_found() -> None:
    torch.manual_seed(2)
    truth = torch.randint(0, 3, (1, 90))
    truth[0, [15, 45, 75]] = torch.tensor([0, 1, 2])  # the three starts
    x = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])[truth] + 0.3 * torch.randn(1, 90, 2)
    labels, _ = kmeans(x, 3)
    assert torch.equal(labels, truth)


def test_a_cluster_that_loses_its_pixels_keeps_its_centre() -> None:
    # The start picks 0, 0 and 10: the second cluster never wins a pixel against the first.
    x = torch.tensor([[[0.0], [0.0], [0.0], [0.0], [10.0], [10.0]]])
    labels, centres = kmeans(x, 3, 4)
    assert labels.tolist() == [[0, 0, 0, 0, 2, 2]]
    assert centres.flatten().tolist() == [0.0, 0.0, 10.0]


def test_identical_pixels_make_one_cluster_and_finite_features() -> None:
    x = torch.full((2, 30, 4), 3.5)
    labels, centres = kmeans(x, 6)
    assert not labels.any()
    assert torch.equal(centres, torch.full((2, 6, 4), 3.5))
    assert torch.equal(pool_clusters(x, labels, centres), centres)


def test_more_clusters_than_pixels() -> None:
    torch.manual_seed(3)
    x = torch.randn(2, 5, 4)
    labels, centres = kmeans(x, 16)
    assert centres.shape == (2, 16, 4)
    for image in range(2):
        # Every pixel is its own centre, to rounding.
        torch.testing.assert_close(centres[image, labels[image]], x[image])
    assert pool_clusters(x, labels, centres).isfinite().all()


def test_images_do_not_touch_each_other() -> None:
    torch.manual_seed(4)
    x = torch.randn(4, 100, 8)
    together, centres = kmeans(x, 9)
    for i in range(4):
        alone, centre = kmeans(x[i : i + 1], 9)
        assert torch.equal(alone[0], together[i])
        torch.testing.assert_close(centre[0], centres[i])


def test_no_dice() -> None:
    x = torch.randn(2, 300, 16)
    torch.manual_seed(5)
    first = kmeans(x, 20)
    torch.manual_seed(6)
    second = kmeans(x, 20)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_starts_are_centred_in_equal_intervals() -> None:
    assert evenly_spaced(100, 4).tolist() == [12, 37, 62, 87]
    assert evenly_spaced(3, 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert evenly_spaced(7, 7).tolist() == list(range(7))


def test_pooling_counts_or_sums_and_its_gradient_spares_the_assignment() -> None:
    x = torch.tensor([[[1.0], [3.0], [5.0]]], requires_grad=True)
    labels, centres = torch.tensor([[0, 0, 2]]), torch.tensor([[[7.0], [8.0], [9.0]]])
    mean = pool_clusters(x, labels, centres, "mean")
    assert mean.flatten().tolist() == [2.0, 8.0, 5.0]  # the empty cluster answers with its centre
    total = pool_clusters(x, labels, centres, "sum")
    assert total.flatten().tolist() == [4.0, 0.0, 5.0]
    mean[0, 0].sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [0.5, 0.5, 0.0]


def test_one_hot() -> None:
    labels = torch.tensor([[2, 0]])
    assert one_hot(labels, 3, torch.float32).tolist() == [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
