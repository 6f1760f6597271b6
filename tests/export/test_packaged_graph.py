"""The graph in the package computes what the light model does, of frames of the sample clip, without torch."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gsanet import Segmenter, open_clip, sample_clip
from gsanet.base.errors import GsanetError
from gsanet.export.exporter import export_onnx
from gsanet.export.frame_network import FrameNetwork
from gsanet.export.packaged_graphs import packaged_graph
from gsanet.flow.colour import flow_to_picture
from gsanet.flow.dis import DISFlow
from gsanet.model import GSANet, variant
from gsanet.weights.checkpoint import load_model, save_model

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SIZES = [(256, 448), (448, 256), (192, 352), (352, 352)]


@pytest.fixture(scope="module")
def weights() -> Path:
    return Path(str(resources.files("gsanet") / "weights" / "lite.safetensors"))


@pytest.fixture(scope="module")
def model(weights: Path) -> GSANet:
    return load_model(weights)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.stack([frame.image for frame in open_clip(sample_clip()).frames_at(range(0, 125, 40))])


def test_every_packaged_graph_is_found_by_its_configuration() -> None:
    assert packaged_graph(variant("lite")) is not None
    assert packaged_graph(variant("lite", references=1, size=320)) == packaged_graph(variant("lite"))
    assert packaged_graph(variant("lite", clusters=32)) is None


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_same_as_torch(weights: Path, model: GSANet, frames: np.ndarray, size: tuple[int, int]) -> None:
    network = FrameNetwork.open(weights)
    assert network.config == model.config
    pictures = np.stack([cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in frames])
    flows = np.ascontiguousarray(pictures[..., ::-1])
    rgb, flow = (model.normalise(torch.from_numpy(p).permute(0, 3, 1, 2)) for p in (pictures, flows))
    features = network.references(pictures[1:], flows[1:])
    with torch.inference_mode():
        references = model.encode_references(rgb[None, 1:], flow[None, 1:])
        wanted = model(rgb[:1], flow[:1], references).logits.sigmoid()[0, 0].numpy()
    found = network.step(pictures[0], flows[0], features)["probability"]
    # Measured 1e-7 and 2e-4: near a tie another pixel may be a neighbour.
    assert np.abs(found - wanted).mean() < 1e-5 and np.abs(found - wanted).max() < 5e-3
    assert wanted.std() > 0.01


@pytest.mark.slow
def test_the_engine_gives_the_same_masks(weights: Path, frames: np.ndarray, tmp_path: Path) -> None:
    masks = [Segmenter.from_pretrained(precision="float32", runtime=name).segment(frames) for name in ("torch", "onnx")]
    assert 0.01 < masks[0].mean() < 0.9
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() >= 0.995
    # An export of such a model needs no tracing.
    whole = export_onnx(load_model(weights), tmp_path / "lite.onnx")
    np.testing.assert_array_equal(Segmenter.from_pretrained(whole).segment(frames), masks[1])


@pytest.mark.slow
def test_int8_gives_nearly_the_same_masks(weights: Path) -> None:
    exact, quick = (FrameNetwork.open(weights, name) for name in ("float32", "int8"))
    # Real flow: of what the network is not made for it is in doubt, and then little moves much.
    numbers = [near for first in range(0, 121, 40) for near in (first, first + 1)]
    clip = [frame.image for frame in open_clip(sample_clip()).frames_at(numbers)]
    small = [cv2.resize(image, (448, 256), interpolation=cv2.INTER_AREA) for image in clip]
    pictures = np.stack(small[::2])
    dis = DISFlow("sharp")
    flow = np.stack([flow_to_picture(dis(one, other)) for one, other in zip(small[::2], small[1::2], strict=True)])
    found = []
    for network in (exact, quick):
        features = network.references(pictures, flow)
        steps = [network.step(*one, features)["probability"] for one in zip(pictures, flow, strict=True)]
        found.append(np.stack(steps))
    assert 0 < np.abs(found[0] - found[1]).mean() < 0.02


def test_int8_is_for_the_weights_it_was_measured_with(model: GSANet, tmp_path: Path) -> None:
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.decoder.heads[0].bias += 1
    save_model(other, tmp_path / "other.safetensors")
    FrameNetwork.open(tmp_path / "other.safetensors")
    with pytest.raises(GsanetError, match=r"other.safetensors has no int8 graph in the package"):
        FrameNetwork.open(tmp_path / "other.safetensors", "int8")


_WITHOUT_TORCH = """
import json, resource, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "onnx", "onnxscript"):
            raise ImportError(f"{name} must not be needed")

sys.meta_path.insert(0, Blocked())

import numpy as np
from pathlib import Path
from gsanet.export.frame_network import FrameNetwork

network = FrameNetwork.open(Path(sys.argv[1]))
pictures = np.load(sys.argv[2])
found = network.step(pictures[0], pictures[0], network.references(pictures[1:], pictures[1:]))
np.save(sys.argv[3], found["probability"])
print(json.dumps({"references": network.config.references, "maps": list(found)}))
"""


def test_a_process_without_torch(weights: Path, model: GSANet, frames: np.ndarray, tmp_path: Path) -> None:
    pictures = np.stack([cv2.resize(frame, (96, 64), interpolation=cv2.INTER_AREA) for frame in frames])
    np.save(tmp_path / "pictures.npy", pictures)
    call = [sys.executable, "-c", _WITHOUT_TORCH, weights, tmp_path / "pictures.npy", tmp_path / "found.npy"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["references"] == 3 and said["maps"][0] == "probability" and len(said["maps"]) == 7
    x = model.normalise(torch.from_numpy(pictures).permute(0, 3, 1, 2))
    with torch.inference_mode():
        wanted = model(x[:1], x[:1], model.encode_references(x[None, 1:], x[None, 1:])).logits.sigmoid()[0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), wanted, atol=1e-3)
