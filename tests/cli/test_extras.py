"""A library that is not installed is one line."""

from __future__ import annotations

import re
import sys
from importlib import util
from pathlib import Path

import pytest

from gsanet.cli.extras import EXTRAS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def raising(error: Exception):  # type: ignore[no-untyped-def]
    def run(*arguments: object, **options: object) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("lightning_fabric.utilities", "gsanet runs needs lightning-fabric: pip install 'gsanet[train]'\n"),
        ("torch", "gsanet runs needs torch: pip install 'gsanet[torch]'\n"),
    ],
)
def test_the_extra_to_install_is_told(gsanet, monkeypatch: pytest.MonkeyPatch, module: str, said: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("gsanet.training.folder.list_runs", raising(ModuleNotFoundError("gone", name=module)))
    assert gsanet("runs") == (1, "", said)


def test_another_missing_module_is_a_bug_and_not_hidden(gsanet, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    error = ModuleNotFoundError("gone", name="gsanet.gone")
    monkeypatch.setattr("gsanet.training.folder.list_runs", raising(error))
    with pytest.raises(ModuleNotFoundError):
        gsanet("runs")


def test_info_without_pytorch(gsanet, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more))
    code, out, err = gsanet("info")
    assert (code, err) == (0, "")
    assert out.startswith("gsanet ") and "torch " not in out.splitlines()[0] and "onnxruntime" in out.splitlines()[0]
    assert "pip install 'gsanet[torch]'" in out


def test_every_extra_of_the_package_is_known() -> None:
    """But for those of developers."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) - {"dev"} <= {extra for _, extra in EXTRAS.values()}
    assert all(re.fullmatch(r"[\w-]+", package) for package, _ in EXTRAS.values())
