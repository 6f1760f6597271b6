"""docs/method.md's formulas written out a second time, in NumPy and float64, against the modules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsanet.model import GSANet, variant
from gsanet.model.aggregation import FeatureAggregationTransformer, cosine_map, nearest_features
from gsanet.model.fusion import MultiScaleFusion, StreamFusion, TopDownDecoder
from gsanet.model.slot_transformer import StandardSlotAttention
from gsanet.model.slots import GuidedSlots, region_features

C = 8
Array = np.ndarray


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def ready(module: nn.Module) -> Callable[[str], Array]:
    """*module* in float64 and eval mode with every tensor random; returns its tensors by name."""
    module.double().eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else torch.randn_like(tensor) * 0.4)
    return lambda name: module.state_dict()[name].numpy()


def softmax(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def batch_norm(x: Array, w: Callable[[str], Array], name: str) -> Array:
    mean, var, weight, bias = (w(f"{name}.{part}") for part in ("running_mean", "running_var", "weight", "bias"))
    shape = (-1, 1, 1)
    return (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + 1e-5) * weight.reshape(shape) + bias.reshape(shape)


def convolve(x: Array, weight: Array, bias: Array | None = None, dilation: int = 1) -> Array:
    """(Cin,h,w) -> (Cout,h,w), zero padding that keeps the size: a sum over the kernel's taps."""
    _, h, w = x.shape
    reach = dilation * (weight.shape[-1] // 2)
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    out = np.zeros((len(weight), h, w))
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            patch = padded[:, i * dilation : i * dilation + h, j * dilation : j * dilation + w]
            out += np.einsum("oc,chw->ohw", weight[:, :, i, j], patch)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def cosine(a: Array, b: Array) -> Array:
    """Of every row of a with every row of b."""
    return (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)[None]


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def test_multi_scale_fusion() -> None:
    module = MultiScaleFusion(5, C, (1, 2, 3))
    w, x = ready(module), random(1, 5, 6, 7)
    p = batch_norm(convolve(x[0].numpy(), w("shortcut.0.weight")), w, "shortcut.1")
    s = convolve(x[0].numpy(), w("reduce.weight"), w("reduce.bias"))
    b1 = batch_norm(convolve(s, w("branches.0.0.weight"), dilation=1), w, "branches.0.1")
    b2 = batch_norm(convolve(s + b1, w("branches.1.0.weight"), dilation=2), w, "branches.1.1")
    b3 = batch_norm(convolve(s + b2, w("branches.2.0.weight"), dilation=3), w, "branches.2.1")
    np.testing.assert_allclose(module(x)[0].detach(), relu(p + b3), atol=1e-10)


def test_stream_fusion() -> None:
    module = StreamFusion(C)
    w, rgb, flow = ready(module), random(1, C, 5, 6), random(1, C, 5, 6)
    u = np.concatenate((rgb[0].numpy(), flow[0].numpy()))
    inner = relu(batch_norm(convolve(u, w("residual.0.weight"), w("residual.0.bias")), w, "residual.1"))
    both = relu(u + convolve(inner, w("residual.3.weight"), w("residual.3.bias")))
    wanted = relu(batch_norm(convolve(both, w("project.0.weight"), w("project.0.bias")), w, "project.1"))
    np.testing.assert_allclose(module(rgb, flow)[0].detach(), wanted, atol=1e-10)


def test_top_down_decoder() -> None:
    module = TopDownDecoder(C)
    w = ready(module)
    # All stages of one size: what a resize does is not this test's business.
    stages = [random(1, C, 5, 6) for _ in range(4)]
    x1, x2, x3, x4 = (stage[0].numpy() for stage in stages)

    def head(k: int, y: Array) -> Array:
        return convolve(y, w(f"heads.{k}.weight"), w(f"heads.{k}.bias"))

    def merge(k: int, x: Array, y: Array) -> Array:
        return relu(batch_norm(convolve(np.concatenate((x, x * y)), w(f"merge.{k}.0.weight")), w, f"merge.{k}.1"))

    y3 = merge(2, x3, x4)
    y2 = merge(1, x2, y3)
    y1 = merge(0, x1, y2)
    m4 = head(3, x4)
    m3 = head(2, y3) + m4
    m2 = head(1, y2) + m3
    m1 = head(0, y1) + m2
    for ours, wanted in zip(module(stages)[0], (m1, m2, m3, m4), strict=True):
        np.testing.assert_allclose(ours[0].detach(), wanted, atol=1e-9)


def test_top_down_decoder_with_a_narrow_stage_1() -> None:
    detail = 2
    module = TopDownDecoder(C, detail)
    w = ready(module)
    # Stages 2 to 4 of one size, stage 1 of twice that: only the last step's resize is this test's business.
    stages = [random(1, detail, 10, 12), *(random(1, C, 5, 6) for _ in range(3))]
    x1, x2, x3, x4 = (stage[0].numpy() for stage in stages)

    def head(k: int, y: Array) -> Array:
        return convolve(y, w(f"heads.{k}.weight"), w(f"heads.{k}.bias"))

    def merge(k: int, x: Array, y: Array) -> Array:
        return relu(batch_norm(convolve(np.concatenate((x, x * y)), w(f"merge.{k}.0.weight")), w, f"merge.{k}.1"))

    def doubled(x: Array) -> Array:
        """Bilinear, by hand: each new pixel three quarters of the nearest old one and a quarter of the next."""
        for axis in (1, 2):
            before = np.concatenate((x.take([0], axis), x.take(range(x.shape[axis] - 1), axis)), axis)
            after = np.concatenate((x.take(range(1, x.shape[axis]), axis), x.take([-1], axis)), axis)
            pair = np.stack((0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after), axis + 1)
            x = pair.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
        return x

    y3 = merge(2, x3, x4)
    y2 = merge(1, x2, y3)
    y1 = merge(0, x1, doubled(convolve(y2, w("narrow.weight"), w("narrow.bias"))))
    m4 = head(3, x4)
    m3 = head(2, y3) + m4
    m2 = head(1, y2) + m3
    m1 = head(0, y1) + doubled(m2)
    for ours, wanted in zip(module(stages)[0], (m1, doubled(m2), doubled(m3), doubled(m4)), strict=True):
        np.testing.assert_allclose(ours[0].detach(), wanted, atol=1e-9)


def linear(w: Callable[[str], Array], name: str, x: Array) -> Array:
    return x @ w(f"{name}.weight").T + w(f"{name}.bias")


def transformer_block(w: Callable[[str], Array], name: str, x: Array, heads: int, head_dim: int) -> Array:
    normed = layer_norm(x, w(f"{name}.norm1.weight"), w(f"{name}.norm1.bias"))
    q, k, v = np.split(normed @ w(f"{name}.attention.qkv.weight").T, 3, axis=1)
    parts = []
    for h in range(heads):
        mine = slice(h * head_dim, (h + 1) * head_dim)
        parts.append(softmax(q[:, mine] @ k[:, mine].T / math.sqrt(head_dim), 1) @ v[:, mine])
    x = x + linear(w, f"{name}.attention.out", np.concatenate(parts, axis=1))
    hidden = linear(w, f"{name}.mlp.0", layer_norm(x, w(f"{name}.norm2.weight"), w(f"{name}.norm2.bias")))
    gelu = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    return x + linear(w, f"{name}.mlp.3", gelu)


def fat(w: Callable[[str], Array], x: Array, groups: Array, heads: int, head_dim: int) -> Array:
    """docs/method.md, section 4, step by step; x (n,C), groups (m,q,C)."""
    weight = softmax(groups @ w("pool.score.weight")[0], 1)
    z = np.einsum("mq,mqc->mc", weight, groups) @ w("pool.project.weight").T
    q, k = linear(w, "global_from_local.query", z), linear(w, "global_from_local.key", x)
    v = linear(w, "global_from_local.value", x)
    z = z + linear(w, "global_from_local.out", softmax(q @ k.T / math.sqrt(x.shape[1]), 1) @ v)
    z = transformer_block(w, "global_block", z, heads, head_dim)
    q, k = linear(w, "local_from_global.query", v), linear(w, "local_from_global.key", z)
    attended = softmax(q @ k.T / math.sqrt(x.shape[1]), 1) @ linear(w, "local_from_global.value", z)
    v = transformer_block(w, "local_block", v + linear(w, "local_from_global.out", attended), heads, head_dim)
    return np.where(v > 0, v, 0.2 * v)


def test_feature_aggregation_transformer() -> None:
    module = FeatureAggregationTransformer(C, heads=2, head_dim=3, dropout=0.3)
    w, x, groups = ready(module), random(2, 5, C), random(2, 3, 4, C)
    ours = module(x, groups).detach()
    for i in range(2):
        np.testing.assert_allclose(ours[i], fat(w, x[i].numpy(), groups[i].numpy(), 2, 3), atol=1e-10)


def test_standard_slot_attention() -> None:
    module = StandardSlotAttention(C)
    w, x, groups = ready(module), random(1, 3, C), random(1, 2, 5, C)
    slots, inputs = x[0].numpy(), groups.reshape(10, C).numpy()
    inputs = layer_norm(inputs, w("norm_features.weight"), w("norm_features.bias"))
    normed = layer_norm(slots, w("norm_tokens.weight"), w("norm_tokens.bias"))
    scores = (normed @ w("query.weight").T) @ (inputs @ w("key.weight").T).T / math.sqrt(C)
    attention = softmax(scores, 0)  # the slots compete
    attention = attention / (attention.sum(1, keepdims=True) + 1e-8)
    update = attention @ (inputs @ w("value.weight").T)

    gates_u = update @ w("gru.weight_ih").T + w("gru.bias_ih")
    gates_s = slots @ w("gru.weight_hh").T + w("gru.bias_hh")
    (ru, zu, nu), (rs, zs, ns) = np.split(gates_u, 3, 1), np.split(gates_s, 3, 1)
    reset, keep = 1 / (1 + np.exp(-ru - rs)), 1 / (1 + np.exp(-zu - zs))
    new = (1 - keep) * np.tanh(nu + reset * ns) + keep * slots
    hidden = relu(linear(w, "mlp.1", layer_norm(new, w("mlp.0.weight"), w("mlp.0.bias"))))
    np.testing.assert_allclose(module(x, groups)[0].detach(), new + linear(w, "mlp.3", hidden), atol=1e-10)


def test_global_features_are_softmax_weighted_sums() -> None:
    g = random(1, C, 3, 4)
    flat = g[0].flatten(1).numpy()
    np.testing.assert_allclose(region_features(g)[0], softmax(flat, 1) @ flat.T, atol=1e-12)


def test_nearest_features_are_the_nearest_by_cosine() -> None:
    slots, features = random(1, 2, C), random(1, 9, C)
    order = np.argsort(-cosine(slots[0].numpy(), features[0].numpy()), axis=1)[:, :4]
    np.testing.assert_array_equal(nearest_features(slots, features, 4)[0], features[0].numpy()[order])


def test_cosine_map() -> None:
    pixels, vectors = random(1, C, 3, 4), random(1, 5, C)
    wanted = cosine(vectors[0].numpy(), pixels[0].flatten(1).T.numpy())
    np.testing.assert_allclose(cosine_map(pixels, vectors)[0].flatten(1), wanted, atol=1e-12)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
@pytest.mark.parametrize("knn_filter", [True, False])
def test_slot_generator_and_guided_slot_attention(pooling: str, knn_filter: bool) -> None:
    config = replace(
        variant("mit_b0"), channels=C, clusters=6, neighbours=3, iterations=3, heads=2, head_dim=3,
        pooling=pooling, knn_filter=knn_filter,
    )  # fmt: skip
    module = GuidedSlots(config)
    w, x, references = ready(module), random(1, C, 4, 5), random(1, 2, C, C)
    # Cluster 4 is empty; given labels without centres it is zero.
    labels = torch.tensor([[i % 6 if i % 6 != 4 else 5 for i in range(20)]])
    enriched, state = module(x, references, labels)

    def tensors(prefix: str) -> Callable[[str], Array]:
        return lambda name: w(f"{prefix}.{name}")

    pixels = convolve(x[0].numpy(), w("squeeze.weight"), w("squeeze.bias")).reshape(C, 20)
    logits = convolve(x[0].numpy(), w("slot_masks.weight"), w("slot_masks.bias")).reshape(2, 20)
    masks = softmax(logits, 0)
    slots = masks @ pixels.T
    local = np.stack([pixels[:, labels[0].numpy() == d].sum(1) for d in range(6)])
    if pooling == "mean":
        slots = slots / masks.sum(1, keepdims=True)
        count = np.bincount(labels[0], minlength=6)[:, None]
        local = local / np.maximum(count, 1)
    np.testing.assert_allclose(state.guided[0].detach(), slots, atol=1e-10)
    aggregated = fat(tensors("generator"), local, references[0].numpy(), 2, 3)
    np.testing.assert_allclose(state.aggregated[0].detach(), aggregated, atol=1e-10)
    for _ in range(3):
        order = np.argsort(-cosine(slots, aggregated), axis=1)[:, : 3 if knn_filter else 6]
        slots = fat(tensors("attention"), slots, aggregated[order], 2, 3)
    np.testing.assert_allclose(state.refined[0].detach(), slots, atol=1e-9)
    maps = cosine(np.concatenate((aggregated, slots)), pixels.T)
    np.testing.assert_allclose(state.similarity[0].flatten(1).detach(), maps, atol=1e-10)
    np.testing.assert_allclose(state.fine[0].flatten(1).detach(), maps[-2:], atol=1e-10)
    features = np.concatenate((x[0].numpy(), maps.reshape(-1, 4, 5)))
    wanted = convolve(features, w("enrich.weight"), w("enrich.bias"))
    np.testing.assert_allclose(enriched[0].detach(), wanted, atol=1e-9)


def test_slot_maps_are_probabilities_of_the_foreground() -> None:
    config = variant("lite", channels=8, clusters=4, neighbours=2, head_dim=4)
    model = GSANet(config).eval()
    frame = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        references = model.encode_references(frame[:, None], frame[:, None])
        output = model(frame, frame, references)
    maps = output.slot_maps()
    for stream, state in output.slots.items():
        assert state.coarse is not None
        difference = (state.coarse[:, :1] - state.coarse[:, 1:]).sigmoid()
        torch.testing.assert_close(maps[f"coarse_fg_{stream}"], difference)
        torch.testing.assert_close(maps[f"fine_fg_{stream}"], (state.similarity[:, -2:-1] + 1) / 2)
        torch.testing.assert_close(maps[f"fine_not_bg_{stream}"], 1 - (state.similarity[:, -1:] + 1) / 2)
