"""What people read fits a terminal of 80 columns, with the values that installations usually have."""

from pathlib import Path

import pytest

from tests.support.commands import engage

_COLUMNS = 80
_SERIAL = "0000000000000000A0B1000000000206"
_COMMANDS = (
    ("status",),
    ("rotate", "plan", "--verbose"),
    ("rotate", "status"),
    ("release", "list"),
    ("release", "show", "1"),
    ("site", "list"),
    ("site", "show", "main"),
    ("site", "call-in", "main"),
    ("device", "list"),
    ("device", "show", _SERIAL),
    ("host", "list"),
    ("audit", "show"),
    ("settings",),
    ("chain", "show", "certs/main"),
    ("chain", "check", "certs/main"),
)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.cli.program.shutil.which", lambda _name: "/usr/local/bin/engage")


def test_reports_fit_80_columns(installation: Path) -> None:
    engage(installation, "device", "add", _SERIAL)
    wide: list[str] = []
    for command in _COMMANDS:
        done = engage(installation, *command)
        assert done.stdout, command
        # a path is never cut, and where a test lies is no usual value
        lines = [line for line in done.stdout.splitlines() if str(installation) not in line]
        wide += [f"{' '.join(command)}: {line}" for line in lines if len(line) > _COLUMNS]
    assert "\n".join(wide) == ""
