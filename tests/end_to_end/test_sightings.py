"""What devices do is noted, once, whatever dies or is away meanwhile; and it never costs a device its answer."""

import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from engage_server.records import SightingKind
from tests.support.installation import make_installation
from tests.support.lengths import examples
from tests.support.postgresql import PostgresServer
from tests.support.running import NOTICE, RunningPair, eventually, running_pair
from tests.support.stored_by_pairs import sightings, sqlite

QUERY = "?serialNumber=AAAAAAAAAACgsQAAAAACBg=="
SERIAL = "0000000000000000A0B1000000000206"


class Burst:
    """Devices that each ask for a notice with a serial number of their own, as fast as two threads can.

    Attributes:
        answered: Serial numbers of those that got their whole answer.
        broken: How many connections broke on the way.
        refused: Answers that were something else than 200.
    """

    def __init__(self, pair: RunningPair) -> None:
        self._pair = pair
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self.answered: list[str] = []
        self.broken = 0
        self.refused: list[bytes] = []

    @contextmanager
    def running(self) -> Iterator["Burst"]:
        threads = [threading.Thread(target=self._run) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more have been answered."""
        wanted = len(self.answered) + more
        eventually(lambda: len(self.answered) >= wanted, "answered", 60)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                self._number += 1
                serial = f"{self._number:032X}"
            try:
                fields = "Host: x\r\nConnection: close"
                answer = self._pair.raw_http(
                    f"GET {NOTICE}?serialNumber={serial} HTTP/1.1\r\n{fields}\r\n\r\n".encode()
                )
            except OSError:
                answer = b""
            with self._lock:
                if answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b'"}'):
                    self.answered.append(serial)
                elif answer:
                    self.refused.append(answer)
                else:
                    self.broken += 1
            time.sleep(0.002)


def counted(url: str) -> Counter[str]:
    return Counter(str(each.serial) for each in sightings(url))


def test_each_kind_is_seen_with_its_release(installation: Path) -> None:
    root = installation / "certs" / "main" / "partner_CA.pem"
    with running_pair(installation, "--workers", "2") as pair:
        close = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
        notice = pair.raw_http(f"GET {NOTICE}{QUERY} HTTP/1.1\r\n{close}".encode())
        path = notice.partition(b"/certificates/")[2].partition(b'"')[0].decode()
        pair.raw_http(f"GET /certificates/{path} HTTP/1.1\r\n{close}".encode())
        pair.raw_https(f"GET {NOTICE} HTTP/1.1\r\nX-Way: the app\r\n{close}".encode(), root)
        stranger = ssl.create_default_context()
        with pytest.raises(ssl.SSLError), closing(socket.create_connection(("127.0.0.1", pair.https_port))) as plain:
            stranger.wrap_socket(plain, server_hostname="127.0.0.1")
        pair.raw_http(f"HEAD {NOTICE} HTTP/1.1\r\n{close}".encode())
        pair.raw_http(f"HEAD {NOTICE} HTTP/1.1\r\nX-Way: the app\r\n{close}".encode())
        pair.raw_http(f"GET /healthz HTTP/1.1\r\n{close}".encode())
        socket.create_connection(("127.0.0.1", pair.https_port)).close()
        eventually(lambda: len(sightings(sqlite(installation))) >= 5, "stored")
        time.sleep(1.5)
        found = sightings(sqlite(installation))
        told = {(s.kind, s.listener, s.serial, s.site, s.release, s.tls_version, s.failure) for s in found}
    assert len(found) == 5, "a HEAD, a health check and a connection without a word are none"
    assert told == {
        (SightingKind.NOTICE, "http", SERIAL, "main", 1, "", ""),
        (SightingKind.CERTIFICATE, "http", None, "main", 1, "", ""),
        (SightingKind.HANDSHAKE_FINISHED, "https", None, "main", 1, "TLSv1.3", ""),
        (SightingKind.NOTICE, "https", None, "main", 1, "", ""),
        (SightingKind.HANDSHAKE_FAILED, "https", None, "main", 1, "", "alert unknown_ca"),
    }
    assert {s.address for s in found} == {"127.0.0.1"}


@pytest.mark.long("tests/end_to_end/test_following.py, without the burst")
def test_a_database_that_is_away_for_a_whole_burst(tmp_path: Path, postgresql: PostgresServer) -> None:
    """No failed answer, no lost sighting, none counted twice."""
    url = postgresql.new_database()
    installation = make_installation(tmp_path, ENGAGE_DATABASE_URL=url)
    with running_pair(installation, "--workers", "2", ENGAGE_DATABASE_URL=url) as pair:
        postgresql.stop()
        try:
            with Burst(pair).running() as burst:
                eventually(lambda: len(burst.answered) > 1000, "a burst", 60)
            assert (burst.broken, burst.refused) == (0, [])
            assert pair.metrics()["engage_spool_bytes"] > 0
            eventually(lambda: pair.metrics()["engage_store_up"] == 0, "seen from outside")
        finally:
            postgresql.resume()
        eventually(lambda: len(counted(url)) >= len(burst.answered), "all are stored", 60)
        assert counted(url) == Counter(burst.answered)
        eventually(lambda: pair.metrics()["engage_store_up"] == 1, "seen from outside")
        assert "sightings are stored again" in pair.log


def handshakes(folder: Path, kind: SightingKind) -> int:
    return sum(each.kind is kind for each in sightings(sqlite(folder)))


def test_whoever_got_an_answer_by_tls_has_its_handshake_noted_whoever_is_killed_then(installation: Path) -> None:
    """Its line waits for the answer, and goes out before it."""
    with running_pair(installation, "--workers", "1") as pair:
        for count in range(1, examples(all=3, quick=3, campaign=5)):
            (worker,) = pair.workers()[1:]
            content, _ = pair.raw_https(
                f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(), root(pair)
            )
            os.kill(worker, signal.SIGKILL)
            assert content.startswith(b"HTTP/1.1 200")
            eventually(lambda dead=worker: len(pair.workers()) == 2 and dead not in pair.workers(), "replaced")  # type: ignore[misc]  # mypy knows no default in a lambda
            finished = partial(handshakes, installation, SightingKind.HANDSHAKE_FINISHED)
            eventually(lambda finished=finished, count=count: finished() == count, "it is stored", 20)  # type: ignore[misc]  # the same


@pytest.mark.campaign("each kind is seen with its release, beside")
def test_handshakes_on_which_nothing_is_asked_are_noted_soon(installation: Path) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        trusting = ssl.create_default_context(cafile=str(root(pair)))
        for context in (trusting, ssl.create_default_context()):
            with (
                socket.create_connection(("127.0.0.1", pair.https_port), timeout=60) as plain,
                suppress(ssl.SSLCertVerificationError),
                context.wrap_socket(plain, server_hostname="127.0.0.1"),
            ):
                eventually(lambda: handshakes(installation, SightingKind.HANDSHAKE_FINISHED) == 1, "one is finished")
        eventually(lambda: handshakes(installation, SightingKind.HANDSHAKE_FAILED) == 1, "one is refused")


def root(pair: RunningPair) -> Path:
    return pair.folder / "certs" / "main" / "partner_CA.pem"


def test_killing_any_process_loses_no_accepted_sighting(installation: Path) -> None:
    """A worker, the operators' worker in the middle of a transfer, then everything at once."""
    url, rounds = sqlite(installation), examples(all=2, quick=2, campaign=4)
    with running_pair(installation, "--workers", "2") as pair:
        with Burst(pair).running() as burst:
            for _ in range(rounds):
                burst.wait_for(150)
                victims = [pair.workers()[0], *pair.transfer()]
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                eventually(lambda dead=victims: not set(dead) & {*pair.workers(), *pair.transfer()}, "replaced")  # type: ignore[misc]  # the same
        assert burst.refused == []
        assert burst.broken <= rounds * 2, "only what the killed workers held"
        for pid in [pair.process.pid, *pair.children(), *pair.workers(), *pair.transfer()]:
            os.kill(pid, signal.SIGKILL)
    answered = Counter(burst.answered)
    with running_pair(installation, "--workers", "1"):
        eventually(lambda: not answered - counted(url), "everything that was answered is stored", 60)
        found = counted(url)
    assert max(found.values()) == 1, "and nothing twice"
    assert len(found) <= len(burst.answered) + burst.broken


@pytest.mark.long("test_disk_full.py, and tests/unit/services/evidence/test_spool.py")
def test_a_full_disk_costs_no_answer_and_is_told(tmp_path: Path) -> None:
    """The data folder on a file system of half a MiB, filled up."""
    installation = make_installation(tmp_path)
    with _small_disk(installation / "data" / "spool"), running_pair(installation, "--workers", "1") as pair:
        spool = installation / "data" / "spool"
        with Burst(pair).running() as burst:
            eventually(lambda: len(burst.answered) > 100, "going")
            with (spool / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
                while True:
                    ballast.write(b"x" * 4096)
            burst.wait_for(300)
            name = 'engage_sightings_lost_total{listener="http"}'
            eventually(lambda: pair.metrics()[name] > 0, "counted")
            eventually(lambda: "sightings are lost" in pair.log, "told")
            (spool / "ballast").unlink()
            eventually(lambda: "sightings are recorded again" in pair.log, "told, too")
        assert (burst.broken, burst.refused) == (0, [])
        lost = int(pair.metrics()[name])
        eventually(lambda: len(counted(sqlite(installation))) >= len(burst.answered) - lost, "the rest is stored")
        eventually(
            lambda: len(counted(sqlite(installation))) + pair.metrics()[name] == len(burst.answered), "to the last one"
        )


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    if os.getuid() != 0:
        pytest.skip("only root mounts a file system")
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
