"""What commands print: tables and pictures for people, JSON for scripts."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.program import pasteable
from engage_server.files import write_output

if TYPE_CHECKING:
    from engage_server.records import Site

_WIDE = ("W", "F")  # East Asian characters that take two columns of a terminal

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead.")


class Console:
    """Standard output, with colours on a terminal alone."""

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches."""
        return sys.stdout.isatty()

    def print(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Print a text.

        Args:
            text: What; control characters in it are shown as such, so that no name can begin a line or colour it.
            style: Words such as ``bold red`` or ``dim``.
            end: What follows it.
        """
        click.echo(_styled(_printable(text), style) + end, nl=False, color=self.is_terminal and colours_wanted())


def console() -> Console:
    """Standard output."""
    return Console()


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print JSON with stable keys, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def write_report(report: Iterable[str], output: Path | None) -> None:
    """Write a report to a file, or to standard output.

    Args:
        report: Its parts, which are written as they come to standard output, and to a file all or none.
        output: Where. None and ``-`` are standard output.

    Raises:
        FileNotUsable: The file can not be written.
    """
    if output is None or str(output) == "-":
        for part in report:
            click.echo(part, nl=False)
    else:
        write_output(output, (part.encode("utf-8") for part in report))
        click.echo(f"wrote {_printable(str(output))}", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table, or a sentence when it would be empty. No line is cut: a terminal wraps what is too long."""
    cells = [[_printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
    out = console()
    out.print(_row(columns, widths), style="bold")
    for row in cells:
        out.print(_row(row, widths))


def trials_mark(site: "Site") -> str:
    """What stands behind the name of a site in every list: whether it was made for trials."""
    return " (for trials)" if site.for_trials else ""


def print_next(sentence: str) -> None:
    """Print what to do now, with commands that can be pasted as they stand."""
    click.echo(f"next: {pasteable(sentence)}")


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """How many columns a terminal needs for it."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in _WIDE else 1 for each in text
    )


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def _styled(text: str, style: str) -> str:
    words = style.split()
    colour = next((word for word in words if word not in ("bold", "dim")), None)
    return click.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None) if text else ""


def colours_wanted() -> bool:
    """As https://no-color.org and terminals without any ask for."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
