"""Ctrl-C: exit code 130, and one line that says what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest


def interrupted(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("command", "place"), [("pretrain", "pretrain.pretrain"), ("train", "finetune.train")])
def test_training_says_whether_it_can_go_on(  # type: ignore[no-untyped-def]
    gsanet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, place: str
) -> None:
    monkeypatch.setattr(f"gsanet.training.{place}", interrupted)
    out = tmp_path / "run"
    assert gsanet(command, "-o", out) == (130, "", "gsanet: stopped; nothing was saved yet\n")
    (out / "last.pt").touch()
    assert gsanet(command, "-o", out) == (130, "", f"gsanet: stopped; the same command goes on from {out}/last.pt\n")


def test_other_commands_say_that_they_stopped(gsanet, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("gsanet.training.folder.list_runs", interrupted)
    assert gsanet("runs") == (130, "", "gsanet: stopped\n")


def test_a_command_that_ends_well_says_nothing(gsanet) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("--version")
    assert code == 0 and out.startswith("gsanet ") and err == ""
