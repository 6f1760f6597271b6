"""Recipes by name: what the package brings, and how a variant of it begins."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsanet.base.errors import GsanetError
from gsanet.cli.app import app
from gsanet.model.network import GSANet
from gsanet.training.config import load_config
from gsanet.training.recipes import find_recipe, packaged_recipes
from gsanet.weights.checkpoint import load_any
from gsanet.weights.packaged import find_weights
from gsanet.weights.transfer import start_from_pretrained

NAMES = ["ablation", "lite", "lite-closer", "lite-finetune", "paper-mit-b2"]


def test_the_packaged_recipes_load_and_say_what_they_are() -> None:
    found = packaged_recipes()
    assert [recipe.name for recipe in found] == NAMES
    for recipe in found:
        assert load_config(recipe.name) == load_config(recipe.file)
        assert len(recipe.summary) > 20 and not recipe.summary.startswith("#")
        assert recipe.summary.endswith("."), "a whole sentence, for the list"
        # What a recipe says how to use it can be typed wherever gsanet is installed.
        assert "recipes/" not in recipe.text


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("lite").seed == 0
    (tmp_path / "lite").write_text("seed = 5\n")
    assert load_config("lite").seed == load_config(Path("lite")).seed == 5
    (tmp_path / "lite").unlink()
    (tmp_path / "lite").mkdir()
    assert find_recipe("lite").name == "lite"


def test_an_unknown_name_is_one_line_with_those_there_are(tmp_path: Path) -> None:
    for name in ("liet", str(tmp_path / "none.toml")):
        with pytest.raises(
            GsanetError,
            match=rf"no recipe '.*': neither a file nor one .* \({', '.join(NAMES)}\)",
        ):
            load_config(name)


def test_the_command_lists_them_and_prints_one_to_begin_with(tmp_path: Path) -> None:
    run = CliRunner()
    listed = run.invoke(app, ["recipes"])
    assert listed.exit_code == 0
    for recipe in packaged_recipes():
        assert f"{recipe.name} " in listed.output and recipe.summary in listed.output and recipe.file in listed.output
    printed = run.invoke(app, ["recipes", "lite"]).stdout
    (tmp_path / "my.toml").write_text(printed)
    assert load_config(tmp_path / "my.toml") == load_config("lite")
    refused = run.invoke(app, ["recipes", "liet"])
    assert isinstance(refused.exception, GsanetError)
    assert str(refused.exception) == f"no recipe 'liet' in the package; there are {', '.join(NAMES)}"


def test_what_docs_go_on_with_from_the_packaged_weights_has_their_structure() -> None:
    """Commands in the docs are parsed elsewhere; this one failed when it was typed."""
    root = Path(__file__).parents[2]
    pages = [
        root / "README.md",
        *root.glob("docs/*.md"),
        *root.glob("src/gsanet/recipes/*"),
        *root.glob("src/gsanet/cli/*.py"),
    ]
    found = [
        line
        for page in pages
        for line in page.read_text().splitlines()
        if re.search(r"--pretrained lite\b(?!\.)", line)
    ]
    recipes = {name for line in found for name in re.findall(r"--config (\S+)", line)}
    assert recipes >= {"lite-finetune"} and all("--config" in line for line in found)
    with find_weights("lite") as file:
        packaged = load_any(file)
    for name in recipes:
        start_from_pretrained(GSANet(load_config(name).model), packaged)


def test_listing_them_does_not_wait_for_torch() -> None:
    code = "import sys; sys.argv = ['gsanet', 'recipes']\n"
    code += "from gsanet.cli.commands import register; from gsanet.cli.app import app; register()\n"
    code += "app(standalone_mode=False); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
