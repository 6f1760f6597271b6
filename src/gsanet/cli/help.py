"""How ``--help`` looks: commands and options in groups, nothing cut off, an example for every command.

Typer's own table leaves twenty characters a line for the text in a window of 80, and its plain form cuts summaries off.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from gsanet.cli.commands import GROUPS
from gsanet.cli.renamed import COMMANDS, OPTIONS

COLUMN = 26
"""Where the text of an option begins."""

NARROWEST, WIDEST = 60, 100
"""A line longer than that is hard to read."""

_TIE = "\0"
"""A space at which no line ends."""


class HelpRow(NamedTuple):
    """A line of a list: what is typed, and what it means."""

    typed: str
    text: str
    table: Sequence[tuple[str, str]] = ()
    """Below the text: values and what each of them means."""


class Command(TyperCommand):
    """A command whose help is laid out here. Its epilog is its examples, one a line."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """``CLIP... -o FOLDER [OPTIONS]``: what must be given comes first."""
        return _usage(self.params)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, what it does, examples, arguments, options by group."""
        formatter.write(_page(self, ctx))


class Group(TyperGroup):
    """Commands in groups (:data:`gsanet.cli.commands.GROUPS`); one that has a new name is found by its old one."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What must be given comes first."""
        return [*_usage(self.params), *(["[COMMAND]"] if self.invoke_without_command else ["COMMAND ..."])]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first of *args* names."""
        if args and args[0] in COMMANDS:
            new = COMMANDS[args[0]]
            typer.echo(f"gsanet: `gsanet {args[0]}` is called `gsanet {new}` now", err=True)
            args = [new, *args[1:]]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """As that of a command, with the commands before the options."""
        formatter.write(_page(self, ctx, _groups(self, ctx)))


def summary(command: Any) -> str:
    """The first paragraph of a command's help, as one line."""
    return " ".join(cleandoc(command.short_help or command.help or "").split("\n\n")[0].split()).rstrip(".")


def examples(command: Any) -> list[str]:
    """The examples in a command's help."""
    return [line for line in (command.epilog or "").splitlines() if line.strip()]


def _page(command: Any, ctx: Any, commands: Sequence[tuple[str, list[HelpRow]]] = ()) -> str:
    """The whole help of *command*."""
    width = max(NARROWEST, min(shutil.get_terminal_size((80, 24)).columns, WIDEST) - 1)
    parts = [_filled(" ".join([f"{_bold('Usage:')} {ctx.command_path}", *command.collect_usage_pieces(ctx)]), width)]
    parts += [
        _filled(" ".join(paragraph.split()), width, "  ") for paragraph in cleandoc(command.help or "").split("\n\n")
    ]
    if shown := examples(command):
        title = _bold("Examples:" if len(shown) > 1 else "Example:")
        parts.append("\n".join([title, *(line for one in shown for line in _example(one, width))]))
    for title, entries in [*commands, *_parameters(command, ctx)]:
        column = COLUMN if title not in dict(commands) else 4 + max(len(e.typed) for _, all_ in commands for e in all_)
        parts.append("\n".join([_bold(f"{title}:"), *(line for e in entries for line in _lines(e, column, width))]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _example(text: str, width: int) -> list[str]:
    """One that is too long goes on in the next line, as a shell takes it."""
    tied = (
        text.replace(" -", "\n-").replace(" ", _TIE).replace("\n", " ")
    )  # no line ends between an option and its value
    lines = _wrapped(tied, width - 4)
    return [f"  {'    ' * bool(i)}{line}{chr(92).rjust(2) * (line is not lines[-1])}" for i, line in enumerate(lines)]


def _bold(text: str) -> str:
    return typer.style(text, bold=True)  # Typer takes it away where nobody looks: in a file or a pipe


def _usage(params: Iterable[Any]) -> list[str]:
    arguments = [_metavar(param) for param in params if isinstance(param, TyperArgument)]
    needed = [f"{min(_names(p), key=len)} {_metavar(p)}" for p in params if p.required and p.opts[0].startswith("-")]
    return [*arguments, *needed, "[OPTIONS]"]


def _groups(group: Group, ctx: Any) -> list[tuple[str, list[HelpRow]]]:
    """The commands by group, in the order of the table; those it does not name come last."""
    found = {name: group.get_command(ctx, name) for name in group.list_commands(ctx)}
    entries = {name: HelpRow(name, summary(one)) for name, one in found.items() if one is not None and not one.hidden}
    placed = [(title, [entries.pop(name) for name in names if name in entries]) for title, names in GROUPS.items()]
    return [(title, listed) for title, listed in [*placed, ("Commands", [*entries.values()])] if listed]


def _parameters(command: Any, ctx: Any) -> list[tuple[str, list[HelpRow]]]:
    """Arguments, then options by group (``rich_help_panel``), those without a group first."""
    groups: dict[str, list[HelpRow]] = {"Arguments": [], "Options": []}
    for param in command.get_params(ctx):
        if getattr(param, "hidden", False):
            continue
        if isinstance(param, TyperArgument):
            place = groups["Arguments"]
        else:
            title = getattr(param, "rich_help_panel", None)
            place = groups.setdefault(title or "Options", [])
        place.append(_entry(param))
    if len(groups["Options"]) == 1 and len(groups) > 2:
        groups["Other options"] = groups.pop("Options")  # --help alone
    return [(name, entries) for name, entries in groups.items() if entries]


def _entry(param: Any) -> HelpRow:
    if isinstance(param, TyperArgument):
        typed = _metavar(param).strip("[]")
    else:
        typed = ", ".join(sorted(_names(param), key=lambda name: name.startswith("--")))
        if param.secondary_opts:
            typed += " / " + ", ".join(param.secondary_opts)
        if not param.is_flag:
            typed += f" {_metavar(param)}"
    # A line of the help after the first is a value and its meaning, two spaces between (gsanet.cli.choices).
    text, *rows = (param.help or "").split("\n")
    facts = "; ".join(fact for fact in (_default(param), _least(param), "required" if param.required else "") if fact)
    table = [(value, meaning) for value, _, meaning in (row.partition("  ") for row in rows)]
    return HelpRow(typed, f"{text} {_together(f'[{facts}]')}".strip() if facts else text, table)


def _names(param: Any) -> list[str]:
    """Without those that are old."""
    return [name for name in param.opts if name not in OPTIONS]


def _metavar(param: Any) -> str:
    text = param.metavar or (param.name.upper() if isinstance(param, TyperArgument) else "VALUE")
    if not isinstance(param, TyperArgument):
        return str(text)
    text += "..." if param.nargs != 1 else ""
    return text if param.required else f"[{text}]"


def _default(param: Any) -> str:
    """``default: ...``, or nothing where there is none."""
    shown, value = getattr(param, "show_default", True), param.default
    if isinstance(shown, str):
        return f"default: {shown}"
    if not shown or value is None or value is False or value in ("", ()) or callable(value):
        return ""
    if value is True:
        value = param.opts[0]
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return f"default: {value}"


def _least(param: Any) -> str:
    least = getattr(param, "min", None)
    return f"at least {least}" if least is not None and least > 1 else ""


def _together(text: str) -> str:
    """Marked so that no line ends within it."""
    return text.replace(" ", _TIE)


def _lines(entry: HelpRow, column: int, width: int) -> list[str]:
    """Beside each other where the first fits into its column, else below each other."""
    margin = " " * column
    right = _wrapped(entry.text, width - column)
    names = max((len(value) for value, _ in entry.table), default=0)
    for value, meaning in entry.table:
        first, *more = _wrapped(meaning, width - column - names - 4) or [""]
        right += [f"  {value:<{names}}  {first}".rstrip(), *(" " * (names + 4) + line for line in more)]
    if len(entry.typed) + 4 <= column and right:
        return [f"  {entry.typed}".ljust(column) + right[0], *(margin + line for line in right[1:])]
    return [*_folded(entry.typed, width), *(margin + line for line in right)]


def _folded(typed: str, width: int) -> list[str]:
    """``--flow dis|raft-small|...``, folded between two choices where it is too long."""
    lines, start = ["  "], typed.rfind(" ") + 3
    for part in typed.replace("|", "|\n").split("\n"):
        if len(lines[-1]) + len(part) > width:
            lines.append(" " * start)
        lines[-1] += part
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    parts = [part if len(part) <= width else part.replace(_TIE, " ") for part in text.split(" ")]
    lines = textwrap.wrap(" ".join(parts), width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_TIE, " ") for line in lines]


def _filled(text: str, width: int, indent: str = "") -> str:
    return "\n".join(indent + line for line in _wrapped(text, width - len(indent)))
