"""What doors would refuse is not served without a question; what is safe is served without one."""

import json
import os
import pty
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.records import Sighting, SightingKind
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import HOSTS
from tests.support.running import ENGAGE, clean_environment, engage, ok
from tests.support.stored_by_pairs import sqlite
from tests.support.world import address_of, serial_of

HOST_OPTIONS = [text for host in HOSTS for text in ("--host", host.text)]


def come(folder: Path, release: int, *devices: int) -> None:
    """These devices fetch a release's anchor, and accept its chain."""
    store = SqlStore(open_engine(sqlite(folder)), None)
    now = datetime.now(UTC) + release * timedelta(seconds=10)  # behind what the release before saw
    seen = [
        Sighting(kind, at, listener, address_of(device), serial_of(device), "main", release)
        for device in devices
        for kind, at, listener in (
            (SightingKind.CERTIFICATE, now - timedelta(seconds=2), "http"),
            (SightingKind.HANDSHAKE_FINISHED, now, "https"),
        )
    ]
    assert store.record_sightings(f"{release} {devices} {now}", 0, 1, seen, fold, now)
    store.close()


def current(folder: Path) -> int:
    return int(json.loads(ok(engage(folder, "site", "show", "main", "--json")))["current_release"])


@pytest.fixture
def served(installation: Path) -> Path:
    """Three doors hold the anchor of release 1; release 2, under another root, is staged."""
    come(installation, 1, 1, 2, 3)
    ok(engage(installation, "chain", "build", "certs/two", *HOST_OPTIONS))
    ok(engage(installation, "release", "stage", "certs/two"))
    return installation


def refused(folder: Path, *command: object) -> str:
    """What a command says that changes nothing without a terminal."""
    before = current(folder), ok(engage(folder, "audit", "show", "--json"))
    done = engage(folder, *command)
    assert done.returncode == 1
    assert "\\n" not in done.stderr, "a line for each site and for the names, as nobody reads an escaped line end"
    assert (current(folder), ok(engage(folder, "audit", "show", "--json"))) == before
    return done.stderr


def test_activate(served: Path) -> None:
    told = refused(served, "release", "activate", 2)
    assert "[doors.fail]: main: 3 of 3 doors would refuse release 2" in told
    assert all(serial_of(device) in told for device in (1, 2, 3))
    assert "--yes" in told
    assert "warning: main: 3 of 3 doors" in engage(served, "release", "activate", 2, "--yes").stderr
    assert current(served) == 2
    ok(engage(served, "release", "activate", 2))


def test_roll_back_over_a_root(served: Path) -> None:
    ok(engage(served, "release", "activate", 2, "--yes"))
    come(served, 2, 1)
    assert "1 of 3 doors would refuse release 1" in refused(served, "release", "rollback")
    ok(engage(served, "release", "rollback", "--yes"))
    shown = " ".join(engage(served, "status").stdout.split())
    assert "refused: main: 1 of 3 doors refuse release 1. Each fails TLS once, fetches the anchor of release 1" in shown
    assert "1 of 3 doors would refuse release 1" in ok(engage(served, "device", "list"))
    (site,) = json.loads(engage(served, "status", "--json").stdout)["sites"]
    assert (site["anchors"]["refuse"], site["anchors"]["refusing"]) == (1, [serial_of(1)])


def test_a_host_that_is_taken_away(served: Path) -> None:
    more = [text for host in HOSTS for text in ("--host", host.text)]
    added = ok(engage(served, "site", "change", "main", *more, "--host", "doors.example.org"))
    assert "release 1 does not answer for doors.example.org" in added
    assert "a running server follows within a second" in added
    assert "rotate start --site main --way server-renewal" in added
    status = engage(served, "status")
    assert (status.returncode, "not answered: " in status.stdout) == (1, True)
    assert "due: release 1 does not answer for doors.example.org" in ok(engage(served, "rotate", "plan"))
    ok(engage(served, "rotate", "start"))
    assert current(served) == 3
    removed = engage(served, "site", "change", "main", *more)
    assert "does not answer for doors.example.org any more. No door called it" in removed.stderr
    ok(engage(served, "site", "change", "main", *more, "--host", "doors.example.org", "--json"))
    again = engage(served, "site", "change", "main", *more, "--json")
    assert json.loads(again.stdout)["removed_hosts_called_by"] == {"doors.example.org": 0}
    assert "warning: main does not answer for doors.example.org any more. No door called it" in again.stderr
    events = len(json.loads(ok(engage(served, "audit", "show", "--json", "--last", "99"))))
    assert "nothing to change" in ok(engage(served, "site", "change", "main", *more))
    assert len(json.loads(ok(engage(served, "audit", "show", "--json", "--last", "99")))) == events
    ok(engage(served, "rotate", "abort"))
    assert current(served) == 1


def test_a_cut_over(served: Path) -> None:
    start = ("rotate", "start", "--way", "cut-over")
    assert "3 of 3 doors would refuse a chain under a new root" in refused(served, *start)
    ok(engage(served, *start, "--yes"))
    ok(engage(served, *start))


def test_approving_the_last_chain_of_a_linked_rekey(served: Path) -> None:
    ok(engage(served, "rotate", "start", "--way", "linked-rekey"))
    approve = ("rotate", "approve", "--reason", "now")
    assert "3 of 3 doors would refuse release 4" in refused(served, *approve)
    come(served, 3, 1, 2, 3)
    ok(engage(served, *approve))
    assert current(served) == 4


def test_what_no_door_notices_asks_nothing(served: Path) -> None:
    ok(engage(served, "rotate", "start", "--way", "server-renewal"))
    assert "would refuse" not in engage(served, "rotate", "abort").stderr


def test_going_back_by_an_abort_warns_and_does_it(served: Path) -> None:
    ok(engage(served, "rotate", "start", "--way", "linked-rekey"))
    come(served, 3, 1)
    aborted = engage(served, "rotate", "abort")
    assert aborted.returncode == 0
    assert "warning: main: 1 of 3 doors would refuse release 1" in aborted.stderr


@pytest.mark.parametrize(("answer", "release", "status"), [(b"y\n", 2, 0), (b"n\n", 1, 130)])
def test_on_a_terminal_it_asks(served: Path, answer: bytes, release: int, status: int) -> None:
    master, slave = pty.openpty()
    command = [ENGAGE, "release", "activate", "2"]
    process = subprocess.Popen(
        command, cwd=served, env=clean_environment(), stdin=slave, stdout=subprocess.DEVNULL, stderr=slave
    )
    os.close(slave)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(master, 4096)
    os.write(master, answer)
    assert (process.wait(60), current(served)) == (status, release)
    assert b"3 of 3 doors would refuse release 2" in shown
    os.close(master)


def test_whether_it_is_safe_to_retire(served: Path) -> None:
    ok(engage(served, "release", "activate", 2, "--yes"))
    come(served, 2, 1, 2)
    no = f"safe to retire release 1: no: 1 door does not provably hold the anchor of release 2, such as {serial_of(3)}"
    assert f"main: {no}" in ok(engage(served, "release", "list"))
    asked = engage(served, "release", "retire", 1)
    assert (no in asked.stderr, asked.returncode) == (True, 1)
    come(served, 2, 3)
    yes = "safe to retire release 1: yes, 3 of 3 doors hold the anchor of release 2"
    assert yes in ok(engage(served, "release", "list"))
    assert yes in engage(served, "release", "retire", 1, "--yes").stderr
    assert "safe to retire" not in ok(engage(served, "release", "list"))


def test_a_rotation_says_so_while_it_is_open_and_when_it_is_done(served: Path) -> None:
    ok(engage(served, "rotate", "start", "--way", "server-renewal"))
    not_yet = "safe to retire release 1: not yet: the open rotation may go back to it"
    assert f"  {not_yet}\n" in ok(engage(served, "rotate", "status"))
    assert f"main: {not_yet}\n" in ok(engage(served, "release", "list"))
    (found,) = json.loads(ok(engage(served, "rotate", "status", "--json")))
    assert found["retirement"] == {"releases": [1], "safe": False, "sentence": not_yet}
    ok(engage(served, "rotate", "approve", "--reason", "trial"))
    assert "safe to retire release 1: yes, 3 of 3 doors" in ok(engage(served, "rotate", "status"))
    (found,) = json.loads(ok(engage(served, "rotate", "status", "--json")))
    assert (found["retirement"]["safe"], found["retirement"]["releases"]) == (True, [1])


def test_the_list_shows_which_release_each_door_has(served: Path) -> None:
    """After going back, "finished TLS" is true of a door that has another anchor by then."""
    ok(engage(served, "release", "activate", 2, "--yes"))
    come(served, 2, 1)
    ok(engage(served, "release", "rollback", "--yes"))
    rows = [line.split() for line in ok(engage(served, "device", "list")).splitlines() if line.startswith("0000")]
    assert {row[0]: row[1:4] for row in rows} == {
        serial_of(1): ["finished", "TLS", "2"],
        serial_of(2): ["finished", "TLS", "1"],
        serial_of(3): ["finished", "TLS", "1"],
    }
