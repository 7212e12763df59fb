"""PostgreSQL that falls silent, or dies and is replaced: devices are answered meanwhile, and workers follow again."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.following import GET, new_chain, serves, stage
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer, primary_and_standby
from tests.support.running import RunningPair, engage, eventually, free_port, ok, running_pair
from tests.support.silent_proxy import SilentProxy

GENEROUS = 120.0  # seconds, on machines that are shared; the limits of the product are 5 and 20
READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def devices_calling(pair: RunningPair) -> Iterator[list[bytes]]:
    """One device after the other; the answers that were none."""
    wrong: list[bytes] = []
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.2):
            try:
                answer = pair.raw_http(GET)
            except OSError as error:
                answer = str(error).encode()
            if not answer.startswith(b"HTTP/1.1 200 OK"):
                wrong.append(answer)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield wrong
    finally:
        over.set()
        thread.join()


@pytest.mark.long("test_following.py: devices are served while PostgreSQL is away")
def test_connections_that_fall_silent_are_seen_and_replaced(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Old connections are silent from a moment on, new ones work. Nothing but a limit of our own finds that."""
    proxy = SilentProxy(postgresql.socket)
    name = postgresql.new_database().partition("@/")[2].partition("?")[0]
    environment = {"ENGAGE_DATABASE_URL": f"postgresql://engage@127.0.0.1:{proxy.port}/{name}"}
    installation = make_installation(tmp_path, **environment)
    new = new_chain(installation, "next")
    number = stage(installation, new, **environment)
    with running_pair(installation, "--workers", "1", **environment) as pair, devices_calling(pair) as wrong:
        workers = pair.workers()
        eventually(lambda: pair.raw_http(READY).endswith(b'{"status":"ready"}'), "the control: nothing is late")
        assert pair.metrics()['engage_store_last_look_seconds{listener="http"}'] < GENEROUS
        proxy.swallow()
        ok(engage(installation, "release", "activate", number, stdin=None, **environment))
        eventually(lambda: pair.raw_http(READY).endswith(b'{"status":"ready","store":"late"}'), "late", GENEROUS)
        silent = "cannot follow the store, serving what is in memory: no answer for"
        eventually(lambda: silent in pair.log, "logged")
        eventually(lambda: serves(pair, new), "the worker has given up the silent connection", GENEROUS)
        eventually(lambda: pair.raw_http(READY).endswith(b'{"status":"ready"}'), "in time again", GENEROUS)
        eventually(lambda: "sightings are stored again" in pair.log or _stores(pair), "the transfer, too", GENEROUS)
        assert pair.workers() == workers, "nothing was restarted"
    assert wrong == []
    # It signs off if that is possible at once. A connection that is silent still may take longer.
    hosts = partial(engage, installation, "host", "list", "--json", stdin=None, **environment)
    eventually(lambda: not any(host["alive"] for host in json.loads(ok(hosts()))), "no worker counts as alive")
    proxy.close()


def _stores(pair: RunningPair) -> bool:
    before = pair.metrics()["engage_sightings_stored_total"]
    eventually(lambda: pair.metrics()["engage_sightings_stored_total"] > before, "stored", GENEROUS)
    return True


@pytest.mark.long("test_following.py: devices are served while PostgreSQL is away")
def test_a_standby_takes_over(tmp_path: Path) -> None:
    """The two-host URL of docs/operations.md."""
    port = free_port()
    with primary_and_standby(port) as (primary, standby):
        primary.new_database()
        url = f"postgresql+psycopg://engage@{primary.address},{standby.address}:{port}/test1"
        environment = {"ENGAGE_DATABASE_URL": f"{url}?target_session_attrs=read-write"}
        installation = make_installation(tmp_path, **environment)
        new = new_chain(installation, "next")
        number = stage(installation, new, **environment)
        count = "SELECT count(*) FROM releases"
        eventually(lambda: standby.ask(count, "test1") == "2", "the standby follows")
        with running_pair(installation, "--workers", "1", **environment) as pair, devices_calling(pair) as wrong:
            primary.stop()
            lost = engage(installation, "release", "activate", number, stdin=None, **environment)
            assert lost.returncode == 3, "the control: there is nowhere to write"
            standby.promote()
            ok(engage(installation, "release", "activate", number, stdin=None, **environment))
            eventually(lambda: serves(pair, new), "the workers found it", GENEROUS)
        assert wrong == []
        assert ok(engage(installation, "audit", "verify", stdin=None, **environment))
