"""``--watch``: a terminal is redrawn, a file gets what is new, and Ctrl-C ends it."""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import click
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from engage_server.cli.watching import watch
from tests.support.commands import engage, ok
from tests.support.refusals import error

_SERIAL = "0000000000000000A0B1000000000206"


class Terminal(StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """What happens between two looks; after the last of it the operator presses Ctrl-C."""

    def arrange(*happens: Callable[[], object]) -> list[float]:
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) > len(happens):
                raise KeyboardInterrupt
            happens[len(waits) - 1]()

        monkeypatch.setattr("engage_server.cli.watching.time.sleep", sleep)
        return waits

    return arrange


def nothing() -> None:
    """Nothing happens."""


@pytest.mark.parametrize("command", [("status",), ("rotate", "status")])
def test_without_a_terminal_only_what_is_new_is_printed(
    installation: Path, between: Callable[..., list[float]], command: tuple[str, ...]
) -> None:
    opened: list[object] = []
    alone = engage(installation, *command).stdout
    event.listen(Pool, "connect", listener := lambda connection, _record: opened.append(connection))
    try:
        waits = between(nothing, nothing, nothing)
        done = engage(installation, *command, "--watch")
    finally:
        event.remove(Pool, "connect", listener)
    assert done.stdout == alone
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "stopped")
    assert len(opened) == 1, "one connection for all looks"
    assert len(waits) == 4
    assert min(waits) > 1, "no busy loop"


def test_what_has_changed_is_printed_again(installation: Path, between: Callable[..., list[float]]) -> None:
    between(nothing, lambda: ok(engage(installation, "device", "add", _SERIAL)), nothing)
    shown = engage(installation, "status", "--watch").stdout
    assert shown.count("main (default)") == 2
    assert shown.count("1 device: 1 never seen") == 1


def test_of_json_nobody_could_tell_where_a_report_ends(installation: Path) -> None:
    error(engage(installation, "status", "--watch", "--json"), 2, "--watch shows reports to people")


def test_a_terminal_is_redrawn(between: Callable[..., list[float]], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, looks = Terminal(), iter(["one\nlonger", "two", "\n".join("many" * 200)])
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "__stdout__", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    between(nothing, nothing)
    with pytest.raises(KeyboardInterrupt):
        watch(lambda: click.secho(next(looks), fg="red"), as_json=False)
    drawn = terminal.getvalue().split("\x1b[H")[-3:]
    assert [each.endswith("\x1b[J") for each in drawn] == [True] * 3
    assert "one\x1b[K\n" in drawn[0].replace("\x1b[31m", "")
    assert "\x1b[31m" in drawn[1], "as colourful as without --watch"
    assert "Ctrl-C ends it" in drawn[1]
    assert drawn[2].count("\n") == 23, "more would scroll the first lines away"
    assert "more lines" in drawn[2]
