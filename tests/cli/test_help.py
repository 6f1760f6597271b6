"""Every ``--help``, as a stranger reads it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
import typer

from gsanet.cli import choices
from gsanet.cli.app import app
from gsanet.cli.commands import FILES, GROUPS
from gsanet.cli.help import examples, summary
from gsanet.cli.renamed import OPTIONS

PRIVATE = ("GsanetError", "METHOD", "founder", "mission", "docstring", "stage 1", "stage 2", "nothing to say", "TODO")
"""Words of those who write gsanet, which say nothing to those who use it."""

SILENT = {"--set", "--compare", "--html", "--json", "--row"}
"""Options without a default, because without them nothing is done; and ``--out`` of ``score``."""


def walk() -> Iterator[tuple[str, Any]]:
    """Every command that help shows, by the words that are typed for it."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        yield " ".join(words), command
        for name, one in getattr(command, "commands", {}).items():
            yield from below((*words, name), one)

    yield from below((), typer.main.get_command(app))


COMMANDS = dict(walk())


@pytest.fixture(params=COMMANDS, ids=lambda words: words or "gsanet")
def words(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_command_has_its_place() -> None:
    shown = [name for names in GROUPS.values() for name in names]
    assert sorted(shown) == sorted(words for words in COMMANDS if words and " " not in words)


def test_the_first_page_names_every_command_in_a_whole_line(gsanet, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = gsanet("--help")
    assert (code, err) == (0, "")
    titles = [line.rstrip(":") for line in out.splitlines() if re.fullmatch(r"\w+:", line)]
    assert titles == ["Examples", *GROUPS, "Options"]
    for words, command in COMMANDS.items():
        if words and " " not in words:
            assert re.search(rf"^  {words} +{re.escape(summary(command))}$", out, re.MULTILINE), words


def test_a_summary_is_a_short_sentence(words: str) -> None:
    said = summary(COMMANDS[words])
    assert said and not said.endswith(("...", "…", ",", ":")) and said[0].isupper()
    assert len(said) <= 66 or not words


@pytest.mark.parametrize("columns", [80, 120])
def test_pages_fit_the_window_and_are_in_plain_words(  # type: ignore[no-untyped-def]
    gsanet, monkeypatch: pytest.MonkeyPatch, words: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = gsanet(*words.split(), "--help")
    assert code == 0 and out.startswith(f"Usage: {' '.join(['gsanet', *words.split()])} ")
    assert max(map(len, out.splitlines())) < columns
    assert not [word for word in PRIVATE if word in out]
    assert "\x1b" not in out, "colours in a pipe"
    assert gsanet(*words.split(), "-h")[1] == out


def test_every_option_is_explained_and_its_default_told(gsanet, words: str) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = gsanet(*words.split(), "--help")
    unfolded = " ".join(out.split())
    for param in COMMANDS[words].params:
        name = param.opts[0]
        assert param.help and param.help[0].isupper(), name
        assert param.help.split("\n")[0].endswith((".", "?", ")", "hub")), f"{name}: {param.help}"
        if not name.startswith("-"):
            assert f"  {param.metavar}" in out, name
            continue
        assert re.search(rf"^  (-\w, )?{name}\b", out, re.MULTILINE), name
        # Flags are off if not given; others say what happens then.
        told = param.required or param.is_flag or param.default not in (None, "") or param.show_default is not True
        assert told or name in SILENT or (words, name) == ("score", "--out"), f"{words} {name} has no default"
        if not param.required and isinstance(param.show_default, str):
            assert f"default: {param.show_default}" in unfolded


def test_every_command_has_an_example_that_parses(words: str) -> None:
    command = COMMANDS[words]
    shown = examples(command)
    assert shown
    root = typer.main.get_command(app)
    for example in shown:
        program, *rest = example.partition(" > ")[0].split()
        assert program == "gsanet"
        context: Any = root.make_context("gsanet", rest)
        while getattr(context.command, "commands", None) and (left := [*context._protected_args, *context.args]):
            name, one, left = context.command.resolve_command(context, left)
            context = one.make_context(name, left, parent=context)  # a word that it does not know is an error here
    assert any(example.startswith(f"gsanet {words}".strip()) for example in shown)


@pytest.mark.parametrize(
    ("words", "option", "among"),
    [
        ("segment", "--quality", choices.QUALITIES),
        ("segment", "--precision", choices.PRECISIONS),
        ("segment", "--fovea", choices.FOVEAS),
        ("score", "--fovea", choices.FOVEAS),
        ("segment", "--runtime", choices.RUNTIMES),
        ("segment", "--engine", choices.ENGINES),
        ("score", "--runtime", choices.RUNTIMES),
        ("bench", "--quality", choices.QUALITIES),
        ("demo", "--quality", choices.QUALITIES),
        ("evaluate", "--protocol", choices.PROTOCOLS),
        ("score", "--row", choices.ROWS),
        ("evaluate", "--frames", choices.FRAMES),
        ("flow", "--method", choices.FLOWS),
        ("flow", "--direction", choices.DIRECTIONS),
        ("flow", "--precision", choices.FLOW_PRECISIONS),
        ("export", "--format", choices.FORMATS),
        ("prepare", "--resolution", choices.RESOLUTIONS),
        ("bench loader", "--stage", choices.STAGES),
        ("train", "--accelerator", choices.ACCELERATORS),
    ],
)
def test_choices_are_shown_and_a_wrong_one_is_one_line(  # type: ignore[no-untyped-def]
    gsanet, words: str, option: str, among: dict[str, str]
) -> None:
    _, out, _ = gsanet(*words.split(), "--help")
    assert f"  {option} {'|'.join(among)}" in re.sub(r"\|\n +", "|", out)
    rows = [(value, meaning) for value, meaning in among.items() if meaning]
    assert all(
        re.search(rf"^ +{value}  +{re.escape(meaning.split()[0])}", out, re.MULTILINE) for value, meaning in rows
    )
    code, out, err = gsanet(*words.split(), option, "wrong")
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"gsanet: {option} is {choices.either(among)}, not 'wrong'\n", err)


@pytest.mark.parametrize(
    ("words", "among"),
    [("segment", choices.SAVES), ("flow", choices.FLOW_FILES), ("prepare", choices.DATASETS)],
)
def test_lists_of_choices_are_shown_with_their_meaning(gsanet, words: str, among: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = gsanet(words, "--help")
    for name, meaning in among.items():
        assert re.search(rf"^ {{28}}{name}  +{re.escape(meaning.split()[0])}", out, re.MULTILINE), name


def test_the_choices_are_the_librarys() -> None:
    from gsanet.data.flow_folder import DIRECTIONS, SAVE
    from gsanet.evaluation.protocols import PROTOCOLS
    from gsanet.flow.methods import METHODS
    from gsanet.flow.network_flow import PRECISIONS as FLOW_PRECISIONS
    from gsanet.prepare import DATASETS
    from gsanet.runtime.interface import Precision
    from gsanet.runtime.opening import RUNTIMES
    from gsanet.segment.options import QUALITY, Options
    from gsanet.segment.save import PICTURES, RECORDS, VIDEOS

    for ours, librarys in (
        (choices.QUALITIES, QUALITY),
        (choices.PRECISIONS, get_args(Precision)),
        (choices.FOVEAS, get_args(get_type_hints(Options)["fovea"])),
        (choices.FLOW_PRECISIONS, FLOW_PRECISIONS),
        (choices.RUNTIMES, RUNTIMES),
        (choices.FLOWS, METHODS),
        (choices.SAVES, (*PICTURES, *VIDEOS, *RECORDS)),
        (choices.PROTOCOLS, PROTOCOLS),
        (choices.DATASETS, DATASETS),
        (choices.FLOW_FILES, SAVE),
        (choices.DIRECTIONS, DIRECTIONS),
    ):
        assert sorted(ours) == sorted(librarys)


@pytest.mark.parametrize("field", ["fovea", "keyframes", "keyframe_interval", "keyframe_overlap", "flow_size"])
def test_what_the_presets_say_is_told_as_the_default(field: str) -> None:
    from gsanet.segment.options import DEFAULT_QUALITY, QUALITY, preset

    def word(quality: Any) -> str:
        value = getattr(preset(quality, {}), field)
        return ("off", "on")[value] if isinstance(value, bool) else str(value)

    others = [f"{word(name)} with {name}" for name in QUALITY if word(name) != word(DEFAULT_QUALITY)]
    (param,) = [param for param in COMMANDS["segment"].params if param.name == field]
    told = str(param.show_default).replace("with --quality ", "with ")
    assert told == f"{word(DEFAULT_QUALITY)}; {', '.join(others)}"


def test_old_names_are_taken_and_not_shown(gsanet, words: str) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = gsanet(*words.split(), "--help")
    assert not [old for old in OPTIONS if re.search(rf"{old}\b", out)]
    for param in COMMANDS[words].params:
        old = [name for name in param.opts if name in OPTIONS]
        assert all(OPTIONS[name] in param.opts for name in old)


def test_every_old_name_is_declared_somewhere() -> None:
    declared = {name for command in COMMANDS.values() for param in command.params for name in param.opts}
    assert set(OPTIONS) <= declared


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom gsanet.cli.entry import main\nsys.argv = ['gsanet', 'segment', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'rich', 'onnxruntime', 'av', 'gsanet.cli.score'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_command_is_found_by_itself() -> None:
    for name, file in FILES.items():
        command = COMMANDS[name]
        function = getattr(command.callback, "__wrapped__", command.callback)
        assert function.__module__ == f"gsanet.cli.{file}", name


def test_completion_knows_the_choices() -> None:
    (save,) = (param for param in COMMANDS["segment"].params if param.name == "save")
    found = save.shell_complete(typer.Context(COMMANDS["segment"]), "masks,ove")
    assert [item.value for item in found] == ["masks,overlay"]
