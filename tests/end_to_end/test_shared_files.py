"""Two whole pairs with their own data folders on one PostgreSQL: a door may call either of them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.calling_in import ask
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer
from tests.support.running import RunningPair, engage, eventually, ok, running_pair
from tests.support.shared_nodes import database
from tests.support.world import serial_of

ONE = serial_of(1)
CATCHES_UP = 60.0  # seconds: a pause after silence lasts at most 16


@pytest.mark.long("unit/services/shared_files/test_shared_nodes.py, without processes")
def test_a_door_calls_either_of_two_hosts(tmp_path: Path, postgresql: PostgresServer) -> None:
    url = {"ENGAGE_DATABASE_URL": postgresql.new_database()}
    (tmp_path / "a").mkdir()
    a = make_installation(tmp_path / "a", **url)
    b = second_host(a, tmp_path / "b")
    (a / "in" / ONE).mkdir(parents=True)
    put(a, 1, **url)
    with running_pair(a, "--workers", "1", **url) as at_a, running_pair(b, "--workers", "1", **url) as at_b:
        before = get(at_a)
        moved = ok(engage(a, "site", "call-in", "main", "--shared", stdin=None, **url))
        assert "moved 1 file" in moved
        eventually(lambda: get(at_b) == before, "the other host gives the same bytes")
        assert get(at_a) == before, "no door noticed"
        put(b, 2, **url)
        eventually(lambda: b"0x0000000000000002" in get(at_a), "what was set at one host is given by the other")
        visit = ["--https-port", str(at_a.https_port), "--site", "main", "--call-in", "--serial", ONE]
        ok(engage(a, "lock", "fetch", at_a.http, *visit, stdin=None, **url))
        eventually(lambda: "audit " in uploads(b, **url), "an upload at one host is listed at the other")
        postgresql.stop()
        try:
            assert b"0x0000000000000002" in get(at_b)
            assert post(at_b, {"audits": [{"event": "0B08", "while": "away"}]}).startswith(b"HTTP/1.1 201")
        finally:
            postgresql.resume()
        eventually(lambda: "0B08" in uploads(a, **url), "it catches up", CATCHES_UP)
        back = ok(engage(a, "site", "call-in", "main", "--files", stdin=None, **url))
        assert "moved" in back
        eventually(lambda: b"0x0000000000000002" in get(at_a), "the same database from files again")
        assert "0B08" in uploads(a, **url)
    assert "Traceback" not in log_of(a) + log_of(b)


def second_host(first: Path, folder: Path) -> Path:
    """Another host of the same installation: its keys, and nothing else."""
    folder.mkdir()
    shutil.copy2(first / "engage.kek", folder / "engage.kek")
    shutil.copytree(first / "certs", folder / "certs")
    return folder


def put(host: Path, version: int, **url: str) -> None:
    folder = host / "in" / ONE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "database.json").write_text(json.dumps(database(version)))
    ok(engage(host, "device", "import", "in", "--site", "main", stdin=None, **url))


def get(pair: RunningPair) -> bytes:
    query = f"GET /swordfish/lock/db/0?serialNumber={ONE} HTTP/1.1\nHost: 127.0.0.1"
    return ask(pair, query).partition(b"\r\n\r\n")[2]


def post(pair: RunningPair, value: object) -> bytes:
    query = f"POST /swordfish/lock/audit?serialNumber={ONE} HTTP/1.1\nHost: 127.0.0.1\nContent-Type: application/json"
    return ask(pair, query, json.dumps(value).encode())


def uploads(host: Path, **url: str) -> str:
    """What an operator of this host sees of the door's events: what they came in, and their codes."""
    shown = json.loads(ok(engage(host, "device", "show", ONE, "--json", stdin=None, **url)))
    return ", ".join(f"{each['upload']} {each['code']}" for of_site in shown for each in of_site["events"])


def log_of(host: Path) -> str:
    return "".join(path.read_text() for path in host.glob("serve-*.log"))
