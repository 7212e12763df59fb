"""Servers follow the store: nothing restarts, both instances change together, and the database may be away."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.protocol.notice import digest_of
from tests.support.following import GET, new_chain, notice, serves, stage
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer
from tests.support.running import NOTICE, RunningPair, engage, eventually, ok, running_pair

FOLLOWED = 2.0  # seconds: invariant 2


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RunningPair]]:
    """A pair of two workers each that serves release 1 before and after each test."""
    installation = make_installation(tmp_path_factory.mktemp("followed"))
    with running_pair(installation, "--workers", "2") as pair:
        yield installation, pair


def test_a_new_release_is_served_within_two_seconds_without_a_restart(followed: tuple[Path, RunningPair]) -> None:
    installation, pair = followed
    old = installation / "certs" / "main"
    eventually(lambda: len(pair.workers()) == 4, "two workers each")
    workers = pair.workers()
    assert serves(pair, old)
    before = notice(pair)
    new = new_chain(installation, "next")
    number = stage(installation, new)
    time.sleep(FOLLOWED)
    assert serves(pair, old), "staging serves nothing"
    ok(engage(installation, "release", "activate", number))
    time.sleep(FOLLOWED)
    for _ in range(8):
        assert serves(pair, new), "every worker, within two seconds"
        assert not serves(pair, old)
    assert pair.workers() == workers, "the same processes"
    path = before["cert_url"].partition(f":{pair.http_port}")[2]
    answer = pair.raw_http(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.endswith((old / "partner_CA.der").read_bytes()), "a device that holds the old notice is served"
    ok(engage(installation, "release", "activate", 1))
    eventually(lambda: serves(pair, old), "back to release 1", FOLLOWED * 2)


def test_an_open_connection_survives_an_activation(followed: tuple[Path, RunningPair]) -> None:
    installation, pair = followed
    with socket.create_connection(("127.0.0.1", pair.http_port), timeout=60) as connection:
        keep = GET.replace(b"Connection: close\r\n", b"")
        connection.sendall(keep)
        first = _one_answer(connection)
        new = new_chain(installation, "other")
        ok(engage(installation, "release", "activate", stage(installation, new)))
        eventually(lambda: serves(pair, new), "the new release")
        second = first

        def changes() -> bool:  # its worker may follow a moment later than the one that was asked just now
            nonlocal second
            connection.sendall(keep)
            second = _one_answer(connection)
            return second.partition(b"/certificates/")[2] != first.partition(b"/certificates/")[2]

        eventually(changes, "the new release on the open connection", FOLLOWED)
    ok(engage(installation, "release", "activate", 1))
    eventually(lambda: serves(pair, installation / "certs" / "main"), "back to release 1", FOLLOWED * 2)
    digests = [answer.partition(b"/certificates/")[2][:32] for answer in (first, second)]
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in (first, second))
    assert digests[1].decode() == digest_of((new / "partner_CA.der").read_bytes()) != digests[0].decode()


def _one_answer(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b'"}'):
        piece = connection.recv(4096)
        assert piece, received
        received += piece
    return received


def test_devices_are_served_while_postgresql_is_away(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Invariant 4; a worker that dies meanwhile is replaced by one that serves."""
    environment = {"ENGAGE_DATABASE_URL": postgresql.new_database()}
    installation = make_installation(tmp_path, **environment)
    first, old, new = installation / "certs" / "main", new_chain(installation, "old"), new_chain(installation, "next")
    before = stage(installation, old, **environment)
    number = stage(installation, new, **environment)
    with running_pair(installation, "--workers", "1", **environment) as pair:
        assert serves(pair, first)
        ok(engage(installation, "release", "activate", before, stdin=None, **environment))
        eventually(lambda: serves(pair, old), "followed")
        time.sleep(5)  # the instances' own processes keep up more slowly than their workers
        postgresql.stop()
        try:
            eventually(lambda: "cannot follow the store" in pair.log, "the log tells of it")
            for _ in range(3):
                assert serves(pair, old)
            victims = pair.workers()
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            eventually(lambda: len(set(pair.workers()) - set(victims)) == 2, "both workers are replaced")
            eventually(lambda: _serves_now(pair, old), "the new workers serve what was current last, not at the start")
        finally:
            postgresql.resume()
        ok(engage(installation, "release", "activate", number, stdin=None, **environment))
        eventually(lambda: serves(pair, new), "followed again")
        assert "following the store again" in pair.log


def _serves_now(pair: RunningPair, chain: Path) -> bool:
    try:
        return serves(pair, chain)
    except OSError:
        return False


def test_several_sites_by_host_and_by_server_name(followed: tuple[Path, RunningPair]) -> None:
    installation, pair = followed
    (installation / "north.key").write_bytes(bytes(range(50, 82)).hex().encode())
    ok(engage(installation, "site", "add", "north", "--host", "north.example.org", "--site-key-file", "north.key"))
    ok(engage(installation, "chain", "build", "certs/north", "--host", "north.example.org"))
    ok(engage(installation, "release", "stage", "certs/north", "--site", "north"))
    ok(engage(installation, "release", "activate", 1, "--site", "north"))
    serial, query = "0000000000000000A0B1000000000206", "?serialNumber=AAAAAAAAAACgsQAAAAACBg=="
    ok(engage(installation, "device", "add", serial, "--site", "north"))
    main, north = installation / "certs" / "main", installation / "certs" / "north"
    time.sleep(FOLLOWED)
    for host, asked, chain in (
        ("north.example.org", "", north),
        ("locks.example.org", query, main),
        ("192.0.2.7", query, north),
        ("192.0.2.7", "", main),
    ):
        request = f"GET {NOTICE}{asked} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        digest = digest_of((chain / "partner_CA.der").read_bytes()).encode()
        assert digest in pair.raw_http(request), (host, asked)
    for name, chain in (("north.example.org", north), ("locks.example.org", main), ("127.0.0.1", main)):
        answer, leaf = pair.raw_https(GET, chain / "partner_CA.pem", name)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert leaf in _der_of(chain)
    with pytest.raises(OSError, match="certificate verify failed"):
        pair.raw_https(GET, main / "partner_CA.pem", "north.example.org")


def _der_of(chain: Path) -> list[bytes]:
    from engage_server.pki.encodings import der, read_certificates

    return [der(c) for c in read_certificates((chain / "partner_server.pem").read_bytes(), source="x")]


def test_the_legacy_profile_takes_old_versions(legacy_pair: RunningPair) -> None:
    for version in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{legacy_pair.https_port}", "-brief", version),
                *("-verify_return_error", "-CAfile", legacy_pair.folder / "certs" / "main" / "partner_CA.pem"),
                *("-no-CApath", "-no-CAstore", "-cipher", "DEFAULT:@SECLEVEL=0"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (version, done.stderr)
