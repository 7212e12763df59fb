"""``--watch``: a report that is made again and again, for a person who waits for something to happen."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import NoReturn

import click

from engage_server.cli.output import colours_wanted
from engage_server.errors import UsageError

_SECONDS = 3.0  # between two looks: soon enough for a person, and seldom enough for the database
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"

watch_option = click.option(
    "--watch",
    "watching",
    is_flag=True,
    help=f"Update every {_SECONDS:g} seconds until Ctrl-C; without a terminal, print only what is new.",
)


class _Page(StringIO):
    """Where a report is written before it is shown. For a terminal it has its colours."""

    def isatty(self) -> bool:
        return sys.__stdout__ is not None and sys.__stdout__.isatty()


def watch(report: Callable[[], object], *, as_json: bool) -> NoReturn:
    """Show a report until the operator presses Ctrl-C, which ends the command as usual.

    On a terminal, each report replaces the one before. Elsewhere, a report is printed if it differs from the last one.

    Args:
        report: Prints the report. It is called again and again, so it must close what it opens.
        as_json: Whether JSON was asked for. A script could not see where one report ends.

    Raises:
        UsageError: JSON was asked for.
        KeyboardInterrupt: The operator pressed Ctrl-C.
    """
    if as_json:
        raise UsageError("--watch shows reports to people", "For JSON, run the command again whenever you need it.")
    show = _redraw if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else _print
    before = ""
    while True:
        with redirect_stdout(_Page()) as page:
            report()
        now = page.getvalue()
        show(now, before)
        before = now
        time.sleep(_SECONDS)


def _print(now: str, before: str) -> None:
    if now != before:
        click.echo(("\n" if before else "") + now, nl=False)
        sys.stdout.flush()


def _redraw(now: str, before: str) -> None:
    """Line over line, so that nothing flickers. Lines that do not fit are left out, or the terminal would scroll."""
    size = shutil.get_terminal_size()
    if not before:
        click.clear()
    title = f"{datetime.now(UTC):%H:%M:%S} UTC, every {_SECONDS:g} s; Ctrl-C ends it"
    lines, room = [title, *now.splitlines()], size.lines - 1
    shown: list[str] = []
    for line in lines:
        room -= 1 + max(0, len(click.unstyle(line)) - 1) // size.columns
        if room < 0:
            shown[-1:] = [f"... {len(lines) - len(shown) + 1} more lines"]
            break
        shown.append(line)
    text = "".join(f"{line}{_REST_OF_LINE}\n" for line in shown)
    click.echo(_HOME + text + _REST_OF_SCREEN, nl=False, color=colours_wanted())
    sys.stdout.flush()
