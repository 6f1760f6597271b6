"""Where the time goes: every stage is timed, inside the network too, and nothing of it stays behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsanet.base.errors import GsanetError
from gsanet.cli.app import app
from gsanet.model import GSANet
from gsanet.segment import Segmenter
from gsanet.segment.profile import PARTS, STAGES, profile_process, profile_stages


def test_every_stage_is_timed_and_the_network_is_left_as_it_was(tiny_model: GSANet, tiny_clip: Path) -> None:
    segmenter = Segmenter(tiny_model, precision="float32", flip=True, flow_directions="both")
    stages = profile_stages(segmenter, tiny_clip, save=("masks", "overlay"), frames=9)
    assert list(stages) == list(STAGES)
    assert all(value > 0 for value in stages.values())
    # Four views: each stream runs once for each, which is most of the network.
    assert sum(stages[part] for part in PARTS) < stages["network"]
    model = segmenter.runtime.model  # type: ignore[attr-defined]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_clip_too_short_is_an_error(tiny_model: GSANet, tiny_clip: Path) -> None:
    with pytest.raises(GsanetError, match="needs at least 4 frames, this clip has 3"):
        profile_stages(Segmenter(tiny_model, precision="float32"), tiny_clip, save=("masks",), frames=3)


@pytest.mark.slow
def test_the_command_prints_every_stage_and_writes_the_numbers(
    tiny_weights: Path, tiny_clip: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bench.json"
    args = ["bench", "--clip", str(tiny_clip), "--model", str(tiny_weights), "--repeat", "1", "--json", str(file)]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert all(f"\n{name} " in done.stdout for name in STAGES)
    numbers = json.loads(file.read_text())
    run = numbers["runs"][0]
    assert 0 < run["import"] < run["load"] < run["first_frame"] and run["frames"] == 12
    assert run["frames_per_second"] > 0


@pytest.mark.slow
def test_what_goes_wrong_in_the_other_process_is_told(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"the run in a process of its own failed: .*nothing\.mp4"):
        profile_process(tmp_path / "nothing.mp4", {"name_or_path": str(tiny_weights)}, ("masks",))
