"""RAFT's weights: from either kind of file, downloaded, or refused in one line."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_method
from gsanet.flow.raft_weights import build_raft, default_file, read_weights
from gsanet.weights.tensors import counts_batches


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return build_raft("small").state_dict()


def test_pth_and_safetensors_give_the_same_network(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    rng = np.random.default_rng(0)
    pair = [rng.integers(0, 256, (128, 128, 3), np.uint8) for _ in range(2)]
    flows = []
    for file in ("w.pth", "w.safetensors"):
        read = read_weights("small", tmp_path / file)
        assert read.keys() == state.keys() and all(torch.equal(read[name], state[name]) for name in state)
        method = flow_method("raft-small", weights=tmp_path / file, iterations=1, device="cpu")
        flows.append(method(*pair))
    assert np.array_equal(*flows) and flows[0].any()


def test_counters_of_batch_norm_are_neither_here_nor_there(tmp_path: Path) -> None:
    state = build_raft("large").state_dict()
    without = {name: tensor for name, tensor in state.items() if not counts_batches(name)}
    assert len(without) < len(state)
    torch.save(without, tmp_path / "w.pth")
    assert flow_method("raft-large", weights=tmp_path / "w.pth", device="cpu").iterations == 12


def test_the_other_size_is_named(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        GsanetError, match=r"w\.pth does not hold the weights of raft-large \(it is raft-small's\): pass"
    ):
        flow_method("raft-large", weights=tmp_path / "w.pth")


def test_the_authors_own_file_is_recognised(tmp_path: Path) -> None:
    torch.save(
        {"module.fnet.conv1.weight": torch.zeros(2), "module.cnet.conv1.weight": torch.zeros(2)}, tmp_path / "w.pth"
    )
    with pytest.raises(GsanetError, match=r"it is the RAFT authors' own.*raft_small_C_T_V2-01064c6d\.pth"):
        read_weights("small", tmp_path / "w.pth")


def test_a_tensor_that_is_missing_or_odd_is_named(state: dict[str, Tensor], tmp_path: Path) -> None:
    name = list(state)[3]
    torch.save({key: tensor for key, tensor in state.items() if key != name}, tmp_path / "missing.pth")
    torch.save({**state, "more": torch.zeros(1)}, tmp_path / "more.pth")
    torch.save({**state, name: torch.zeros(7, 7)}, tmp_path / "shape.pth")
    for file, named in (("missing", name), ("shape", name), ("more", "more")):
        with pytest.raises(GsanetError, match=rf"1 of {len(state)} tensors are missing, .* such as {named}\)"):
            read_weights("small", tmp_path / f"{file}.pth")


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"no such file of weights: .*gone\.pth: pass torchvision's raft_small"):
        read_weights("small", tmp_path / "gone.pth")
    for ending, reason in (("pth", "was not opened: it is damaged"), ("safetensors", "is not a safetensors file")):
        (tmp_path / f"noise.{ending}").write_bytes(np.random.default_rng(0).bytes(500))
        with pytest.raises(GsanetError, match=rf"noise\.{ending} {reason}.*pass torchvision's raft_small"):
            read_weights("small", tmp_path / f"noise.{ending}")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(GsanetError, match="holds no state dict"):
        read_weights("small", tmp_path / "list.pth")


def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(
        GsanetError, match=r"evil\.pth was not opened: .* holds more than tensors.*pass torchvision's raft_small"
    ):
        read_weights("small", tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("no route to host"), RuntimeError("invalid hash value"), OSError()]
)
def test_a_download_that_fails_says_which_file_to_get(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Raft_Large_Weights, "get_state_dict", fail)
    with pytest.raises(GsanetError) as caught:
        flow_method("raft-large", device="cpu")
    message = str(caught.value)
    assert "\n" not in message
    assert "the weights of raft-large could not be downloaded (" in message
    assert "get torchvision's file raft_large_C_T_SKHT_V2-ff5fadd5.pth" in message
    assert "--flow-weights FILE" in message


def test_without_a_file_torchvision_is_asked(monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor]) -> None:
    asked: list[object] = []

    def give(self: object, **how: object) -> dict[str, Tensor]:
        asked.append((self, how["check_hash"]))
        return state

    monkeypatch.setattr(Raft_Small_Weights, "get_state_dict", give)
    assert flow_method("raft-small", device="cpu").parallel is False
    assert asked == [(Raft_Small_Weights.DEFAULT, True)]
    assert default_file("small") == "raft_small_C_T_V2-01064c6d.pth"
