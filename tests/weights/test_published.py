"""Checkpoints of the published code: every spelling in, nothing guessed, nothing run."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet, GSANetConfig, SaliencyNet
from gsanet.weights.checkpoint import load_model, load_saliency
from gsanet.weights.published import import_published
from gsanet.weights.published_names import canonical, published_names
from gsanet.weights.state_dict import read_state_dict
from gsanet.weights.tensors import weights_of

CONFIG = GSANetConfig("mit_b0", channels=8, clusters=20, pooling="sum", backbone_norm_eps=1e-5)


def translated(model: GSANet | SaliencyNet) -> dict[str, Tensor]:
    """The state dict that the published code would have written for *model*, dead tensors included."""
    state = {}
    for name, tensor in model.state_dict().items():
        names = published_names(name)
        for part, piece in zip(names, tensor.chunk(len(names)) if len(names) > 1 else [tensor], strict=True):
            if part.endswith("line_conv_att.weight"):
                piece = piece[..., None, None]
            elif part.endswith("conva.weight"):
                piece = piece[..., None]
            state[part] = piece.clone()
    state["rgb_encoder.classifier.weight"] = torch.zeros(2, 256)
    state["fusion1.conv_upsample.conv.weight"] = torch.zeros(8, 8, 3, 3)
    return state


@pytest.fixture(scope="module")
def model() -> GSANet:
    torch.manual_seed(0)
    return GSANet(CONFIG).eval()


@pytest.fixture(scope="module")
def state(model: GSANet) -> dict[str, Tensor]:
    return translated(model)


@pytest.fixture(scope="module")
def pretraining() -> SaliencyNet:
    torch.manual_seed(1)
    return SaliencyNet(GSANetConfig("mit_b0", channels=8)).eval()


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    ours, theirs = weights_of(a), weights_of(b)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def as_transformers5(name: str) -> str:
    """A transformers 4 name as transformers 5.23 spells it."""
    for old, new in (
        (r"segformer\.encoder\.patch_embeddings\.(\d)", r"segformer.stages.\1.patch_embeddings"),
        (r"segformer\.encoder\.layer_norm\.(\d)", r"segformer.stages.\1.layer_norm"),
        (r"segformer\.encoder\.block\.(\d)\.", r"segformer.stages.\1.blocks."),
        (r"attention\.self\.(q|k|v)[a-z]+\.", r"attention.\1_proj."),
        (r"attention\.output\.dense", "attention.o_proj"),
        (r"attention\.self\.sr\.", "attention.sequence_reduction.sequence_reduction."),
        (r"attention\.self\.layer_norm", "attention.sequence_reduction.layer_norm"),
        (r"layer_norm_1", "layernorm_before"),
        (r"layer_norm_2", "layernorm_after"),
        (r"mlp\.dense", "mlp.fc"),
    ):
        name = re.sub(old, new, name)
    return name


def as_pretraining(name: str) -> str:
    return re.sub(r"(branch\d)\.0\.", r"\1.", name)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "rgb.backbone.encoder.patch_embed1.proj.weight",
            "rgb_encoder.segformer.encoder.patch_embeddings.0.proj.weight",
        ),
        ("flow.backbone.encoder.norm4.bias", "flow_encoder.segformer.encoder.layer_norm.3.bias"),
        (
            "rgb.backbone.encoder.block2.1.attn.norm.weight",
            "rgb_encoder.segformer.encoder.block.1.1.attention.self.layer_norm.weight",
        ),
        ("rgb.fusion.0.branches.2.1.running_var", "rgb_MFFM4.branch3.0.bn.running_var"),
        ("flow.fusion.3.shortcut.0.weight", "flow_MFFM1.branch0.0.conv.weight"),
        ("rgb_slots.squeeze.bias", "rgb_SG.sqz.bias"),
        ("rgb_slots.generator.local_from_global.out.weight", "rgb_SG.FAT.ATB.L2G.to_out.0.weight"),
        ("flow_slots.attention.global_block.mlp.3.bias", "flow_SA.FAT.ATB.former1.layers.0.1.fn.net.3.bias"),
        ("stream_fusion.0.project.1.weight", "total_fuse1.conv2.1.weight"),
        ("decoder.merge.2.0.weight", "fusion3.cat_conv.conv.weight"),
        ("decoder.heads.3.bias", "linearr8.bias"),
        ("flow_slots.enrich.weight", "flow_fusion.weight"),
    ],
)  # fmt: skip
def test_names(ours: str, theirs: str) -> None:
    assert published_names(ours) == [theirs]


def test_key_and_value_are_one_tensor_here() -> None:
    stem = "rgb_encoder.segformer.encoder.block.0.1.attention.self"
    assert published_names("rgb.backbone.encoder.block1.1.attn.kv.bias") == [f"{stem}.key.bias", f"{stem}.value.bias"]


def test_no_two_tensors_share_a_name(model: GSANet) -> None:
    names = [part for name in model.state_dict() for part in published_names(name)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("wrapper", ["bare", "wrapped", "parallel", "transformers5"])
def test_video_checkpoint_in_every_form(model: GSANet, state: dict[str, Tensor], tmp_path: Path, wrapper: str) -> None:
    content: object = state
    if wrapper == "wrapped":
        content = {"epoch": 12, "model_state_dict": state}
    elif wrapper == "parallel":
        content = {"epoch": 12, "model_state_dict": {f"module.{k}": v for k, v in state.items()}}
    elif wrapper == "transformers5":
        content = {f"module.{as_transformers5(k)}": v for k, v in state.items()}
    imported, report = import_published(saved(tmp_path / "c.pth", content))
    assert isinstance(imported, GSANet)
    assert imported.config == CONFIG  # sizes were read off the tensors
    assert same(imported, model)
    assert not imported.training
    prefix = "module." if wrapper in ("parallel", "transformers5") else ""
    unused = {f"{prefix}rgb_encoder.classifier.weight", f"{prefix}fusion1.conv_upsample.conv.weight"}
    assert set(report.unused) == unused
    assert report.used == len(state) - 2
    assert {m.eps for m in imported.rgb.backbone.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-5}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("stream", [True, False])
def test_pretraining_checkpoint(pretraining: SaliencyNet, tmp_path: Path, prefix: str, stream: bool) -> None:
    names = {
        k: as_pretraining(k) if stream else as_pretraining(k).removeprefix("rgb_") for k in translated(pretraining)
    }
    content = {prefix + names[k]: v for k, v in translated(pretraining).items()}
    assert any(".branch0.conv." in name for name in content)
    path = saved(tmp_path / "p.pth", {"epoch": 3, "model_state_dict": content})
    imported, report = import_published(path)
    assert isinstance(imported, SaliencyNet)
    assert same(imported, pretraining)
    assert (report.kind, report.backbone, len(report.unused)) == ("saliency", "mit_b0", 2)


def test_loading_a_pth_takes_it_for_a_published_one(
    model: GSANet, state: dict[str, Tensor], pretraining: SaliencyNet, tmp_path: Path
) -> None:
    video, single = saved(tmp_path / "v.pth", state), saved(tmp_path / "s.pth", translated(pretraining))
    assert same(load_model(video), model)
    assert same(load_saliency(single), pretraining)
    with pytest.raises(GsanetError, match=r"s\.pth holds a saliency \(pretraining\) model"):
        load_model(single)
    with pytest.raises(GsanetError, match=r"v\.pth holds a gsanet model"):
        load_saliency(video)


def test_missing_and_misshapen_tensors_are_listed_by_their_published_names(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    broken = dict(state)
    del broken["linearr5.bias"]
    del broken["rgb_encoder.segformer.encoder.block.0.1.attention.self.key.weight"]
    broken["rgb_SG.FAT.conva.weight"] = torch.zeros(8, 8, 3)
    broken["total_fuse2.conv2.0.bias"] = torch.zeros(7)
    with pytest.raises(GsanetError) as error:
        import_published(saved(tmp_path / "c.pth", broken))
    message = str(error.value)
    assert "\n" not in message
    assert "does not hold the published mit_b0 model: " in message
    for part in (
        "missing linearr5.bias",
        "missing rgb_encoder.segformer.encoder.block.0.1.attention.self.key.weight",
        "rgb_SG.FAT.conva.weight is (8, 8, 3) instead of (8, 8)",
        "total_fuse2.conv2.0.bias is (7,) instead of (8,)",
    ):
        assert part in message


def test_a_long_list_is_cut_with_its_length(state: dict[str, Tensor], tmp_path: Path) -> None:
    half = {k: v for k, v in state.items() if not k.startswith("flow_")}
    with pytest.raises(GsanetError, match=r"; missing flow_.* and \d+ more$"):
        import_published(saved(tmp_path / "c.pth", half))


def test_the_same_tensor_twice(state: dict[str, Tensor], tmp_path: Path) -> None:
    twice = {**state, "module.linearr5.bias": torch.zeros(1)}
    with pytest.raises(GsanetError, match="1 tensors appear twice under different spellings"):
        import_published(saved(tmp_path / "c.pth", twice))


@pytest.mark.parametrize("content", [{"conv1.weight": torch.zeros(3, 3)}, {"rgb_SG.sqz.weight": torch.zeros(3)}])
def test_another_network(tmp_path: Path, content: dict[str, Tensor]) -> None:
    with pytest.raises(GsanetError, match="is not a published checkpoint with a MiT encoder"):
        import_published(saved(tmp_path / "c.pth", content))


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {"model_state_dict": {}}, torch.zeros(3)], ids=repr)
def test_no_state_dict(tmp_path: Path, content: object) -> None:
    with pytest.raises(GsanetError, match="holds no state dict"):
        read_state_dict(saved(tmp_path / "c.pth", content))


class Intruder:
    """Unpickling it would create a folder: the most harmless of the things it could do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_a_malicious_pickle_is_refused_unrun(tmp_path: Path, state: dict[str, Tensor], how: str) -> None:
    trap = tmp_path / "trap"
    content = {"epoch": 1, "model_state_dict": {"linearr5.bias": torch.zeros(1)}, "note": Intruder(trap)}
    path = tmp_path / "evil.pth"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Intruder(trap)))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(GsanetError) as error:
        import_published(path)
    assert not trap.exists()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path} was not opened: it is damaged or holds more than tensors")
    assert "mkdir" in message or how == "pickle"
    # The trap is a real one.
    if how == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert trap.is_dir()


def test_damaged_files(tmp_path: Path, state: dict[str, Tensor]) -> None:
    with pytest.raises(GsanetError, match=r"no such file of weights: .*none\.pth"):
        read_state_dict(tmp_path / "none.pth")
    whole = saved(tmp_path / "c.pth", {"linearr5.bias": state["linearr5.bias"]}).read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2]):
        (tmp_path / "c.pth").write_bytes(content)
        with pytest.raises(GsanetError) as error:
            read_state_dict(tmp_path / "c.pth")
        assert "\n" not in str(error.value)


def test_canonical_leaves_other_names_alone() -> None:
    for name in ("rgb_MFFM1.branch0.0.bn.weight", "linearr5.bias", "rgb_SG.FAT.ATB.former1.layers.0.1.fn.net.0.bias"):
        assert canonical(name) == name
