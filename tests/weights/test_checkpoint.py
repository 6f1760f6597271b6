"""Weights on disk: what fits is loaded to the bit, what does not is named."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet, SaliencyNet, variant
from gsanet.weights.checkpoint import load_any, load_model, load_saliency, read_header, read_tensors, save_model
from gsanet.weights.tensors import load_tensors, weights_of
from gsanet.weights.transfer import start_from_pretrained

SIZES = {"backbone": "test_efficientnet", "channels": 8, "clusters": 6, "neighbours": 3, "head_dim": 4, "size": 96}
CONFIG = variant("lite", **SIZES)


@pytest.fixture
def model() -> GSANet:
    torch.manual_seed(0)
    return GSANet(CONFIG)


def rewritten(path: Path, **header: str) -> Path:
    """*path* again with a changed header."""
    with safe_open(path, framework="pt") as file:
        old = file.metadata()
    save_file(load_file(path), path, metadata={**old, **header})
    return path


def test_header_tells_kind_configuration_and_history(model: GSANet, tmp_path: Path) -> None:
    save_model(model, tmp_path / "a" / "m.safetensors", info={"epoch": 3, "scores": [0.5]})
    kind, config, info = read_header(tmp_path / "a" / "m.safetensors")
    assert (kind, config, info) == ("gsanet", CONFIG, {"epoch": 3, "scores": [0.5]})
    save_model(SaliencyNet(CONFIG), tmp_path / "s.safetensors")
    assert read_header(tmp_path / "s.safetensors")[0] == "saliency"


def test_float16_halves_the_file_and_comes_back_as_float32(model: GSANet, tmp_path: Path) -> None:
    save_model(model, tmp_path / "full.safetensors")
    save_model(model, tmp_path / "half.safetensors", dtype=torch.float16)
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half"))
    assert 0.4 < half / full < 0.7
    for name, tensor in read_tensors(tmp_path / "half.safetensors").items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, model.state_dict()[name], atol=1e-6, rtol=1e-3)
    load_model(tmp_path / "half.safetensors")


@pytest.mark.skipif(os.name == "nt", reason="rights are POSIX's")
def test_a_file_of_weights_has_the_rights_of_any_new_file(model: GSANet, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m.safetensors")
    (tmp_path / "any").touch()
    assert (tmp_path / "m.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    model: GSANet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"the old one")

    def full_disk(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full_disk)
        with pytest.raises(GsanetError, match=r"^cannot write .*m\.safetensors: No space left on device$"):
            save_model(model, path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_and_no_safetensors(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"no such weights file: .*nothing\.safetensors"):
        load_model(tmp_path / "nothing.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(GsanetError, match="is not a safetensors file"):
        load_model(tmp_path / "text.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(GsanetError, match="was not written by gsanet"):
        load_model(tmp_path / "other.safetensors")


def test_cut_short(model: GSANet, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(GsanetError, match="is not a safetensors file"):
        load_model(path)


def test_the_wrong_kind_says_where_it_belongs(model: GSANet, tmp_path: Path) -> None:
    save_model(model, tmp_path / "video.safetensors")
    save_model(SaliencyNet(CONFIG), tmp_path / "single.safetensors")
    with pytest.raises(GsanetError, match=r"holds a saliency \(pretraining\) model; give it to `gsanet train"):
        load_model(tmp_path / "single.safetensors")
    with pytest.raises(GsanetError, match="holds a gsanet model, not one from `gsanet pretrain`"):
        load_saliency(tmp_path / "video.safetensors")
    assert isinstance(load_saliency(tmp_path / "single.safetensors"), SaliencyNet)


def test_another_configuration_names_the_tensors_that_do_not_fit(model: GSANet, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path)
    wider = {**CONFIG.to_dict(), "channels": 16}
    with pytest.raises(GsanetError, match=r"does not fit the model: .* is \(8,.*\) instead of \(16,.*and \d+ more"):
        load_model(rewritten(path, config=json.dumps(wider)))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            {"config": {"warp": 9}},
            "config.warp is not a setting; there are aggregation, .*; it may need a newer gsanet",
        ),
        ({"config": {"channels": 0}}, "config.channels must be at least 1, got 0"),
        ({"config": {"clusters": "6"}}, "config.clusters must be a whole number, got '6'"),
        ({"config": {"neighbours": 7}}, r"config.neighbours must not exceed clusters \(6\), got 7"),
        ({"config": {"aggregation": "mean"}}, "config.aggregation must be 'fat' or 'standard', got 'mean'"),
        ({"config": 3}, "config must be a table of settings, got 3"),
        ({"info": [1]}, r"info must be a table, got \[1\]"),
    ],
)
def test_a_header_that_makes_no_sense(model: GSANet, tmp_path: Path, header: dict[str, object], message: str) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path)
    if isinstance(header.get("config"), dict):
        header = {"config": {**CONFIG.to_dict(), **header["config"]}}  # type: ignore[dict-item]
    with pytest.raises(GsanetError, match=rf"^the header of .*m\.safetensors: {message}"):
        load_model(rewritten(path, **{name: json.dumps(value) for name, value in header.items()}))


def test_a_damaged_header_and_one_of_an_older_version(model: GSANet, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path)
    with pytest.raises(GsanetError, match=r"^the header of .*m\.safetensors is damaged: "):
        load_model(rewritten(path, config="{"))
    older = {name: value for name, value in CONFIG.to_dict().items() if name != "slot_init"}
    save_model(model, path)
    assert read_header(rewritten(path, config=json.dumps(older), licence="kept elsewhere"))[1] == CONFIG


def test_missing_unknown_and_misshapen_are_told_apart(model: GSANet) -> None:
    tensors = weights_of(model)
    load_tensors(model, tensors, "file")
    tensors["extra"] = tensors.pop("decoder.heads.0.bias")
    tensors["decoder.heads.1.bias"] = torch.zeros(2)
    with pytest.raises(GsanetError) as error:
        load_tensors(model, tensors, "file")
    assert str(error.value) == (
        "file does not fit the model: missing decoder.heads.0.bias; unknown extra; "
        "decoder.heads.1.bias is (2,) instead of (1,)"
    )


@pytest.mark.parametrize("detail", [0, 4])
def test_stage_two_starts_with_every_tensor_of_stage_one(detail: int) -> None:
    torch.manual_seed(1)
    config = replace(CONFIG, detail_channels=detail)
    model, pretrained = GSANet(config), SaliencyNet(config)
    stream = pretrained.rgb.state_dict()
    count = start_from_pretrained(model, pretrained)
    assert pretrained.edges is not None and model.edges is not None
    assert count == 2 * len(stream) + len(pretrained.decoder.state_dict()) + len(pretrained.edges.state_dict())
    for name, tensor in pretrained.edges.state_dict().items():
        assert torch.equal(model.edges.state_dict()[name], tensor), name
    for name, tensor in stream.items():
        assert torch.equal(model.rgb.state_dict()[name], tensor), name
        assert torch.equal(model.flow.state_dict()[name], tensor), name
    for name, tensor in pretrained.decoder.state_dict().items():
        assert torch.equal(model.decoder.state_dict()[name], tensor), name
    # The copies are two: training one stream must not train the other.
    assert model.rgb.fusion[0].reduce.weight.data_ptr() != model.flow.fusion[0].reduce.weight.data_ptr()


@pytest.mark.parametrize("detail", [0, 4])
def test_stage_two_starts_near_the_average_of_the_streams(detail: int) -> None:
    config = replace(CONFIG, detail_channels=detail)
    model = GSANet(config)
    start_from_pretrained(model, SaliencyNet(config))
    fusion = model.stream_fusion[0].eval()
    rgb, flow = torch.rand(1, config.widths[0], 6, 6), torch.rand(1, config.widths[0], 6, 6)
    with torch.no_grad():
        near = torch.nn.functional.cosine_similarity(fusion(rgb, flow).flatten(), ((rgb + flow) / 2).flatten(), 0)
    assert near > 0.95


@pytest.mark.parametrize(
    "change",
    [{"channels": 16}, {"detail_channels": 4}, {"dilations": (1, 2, 3)}, {"backbone": "mobilenetv3_small_050"}],
)
def test_stage_two_refuses_another_network(model: GSANet, change: dict[str, object]) -> None:
    name = next(iter(change))
    with pytest.raises(GsanetError, match=f"the pretrained file has {name} .*, the model to train"):
        start_from_pretrained(model, SaliencyNet(variant("lite", **{**SIZES, **change})))


def test_stage_two_may_go_on_from_a_video_model(model: GSANet, tmp_path: Path) -> None:
    torch.manual_seed(2)
    other = GSANet(CONFIG)
    save_model(other, tmp_path / "m.safetensors")
    count = start_from_pretrained(model, load_any(tmp_path / "m.safetensors"))
    wanted = weights_of(other)
    assert count == len(wanted)
    mine = model.state_dict()
    assert all(torch.equal(mine[name], tensor) for name, tensor in wanted.items())


def test_a_video_model_of_another_structure_is_refused(model: GSANet) -> None:
    baseline = GSANet(variant("lite", **SIZES, slot_attention=False))
    with pytest.raises(
        GsanetError,
        match=r"the pretrained video model does not fit the model: missing rgb_slots.*\. "
        r"--set model\.slot_attention=false gives the model its structure$",
    ):
        start_from_pretrained(model, baseline)


def test_the_slot_free_baseline_starts_from_stage_one_too() -> None:
    baseline = GSANet(variant("lite", **SIZES, slot_attention=False))
    assert start_from_pretrained(baseline, SaliencyNet(CONFIG)) > 0
