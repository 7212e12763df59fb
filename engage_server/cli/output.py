"""What commands print: tables and pictures for people, JSON for scripts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_NEVER_CUT = 2000  # characters

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead.")


def console() -> Console:
    """Standard output; colours and fitting to the width on a terminal alone."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print JSON with stable keys, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table, or a sentence when it would be empty."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if not table.row_count:
        click.echo(empty)
        return
    out = console()
    out.width = _NEVER_CUT  # a terminal wraps what is too long, a pipe gets whole lines
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_next(sentence: str) -> None:
    """Print what to do now."""
    click.echo(f"next: {sentence}")
