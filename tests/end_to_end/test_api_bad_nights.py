"""The API while its worker dies between effect and answer, or the database does. And two nodes on one database."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.api_wire import Told, chain_in, send
from tests.support.commands import engage, ok
from tests.support.following import GET, new_chain
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer, postgres_server
from tests.support.running import RunningPair, eventually, running_pair

STAGE = "/api/v1/sites/main/releases"
BOUND = 60.0  # seconds on shared machines; the limits of the product are 5 and 20


class Installation:
    """An installation on PostgreSQL.

    Attributes:
        url: The database.
        token: An operator's.
    """

    def __init__(self, folder: Path, database: PostgresServer) -> None:
        self.folder, self.url = folder, database.new_database()
        self.environment = {"ENGAGE_DATABASE_URL": self.url}
        make_installation(folder, **self.environment)
        self.token = self.engage("token", "add", "ci", "--role", "operator").strip()
        self.chain = chain_in(new_chain(folder, "next"))

    def engage(self, *arguments: str) -> str:
        """What a command prints."""
        return ok(engage(self.folder, *arguments, stdin=None, **self.environment))

    def serve(self) -> Any:
        """A node. Several have the same folder here, as several hosts have the same database."""
        return running_pair(self.folder, "--workers", "1", **self.environment)

    def stage(self, pair: RunningPair, key: str, seconds: float = BOUND) -> Told:
        """Stage the chain by the API."""
        return send(pair, self.token, "POST", STAGE, self.chain, seconds, Idempotency_Key=key)

    def ask(self, sql: str) -> int:
        """A number from the database."""
        with closing(psycopg.connect(self.url)) as connection:
            row = connection.execute(sql.encode()).fetchone()
            return int(row[0]) if row else 0

    def releases(self) -> int:
        """How many there are."""
        return self.ask("SELECT count(*) FROM releases")


@contextmanager
def held(url: str, sql: str) -> Iterator[threading.Event]:
    """A session that asks for locks, and keeps them until the end; the event says that it has them."""
    has = threading.Event()
    over = threading.Event()

    def hold() -> None:
        with closing(psycopg.connect(url)) as connection:
            connection.execute(sql.encode())
            has.set()
            over.wait(BOUND)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield has
    finally:
        over.set()
        thread.join()


@pytest.mark.long("tests/unit/web/api/requests/test_repeating.py: another host was faster")
def test_a_worker_that_is_killed_between_effect_and_answer(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Its transaction waits for a lock. Who waits for a lock of its own comes next, right after the commit."""
    made = Installation(tmp_path, postgresql)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with made.serve() as pair, ThreadPoolExecutor(1) as client:
        with ExitStack() as first, ExitStack() as second:
            locked = first.enter_context(held(made.url, "SELECT * FROM installation FOR UPDATE"))
            assert locked.wait(BOUND)
            lost = client.submit(made.stage, pair, "key-of-the-night")
            eventually(lambda: made.ask(waiting) >= 1, "the act waits at its entry in the audit log")
            locked = second.enter_context(held(made.url, "LOCK TABLE releases IN ACCESS EXCLUSIVE MODE"))
            eventually(lambda: made.ask(waiting) >= 2, "so does the next one")
            first.close()
            assert locked.wait(BOUND)
            assert made.ask("SELECT count(*) FROM keyed_requests") == 1, "committed"
            assert not lost.done(), "and not answered: the table with the answer is locked"
            before = pair.transfer()
            os.kill(before[0], signal.SIGKILL)
            assert lost.result() == Told(0, {}, "")
            assert pair.raw_http(GET).startswith(b"HTTP/1.1 200 OK"), "devices noticed nothing"
        eventually(lambda: pair.transfer() and pair.transfer() != before, "another worker")
        again = eventual(lambda: made.stage(pair, "key-of-the-night"))
        assert again.status == 201, again.text
        assert again.fields["Idempotent-Replayed"] == "true"
        assert again.fields["Location"] == f"{STAGE}/2"
        assert again.json["release"] == 2
        once_more = made.stage(pair, "key-of-the-night")
        assert (once_more.status, once_more.text) == (201, again.text)
        assert made.stage(pair, "another-key-of-it").json["code"] == "release.exists", "the control"
    assert made.releases() == 2
    assert made.ask("SELECT count(*) FROM audit_events WHERE action = 'release:staged'") == 2


def eventual(ask: Callable[[], Told]) -> Told:
    """The first answer that is one."""
    answers: list[Told] = []

    def is_answered() -> bool:
        answers.append(ask())
        return answers[-1].status > 0

    eventually(is_answered, "an answer")
    return answers[-1]


@pytest.mark.long("tests/unit/web/api/requests/test_repeating.py: another host was faster")
def test_two_nodes_at_once(tmp_path: Path, postgresql: PostgresServer) -> None:
    made = Installation(tmp_path, postgresql)
    with made.serve() as one, made.serve() as other, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda number: made.stage((one, other)[number % 2], "one-key-for-both"), range(16)))
        good = [each for each in answers if each.status == 201]
        assert {each.fields["Location"] for each in good} == {f"{STAGE}/2"}
        assert len({each.text for each in good}) == 1
        busy = {(each.status, each.json["code"]) for each in answers if each.status != 201}
        assert busy <= {(409, "idempotency.in_progress"), (503, "server.busy")}
        assert {made.stage(pair, "one-key-for-both").status for pair in (one, other)} == {201}
        assert made.releases() == 2

        made.engage("token", "revoke", "ci")
        revoked_at = time.monotonic()
        for pair in (one, other):
            told = send(pair, made.token, "GET", STAGE)
            assert (told.status, told.json["code"]) == (401, "token.revoked")
        assert time.monotonic() - revoked_at < BOUND, "at once: the product promises two seconds"


@pytest.mark.campaign("tests/unit/web/api/test_dispatch.py: while the database is away")
def test_the_database_is_away_and_stalls(tmp_path: Path) -> None:
    with postgres_server(in_memory=True) as database:
        made = Installation(tmp_path, database)
        with made.serve() as pair:
            assert send(pair, made.token, "GET", STAGE).status == 200, "the control"

            database.stop()
            for told in (send(pair, made.token, "GET", STAGE), made.stage(pair, "while-it-is-away")):
                assert (told.status, told.json["code"]) == (503, "store.not_usable")
                assert int(told.fields["Retry-After"]) > 0
                assert told.json["next_step"]
            assert pair.raw_http(GET).startswith(b"HTTP/1.1 200 OK"), "devices are served"
            database.resume()
            eventually(lambda: send(pair, made.token, "GET", STAGE).status == 200, "back by itself")

            processes = processes_of(made.url)
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            try:
                began = time.monotonic()
                told = made.stage(pair, "while-it-stalls")
                assert (told.status, told.json["code"]) == (503, "store.not_usable")
                assert time.monotonic() - began < BOUND
                assert pair.raw_http(GET).startswith(b"HTTP/1.1 200 OK"), "devices are served"
            finally:
                for process in processes:
                    os.kill(process, signal.SIGCONT)
            told = eventual(lambda: made.stage(pair, "while-it-stalls") if is_back(pair, made) else Told(0, {}, ""))
            assert told.status == 201, told.text
            assert made.releases() == 2, "whether the stalled one came through or not"


def is_back(pair: RunningPair, made: Installation) -> bool:
    """Whether the database answers again."""
    return send(pair, made.token, "GET", STAGE).status == 200


def processes_of(url: str) -> list[int]:
    """The processes of a server: the first one, and its children."""
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    first = int((Path(row[0]) / "postmaster.pid").read_text().splitlines()[0])
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True)
    return [first, *map(int, found.stdout.split())]
