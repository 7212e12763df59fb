"""What commands print: tables and pictures for people, JSON for scripts."""

import json
import os
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.program import NO_BREAK, pasteable
from engage_server.files import write_output

if TYPE_CHECKING:
    from engage_server.records import Site

_json_begun: ContextVar[bool] = ContextVar("json_begun", default=False)

_ROWS_MEASURED = 1000
_ITEMS_AT_ONCE = 100
WIDTH = 80  # columns: what a terminal has unless somebody made it wider
_WIDE = ("W", "F")  # East Asian characters that take two columns of a terminal


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``, and ``--format json`` for the same, because other commands have more formats."""

    @wraps(command)
    def told_which(*arguments: Any, output_form: str, **options: Any) -> Any:
        return command(*arguments, as_json=output_form == "json", **options)

    usual = click.option(
        "--format", "output_form", type=click.Choice(["text", "json"]), default="text", hidden=True, help="As --json."
    )
    short = click.option("--json", "output_form", flag_value="json", help="Print JSON for scripts instead.")
    return short(usual(told_which))


class Console:
    """Standard output, with colours only on a terminal."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches."""
        return sys.stdout.isatty()

    def print(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Print a text.

        Args:
            text: The text. Control characters are replaced, so that no name can begin a line or colour it.
            style: Words such as ``bold red`` or ``dim``.
            end: What follows the text.
        """
        click.echo(_styled(printable(text), style) + end, nl=False, color=self.is_terminal and colours_wanted())


def console() -> Console:
    """Standard output."""
    return Console()


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print JSON with stable keys, indented."""
    begin_json()
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_list(values: Iterable[Mapping[str, Any]]) -> None:
    """Print an array in the form of :func:`print_json`, some items at a time: it may be longer than memory."""
    rest, begun = iter(values), False
    while some := list(islice(rest, _ITEMS_AT_ONCE)):
        begin_json()
        # a line end is never part of a text in JSON, so only lines are moved to the right
        items = (json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ") for value in some)
        click.echo((",\n  " if begun else "[\n  ") + ",\n  ".join(items), nl=False)
        begun = True
    begin_json()
    click.echo("\n]" if begun else "[]")


def begin_json() -> None:
    """Remember that standard output holds JSON from now on: an error must not follow it there."""
    _json_begun.set(True)


def is_json_begun() -> bool:
    """Whether this run has printed JSON already."""
    return _json_begun.get()


def forget_json() -> None:
    """A new run begins in this process."""
    _json_begun.set(False)


def write_report(report: Iterable[str], output: Path | None) -> None:
    """Write a report to a file, or to standard output.

    Args:
        report: Its parts. Standard output gets each as it comes, a file gets all or none.
        output: The file. None and ``-`` are standard output.

    Raises:
        FileNotUsable: The file cannot be written.
    """
    if output is None or str(output) == "-":
        for part in report:
            begin_json()
            click.echo(part, nl=False)
    else:
        write_output(output, (part.encode("utf-8") for part in report))
        click.echo(f"wrote {printable(str(output))}", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table, or a sentence if the table would be empty. No line is cut: a terminal wraps long lines.

    The first rows decide how wide its columns are. Those that follow are printed as they come.
    """
    cells = ([printable(str(cell)) for cell in row] for row in rows)
    first = list(islice(cells, _ROWS_MEASURED))
    if not first:
        click.echo(empty)
        return
    widths = [max(map(_width, column)) for column in zip(columns, *first, strict=True)]
    out = console()
    if any(columns):  # a table of names and values has no heading
        out.print(_row(columns, widths), style="bold")
    for row in chain(first, cells):
        out.print(_row(row, widths))


def trials_mark(site: "Site") -> str:
    """What follows the name of a site in every list: whether it was made for trials."""
    return " (for trials)" if site.for_trials else ""


def title_mark(site: "Site") -> str:
    """What follows the name of a site at once: what people call it."""
    return f' "{printable(site.title)}"' if site.title else ""


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: ``1 device``, ``2 devices``.

    Args:
        number: How many.
        one: What one is called.
        many: What several are called, where that is not the same with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def print_wrapped(text: str, indent: str, *, already: int = 0) -> None:
    """Print a text in lines of 80 columns; paths and names that are longer stay whole, so that they can be copied.

    Args:
        text: What. No line ends at a no-break space, which is printed as an ordinary one.
        indent: What its second line and those after it begin with.
        already: How many columns of the first line are taken.
    """
    lines = textwrap.wrap(
        " " * already + text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    click.echo("\n".join(lines)[already:].replace(NO_BREAK, " "))


def print_next(*sentences: str) -> None:
    """Print what to do now, with commands that can be pasted as they are: each choice on its own line."""
    for number, sentence in enumerate(sentences):
        click.echo(f"{' ' * 6 if number else 'next: '}{pasteable(sentence)}")


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """How many columns a terminal needs for it."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in _WIDE else 1 for each in text
    )


def printable(text: str) -> str:
    """A text without control characters: what others wrote can neither begin a line nor colour it."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def _styled(text: str, style: str) -> str:
    words = style.split()
    colour = next((word for word in words if word not in ("bold", "dim")), None)
    return click.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None) if text else ""


def colours_wanted() -> bool:
    """Whether colours are wanted: see https://no-color.org. A dumb terminal has none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
