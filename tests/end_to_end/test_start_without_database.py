"""A host that starts while PostgreSQL is away: it serves what it had, and follows when the database is back."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alone import instance_alone
from tests.support.following import GET, new_chain, notice, serves, stage
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer, postgres_server
from tests.support.running import NOTICE, PATIENCE, RunningPair, engage, engage_process, eventually, ok, running_pair

SERIAL, QUERY = "0000000000000000A0B1000000000206", "?serialNumber=AAAAAAAAAACgsQAAAAACBg=="
READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that these tests stop, and leave stopped."""
    with postgres_server(in_memory=True) as server:
        yield server
        server.resume()  # it is stopped again at the end


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, server: PostgresServer) -> tuple[Path, dict[str, str]]:
    """A host that served its second release, and whose power went with the link to the database."""
    environment = {"ENGAGE_DATABASE_URL": server.new_database()}
    folder = make_installation(tmp_path_factory.mktemp("host"), **environment)
    ok(engage(folder, "device", "add", SERIAL, stdin=None, **environment))
    second = new_chain(folder, "second")
    number = stage(folder, second, **environment)
    with running_pair(folder, "--workers", "1", **environment) as pair:
        copy = folder / "data" / "served.db"
        eventually(copy.exists, "a copy")
        of_first = copy.stat().st_ino
        ok(engage(folder, "release", "activate", number, "--wait", stdin=None, **environment))
        eventually(lambda: copy.stat().st_ino != of_first, "the copy has what is served now")
        pair.process.send_signal(signal.SIGKILL)
        eventually(lambda: not any(map(_is_there, pair.children())), "its instances are gone, too")
    server.stop()
    return folder, environment


def _is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_nothing_starts_without_the_copy(host: tuple[Path, dict[str, str]]) -> None:
    folder, environment = host
    copy, aside = folder / "data" / "served.db", folder / "aside.db"
    shutil.move(copy, aside)
    ports = ("--http-port", "18080", "--https-port", "18443", "--operators-port", "18008")
    done = engage_process(folder, "serve", "--bind", "127.0.0.9", *ports, stdin=None, **environment)
    assert (done.returncode, "the database" in done.stderr, "Traceback" in done.stderr) == (3, True, False)
    copy.write_bytes(aside.read_bytes()[:30_000])
    done = engage_process(folder, "serve", "--bind", "127.0.0.9", *ports, stdin=None, **environment)
    assert (done.returncode, "served.db" in done.stderr, "Traceback" in done.stderr) == (3, True, False)
    shutil.copy2(aside, copy)


def test_it_serves_collects_and_follows(host: tuple[Path, dict[str, str]], server: PostgresServer) -> None:
    folder, environment = host
    first, second = folder / "certs" / "main", folder / "certs" / "second"
    with running_pair(folder, "--workers", "1", **environment) as pair:
        assert "warning:" in pair.log and "from this host's copy" in pair.log
        assert serves(pair, second)
        assert not serves(pair, first), "the control"
        named = f"GET {NOTICE}{QUERY} HTTP/1.1\r\nHost: locks.example.org\r\nConnection: close\r\n\r\n".encode()
        assert pair.raw_http(named).startswith(b"HTTP/1.1 200 OK")
        assert pair.raw_http(READY).startswith(b"HTTP/1.1 200 OK")
        victims = pair.workers() + pair.transfer()
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        eventually(lambda: len({*pair.workers(), *pair.transfer()} - {*victims}) == 3, "workers are replaced")
        eventually(lambda: _answers(pair), "and serve")
        assert pair.metrics()["engage_sightings_stored_total"] == 0
        server.resume()
        try:
            eventually(lambda: pair.metrics()["engage_sightings_stored_total"] > 0, "what doors did is stored")
            device = ok(engage(folder, "device", "show", SERIAL, stdin=None, **environment))
            assert "never" not in device.splitlines()[0]
            third = new_chain(folder, "third")
            number = stage(folder, third, **environment)
            ok(engage(folder, "release", "activate", number, "--wait", stdin=None, **environment))
            eventually(lambda: serves(pair, third), "followed")
            assert engage(folder, "audit", "verify", stdin=None, **environment).returncode == 0
        finally:
            pair.stop()
            server.stop()
    assert "Traceback" not in pair.log


def _answers(pair: RunningPair) -> bool:
    try:
        return bool(notice(pair)) and pair.raw_http(GET).startswith(b"HTTP/1.1 200 OK")
    except OSError:
        return False


@pytest.mark.parametrize("listener", ["http", "https", "operators"])
def test_each_instance_starts_alone(host: tuple[Path, dict[str, str]], listener: str) -> None:
    """As units and containers run them. The server is stopped."""
    folder, environment = host
    with instance_alone(folder, listener, **environment) as instance:
        assert "from this host's copy" in instance.log
        path = "/healthz" if listener == "operators" else NOTICE
        scheme = "https" if listener == "https" else "http"
        command = ["curl", "-sS", "--insecure", "--fail", f"{scheme}://127.0.0.1:{instance.port}{path}"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert answer.returncode == 0, answer.stderr
        assert "Traceback" not in instance.log
