"""Hosts that went without a goodbye, what each command says of the audit log, and two inits at once."""

import json
import os
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import HOSTS, SITE_KEY
from tests.support.postgresql import PostgresServer
from tests.support.running import ENGAGE, clean_environment, engage, ok

WORKER = (
    "INSERT INTO workers (worker, host, pid, listener, generation, served, trouble, seen_at) "
    "VALUES (?, ?, ?, ?, 1, '{\"main\": 1}', '{}', ?)"
)
ENTRY = re.compile(r"^audit log: entry (\d+:[0-9a-f]{64})$", re.MULTILINE)


def sql(installation: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(installation / "data" / "engage.db") as connection:
        connection.execute(statement, values)


def say(installation: Path, host: str, seen_at: datetime, listener: str = "https", process: int = 4711) -> None:
    """A worker of another host said something, at this time."""
    when = seen_at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    sql(installation, WORKER, f"{listener} {process} on {host}", host, process, listener, when)


def test_a_host_without_a_goodbye_is_shown_waited_for_and_forgotten(installation: Path) -> None:
    assert engage(installation, "host", "list").returncode == 0
    assert engage(installation, "status").stdout.splitlines()[-1].endswith("serve"), "the control"
    wait = ("release", "activate", 1, "--wait", "--wait-seconds", "0.3")
    assert "no worker runs" in ok(engage(installation, *wait)), "the control"
    say(installation, "gate-2", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))

    listed = engage(installation, "host", "list")
    assert (listed.returncode, "host forget gate-2" in listed.stdout) == (1, True)
    (host,) = json.loads(engage(installation, "host", "list", "--json").stdout)
    assert (host["host"], host["alive"], host["heard_at"]) == ("gate-2", False, "2026-01-02T03:04:00+00:00")
    assert host["workers"][0]["served"] == {"main": 1}
    status = engage(installation, "status")
    assert status.returncode == 1
    assert "host gate-2 was last heard at 2026-01-02 03:04 UTC and did not sign off" in " ".join(status.stdout.split())
    assert status.stdout.splitlines()[-1].endswith("host list")
    assert json.loads(engage(installation, "status", "--json").stdout)["silent_hosts"] == {
        "gate-2": "2026-01-02T03:04:00+00:00"
    }
    waited = engage(installation, *wait)
    assert waited.returncode == 1, "it may serve devices"
    assert "https 4711 on gate-2  silent since 2026-01-02 03:04:00 UTC" in waited.stdout
    assert json.loads(engage(installation, *wait, "--json").stdout)["workers"]["silent"] == ["https 4711 on gate-2"]

    say(installation, "gate-3", datetime.now(UTC))
    alive = engage(installation, "host", "forget", "gate-3")
    assert (alive.returncode, "[host.alive]" in alive.stderr) == (2, True)
    for process in (4711, 4712):
        say(installation, "gate-3", datetime.now(UTC), "operators", process)
    doubled = " ".join(engage(installation, "host", "list").stdout.split())
    assert "gate-3: two operators' instances report. If that lasts for a minute, two machines have this name" in doubled
    sql(installation, "DELETE FROM workers WHERE host = 'gate-3'")
    forgotten = engage(installation, "host", "forget", "gate-2", "--reason", "scrapped", "--json")
    assert json.loads(ok(forgotten)) == {"host": "gate-2", "workers": 1}, "standard output holds JSON alone"
    assert ENTRY.search(forgotten.stderr)
    last = json.loads(ok(engage(installation, "audit", "show", "--last", "1", "--json")))[0]
    assert (last["action"], last["reason"], last["facts"]["host"]) == ("host:forgotten", "scrapped", "gate-2")
    assert engage(installation, "host", "forget", "gate-2").returncode == 2
    assert json.loads(engage(installation, "status", "--json").stdout)["silent_hosts"] == {}


def test_a_host_that_left_sightings_on_its_disk_is_shown_and_forgotten(installation: Path) -> None:
    spool = "INSERT INTO host_spools (host, waiting_bytes, said_at) VALUES (?, ?, ?)"
    sql(installation, spool, "gate-1", 0, "2026-01-02 03:04:00.000000")
    assert json.loads(ok(engage(installation, "host", "list", "--json"))) == [], "the control: it left nothing"
    sql(installation, spool, "gate-2", 5120, "2026-01-02 03:04:00.000000")
    listed = engage(installation, "host", "list")
    assert listed.returncode == 1
    assert "2026-01-02 03:04:00  signed off  5 KiB of sightings waited on its disk" in listed.stdout
    status = engage(installation, "status")
    assert status.returncode == 1
    assert "host gate-2 signed off at 2026-01-02 03:04 UTC, and 5 KiB of sightings" in " ".join(status.stdout.split())
    assert json.loads(engage(installation, "status", "--json").stdout)["left_spools"] == {
        "gate-2": {"waiting_bytes": 5120, "signed_off_at": "2026-01-02T03:04:00+00:00"}
    }
    forgotten = engage(installation, "host", "forget", "gate-2", "--reason", "scrapped")
    assert "dropped gate-2 with 0 workers" in ok(forgotten)
    assert "warning: 5 KiB of sightings waited on the disk of gate-2" in forgotten.stderr
    assert json.loads(ok(engage(installation, "host", "list", "--json"))) == []


def test_each_entry_is_said_and_found_again(installation: Path) -> None:
    one = engage(installation, "site", "export-key", "main", "key.txt")
    ok(one)
    (told,) = ENTRY.findall(one.stderr)
    assert not ENTRY.search(engage(installation, "status").stderr), "reading writes nothing"
    ok(engage(installation, "device", "add", "0" * 31 + "1", "--site", "main"))
    for expected in (told, f"audit log: entry {told}", told[:19]):
        ok(engage(installation, "audit", "verify", "--expect", expected))
    number = told.partition(":")[0]
    for wrong, status in ((f"{number}:{'0' * 64}", 1), (f"{number}:abc", 2), ("last", 2), (f"999:{'0' * 64}", 1)):
        assert engage(installation, "audit", "verify", "--expect", wrong).returncode == status, wrong


def test_init_leaves_a_log_that_was_changed(installation: Path) -> None:
    assert engage(installation, "init").returncode == 0, "the control"
    sql(installation, "DELETE FROM audit_events WHERE id > 2")
    sql(installation, "UPDATE installation SET audit_entries = 2, audit_end = ''")
    done = engage(installation, "init")
    assert done.returncode == 1
    assert "the audit log was changed by somebody without the key" in done.stderr
    assert done.stdout.splitlines()[-1].endswith("audit verify")
    ok(engage(installation, "device", "add", "0" * 31 + "1", "--site", "main"))
    assert engage(installation, "audit", "verify").returncode == 1


def test_two_inits_at_once_on_an_empty_postgresql(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Two machines, as it were: folders of their own, one database, one key."""
    shared = {"ENGAGE_DATABASE_URL": postgresql.new_database(), "ENGAGE_KEY_ENCRYPTION_KEY": "A" * 43 + "="}
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    running = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
        running.append(
            subprocess.Popen(
                [ENGAGE, "init", *hosts, "--site-key-file", "site.key"],
                cwd=folder,
                env=clean_environment() | shared,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert sorted("nothing to do" in output for output in outputs) == [False, True]
    log = json.loads(ok(engage(tmp_path / "one", "audit", "verify", "--json", stdin=None, **shared)))
    assert (log["entries"], log["faults"]) == (3, [])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make files of somebody else")
def test_the_servers_user_can_write_after_root_did(installation: Path) -> None:
    """The file by which writers line up belongs to whom the database belongs."""
    database = installation / "data" / "engage.db"
    for path in database.parent.glob("engage.db*"):
        os.chown(path, 65534, 65534)
    (database.parent / "engage.db-writers").unlink()
    ok(engage(installation, "device", "add", "0" * 31 + "1", "--site", "main"))
    made = (database.parent / "engage.db-writers").stat()
    assert (made.st_uid, made.st_mode & 0o777) == (65534, 0o600)
