"""A host that is added while a rotation is open: its chains are older, and not valid for that host."""

from pathlib import Path

from tests.support.chains import HOSTS
from tests.support.commands import engage, ok

HOST_OPTIONS = [text for host in HOSTS for text in ("--host", host.text)]
NEW = "new.example"


def change(folder: Path, *hosts: str) -> str:
    return ok(engage(folder, "site", "change", "main", *HOST_OPTIONS, *(t for h in hosts for t in ("--host", h))))


def test_the_way_out_is_shown_and_works(installation: Path) -> None:
    before = ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    assert "does not answer" not in before, "the control"
    changed = change(installation, NEW)
    assert f"release 2 does not answer for {NEW}" in changed
    assert "It must end or be aborted first" in changed
    again = engage(installation, "rotate", "start", "--way", "server-renewal")
    assert f"warning: main: the open rotation does not answer for {NEW}" in again.stderr
    step = changed.splitlines()[-1].removeprefix("next: ")
    assert step in again.stderr
    for command in step.split(", then "):
        done = engage(installation, *command.split()[1:])
        ok(done)
        assert "does not answer" not in done.stderr
    assert "not answered" not in engage(installation, "status").stdout


def test_an_open_rotation_that_answers_is_not_warned_of(installation: Path) -> None:
    change(installation, NEW)
    ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    assert "does not answer" not in engage(installation, "rotate", "start", "--way", "server-renewal").stderr
