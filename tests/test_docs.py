"""What the pages say is there: files behind links, names in code, commands, their options, recipes, extras."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gsanet.cli.app import app
from gsanet.cli.renamed import COMMANDS, OPTIONS

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "src" / "gsanet" / "recipes"
LOGS = {"CHANGELOG.md", "experiments.md", "performance.md"}
"""Records of what once was: their links must lead somewhere, their commands need not work any more."""

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/gsanet/**/*.md")])
GUIDES = [*(page for page in PAGES if page.name not in LOGS), *sorted(RECIPES.glob("*.toml"))]

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMES = re.compile(r"\]\(([^)\s]+\.py)\)((?:\s+`[A-Za-z_][\w.]*`)+)")
"""A link to a file of code, and after it the names in it."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def defined(file: Path) -> set[str]:
    """Names of classes, functions and variables in a file; attributes and methods without what they belong to."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def code_of(page: Path) -> Iterator[str]:
    """Lines of code blocks, and what stands between backticks; of a recipe the indented comments."""
    text = page.read_text().replace("\\\n#", "\\\n").replace("\\\n", " ")
    if page.suffix == ".toml":
        yield from re.findall(r"^#   (.+)$", text, re.M)
        return
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S):
        yield from (line.strip() for line in block.splitlines())
    yield from (line.strip() for line in re.findall(r"^    gsanet .+$", text, re.M))
    yield from re.findall(r"`([^`\n]+)`", without_code(text))


def commands_in(page: Path) -> Iterator[str]:
    """Command lines of ours, each without its first word."""
    for line in code_of(page):
        for part in re.split(r"\s#|&&?|;|\s\|\s", line):
            if found := re.match(r"(?:torchrun .*-m )?gsanet ([a-z].*)", part.strip()):
                yield found[1]


def options_of(words: list[str]) -> tuple[Any, set[str]] | None:
    """The command that *words* begin with, and its options; None if there is none."""
    root: Any = typer.main.get_command(app)
    command, path = root, iter(words)
    options = {"--help"}
    for word in path:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
        options |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return None if command is root else (command, options)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(without_code(page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{name_of(page)} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_after_a_link_to_code_are_in_that_code(page: Path) -> None:
    for path, names in NAMES.findall(page.read_text()):
        known = defined(page.parent / path)
        for name in re.findall(r"`([\w.]+)`", names):
            assert set(name.split(".")) <= known, f"{name_of(page)}: {path} has no {name}"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands_in(page):
        words = line.split()
        assert words[0] not in COMMANDS, f"{name_of(page)}: `gsanet {words[0]}` is called {COMMANDS[words[0]]} now"
        found = options_of(words)
        assert found, f"{name_of(page)}: no command `gsanet {words[0]}`"
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line):
            assert option in found[1], f"{name_of(page)}: `gsanet {words[0]}` has no {option}"
            assert option not in OPTIONS, f"{name_of(page)}: {option} is called {OPTIONS[option]} now"
        for recipe in re.findall(r"--config (\S+)", line):
            # Capitals stand for a file of the reader's.
            assert recipe.isupper() or (RECIPES / f"{recipe}.toml").is_file(), f"{name_of(page)}: no recipe {recipe}"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_options_on_their_own_belong_to_some_command(page: Path) -> None:
    root: Any = typer.main.get_command(app)
    known = {"--help"}
    for command in root.commands.values():
        for one in (command, *getattr(command, "commands", {}).values()):
            known |= {name for parameter in one.params for name in (*parameter.opts, *parameter.secondary_opts)}
    scripts = " ".join(file.read_text() for file in (ROOT / "benchmarks").glob("*.py"))
    for option in re.findall(r"`(--[a-z][a-z-]*)", page.read_text()):
        assert option in known or f'"{option}"' in scripts, f"{name_of(page)}: no command has {option}"


def test_extras_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    extras = re.findall(r"^([a-z]+) = \[", project.partition("[project.optional-dependencies]")[2], re.M)
    for page in (page for page in PAGES if page.name not in LOGS):
        for extra in re.findall(r"gsanet\[([a-z]+)\]", page.read_text()):
            assert extra in extras, f"{name_of(page)}: gsanet has no extra {extra}"
