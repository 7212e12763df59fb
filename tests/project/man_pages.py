"""Man pages from the same source as docs/commands.md: the commands' own help. ``scripts/man`` writes them.

Our own generator: click-man finds no command of a group that imports its commands late. Run as a program, this module
takes a folder and writes one page for each command and group.
"""

import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from copy import copy
from datetime import UTC, date, datetime
from pathlib import Path

import click

from engage_server import __version__
from engage_server.cli.root import engage

_VERBATIM = "\b"  # click: the lines of this paragraph stay as they are
_NOT_SHOWN = {_VERBATIM, "Example:", "Examples:"}  # the section's heading says so
_EXIT_STATUS = (
    ("0", "Fine."),
    ("1", "The answer is no: a finding of severity error, or a lock that would refuse."),
    ("2", "Wrong usage or settings."),
    ("3", "It could not be done: a file, the network or the database."),
)
_FILES = (
    ("engage.toml", "The settings, in the current folder unless --config names another file."),
    ("/etc/engage-server/engage.toml", "The settings of an installation that runs as a service."),
)


def man_pages(on: date) -> dict[str, str]:
    """Each page by its file name.

    Args:
        on: The day that the pages carry.
    """
    found = {}
    for name, command, below in _all_commands():
        found[f"{name.replace(' ', '-')}.1"] = "".join(f"{line}\n" for line in _page(name, command, below, on))
    return found


def _all_commands() -> Iterator[tuple[str, click.Command, dict[str, click.Command]]]:
    """Every group and command, with what is right below it; copies, as a command keeps the help option of who asks."""
    yield from _from("engage", copy(engage))


def _from(name: str, command: click.Command) -> Iterator[tuple[str, click.Command, dict[str, click.Command]]]:
    below = _below(name, command) if isinstance(command, click.Group) else {}
    yield name, command, below
    for under, each in below.items():
        yield from _from(under, each)


def _below(name: str, group: click.Group) -> dict[str, click.Command]:
    context = click.Context(group, info_name=name)
    found = {f"{name} {each}": group.get_command(context, each) for each in group.list_commands(context)}
    return {each: copy(command) for each, command in found.items() if command is not None and not command.hidden}


def _page(name: str, command: click.Command, below: dict[str, click.Command], on: date) -> Iterator[str]:
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
    title = name.replace(" ", "-")
    yield f'.TH {title.upper()} 1 {on:%Y-%m-%d} "engage-server {__version__}" "engage-server"'
    yield from (".SH NAME", f"{_text(title)} \\- {_text(_short(command))}")
    yield from (".SH SYNOPSIS", f".B {_text(name)}", _text(" ".join(command.collect_usage_pieces(context))))
    yield from (".SH DESCRIPTION", *_paragraphs(command.help or ""))
    yield from _listed("OPTIONS", _options(command, context))
    yield from _listed("COMMANDS", [(each, _short(under)) for each, under in below.items()])
    if command.epilog:
        yield from (".SH EXAMPLES" if "Example" in command.epilog else ".SH NOTES", *_paragraphs(command.epilog))
    yield from _listed("EXIT STATUS", _EXIT_STATUS)
    yield from _listed("FILES", _FILES)
    yield from (".SH SEE ALSO", *_see_also(name, list(below)))


def _short(command: click.Command) -> str:
    return command.get_short_help_str(limit=200).rstrip(".")


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            yield record


def _listed(heading: str, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A section of terms and what they mean; nothing without a term."""
    for number, (term, meaning) in enumerate(entries):
        if number == 0:
            yield f".SH {heading}"
        yield from (".TP", f".B {_text(term)}", _text(meaning) or "\\&")


def _paragraphs(help_text: str) -> Iterator[str]:
    for number, paragraph in enumerate(inspect.cleandoc(help_text).split("\n\n")):
        lines = [line for line in paragraph.splitlines() if line.strip() not in _NOT_SHOWN]
        if number:
            yield ".PP"
        if paragraph.lstrip(" \n").startswith(_VERBATIM):
            yield from (".nf", *(_text(line) for line in lines), ".fi")
        else:
            yield _text(" ".join(line.strip() for line in lines))


def _see_also(name: str, below: list[str]) -> Iterator[str]:
    above = [name.rpartition(" ")[0]] if " " in name else []
    pages = [each.replace(" ", "-") for each in [*above, *below]]
    for number, page in enumerate(pages):
        yield f".BR {_text(page)} (1)" + ("," if number < len(pages) - 1 else "")


def _text(words: str) -> str:
    """Words as roff takes them: nothing in them is a request, and a hyphen can be copied as one."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _today() -> date:
    """The day of the build, as https://reproducible-builds.org/specs/source-date-epoch/ has it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC).date() if epoch else datetime.now(UTC).date()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in man_pages(_today()).items():
        (folder / file).write_text(content, encoding="utf-8")
