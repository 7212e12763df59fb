"""Whose visit it was, over real sockets: what says so, what does not, and what a token proves."""

import base64
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Sighting, SightingKind
from tests.support.chains import SITE_KEY
from tests.support.installation import make_installation
from tests.support.running import NOTICE, PATIENCE, RunningPair, engage, eventually, ok, running_pair
from tests.support.stored_by_pairs import sightings, sqlite
from tests.support.world import serial_of

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.9"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A site that answers one address alone, and call-ins of the devices that it knows."""
    folder = make_installation(tmp_path_factory.mktemp("identification"))
    ok(engage(folder, "site", "change", "main", "--device-network", f"{INSIDE}/32"))
    ok(engage(folder, "device", "add", serial_of(40), "--site", "main"))
    with running_pair(folder, "--workers", "1") as running:
        yield running


def ask(pair: RunningPair, source: str, line: str, *fields: str, tls: bool = True, body: bytes = b"") -> int:
    """The status of one request from an address of this machine; by TLS without looking at the chain."""
    port = pair.https_port if tls else pair.http_port
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    head = [f"{line} HTTP/1.1", "Host: locks.example.org", "Connection: close", *fields]
    if body:
        head.append(f"Content-Length: {len(body)}")
    with closing(context.wrap_socket(plain) if tls else plain) as connection:
        connection.sendall("".join(f"{each}\r\n" for each in [*head, ""]).encode() + body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return int(received.split(b" ")[1])


def kept(pair: RunningPair, until: str) -> list[Sighting]:
    """All that is stored, once the visit of this device is: it came last, and one worker writes one file."""
    ask(pair, INSIDE, f"GET {NOTICE}?serialNumber={encode_serial(until)}", tls=False)
    found: list[Sighting] = []

    def is_there() -> bool:
        found[:] = sightings(sqlite(pair.folder))
        return any(each.serial == until for each in found)

    eventually(is_there, "stored")
    time.sleep(1.2)  # the other instance's file may be read in the next look
    return sightings(sqlite(pair.folder))


def der_path(pair: RunningPair) -> str:
    notice = pair.raw_http(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return f"/certificates/{notice.partition(b'/certificates/')[2].partition(b'.der')[0].decode()}.der"


def token(serial: str, key: str = "") -> str:
    """What a reader controller would send now, made by openssl."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S").encode() + b"\0\0"
    key = key or SITE_KEY.reveal().hex()
    command = ["openssl", "enc", "-aes-256-cbc", "-nopad", "-K", key, "-iv", "00" * 16]
    cipher = subprocess.run(command, input=now + bytes.fromhex(serial), capture_output=True, check=True).stdout
    return base64.b64encode(f"{serial}:{cipher.hex().upper()}:1".encode()).decode()


def shown(pair: RunningPair, serial: str) -> dict[str, Any]:
    (device,) = json.loads(ok(engage(pair.folder, "device", "show", serial, "--json")))
    assert isinstance(device, dict)
    return device


def test_nothing_from_outside_the_network_is_evidence(pair: RunningPair) -> None:
    claimed = f"?serialNumber={encode_serial(serial_of(1))}"
    assert ask(pair, OUTSIDE, f"GET {NOTICE}{claimed}") == 401
    assert ask(pair, OUTSIDE, f"GET {NOTICE}{claimed}", "X-Way: the app") == 401
    assert ask(pair, OUTSIDE, f"GET /healthz{claimed}") == 200
    assert ask(pair, OUTSIDE, f"GET {NOTICE}{claimed}", tls=False) == 401
    with suppress(ssl.SSLError), closing(_connected(pair, OUTSIDE)) as plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
    assert ask(pair, INSIDE, f"GET {NOTICE}{claimed}") == 200
    found = kept(pair, serial_of(2))
    assert {each.address for each in found} == {INSIDE}
    mine = [each for each in found if each.serial == serial_of(1)]
    assert [each.kind for each in mine] == [SightingKind.HANDSHAKE_FINISHED, SightingKind.NOTICE]
    counted = pair.metrics()['engage_handshakes_total{result="finished",tls_version="TLSv1.3"}']
    assert counted >= 4, "metrics know them all"


def test_only_good_answers_of_device_routes_say_whose_visit_it_was(pair: RunningPair) -> None:
    claimed = f"?serialNumber={encode_serial(serial_of(3))}"
    der, audit = der_path(pair), b'{"audits": [{"event": "1101"}]}'
    for tls in (True, False):
        assert ask(pair, INSIDE, f"GET /healthz{claimed}", tls=tls) == 200
        assert ask(pair, INSIDE, f"GET /readyz{claimed}", tls=tls) == 200
        assert ask(pair, INSIDE, f"GET /nothing{claimed}", tls=tls) == 404
        assert ask(pair, INSIDE, f"GET {der}{claimed}", tls=tls) == 200
        assert ask(pair, INSIDE, f"GET {der}{claimed}", "X-Way: the app", tls=tls) == 200
        assert ask(pair, INSIDE, f"HEAD {NOTICE}{claimed}", tls=tls) == 200
        assert ask(pair, INSIDE, f"HEAD {NOTICE}{claimed}", "X-Way: the app", tls=tls) == 200
        assert ask(pair, INSIDE, f"POST {NOTICE}{claimed}", tls=tls) == 404
        assert ask(pair, INSIDE, f"POST /swordfish/lock/audit{claimed}", tls=tls, body=audit) == 404
        assert ask(pair, INSIDE, f"GET /swordfish/lock/db/0{claimed}", tls=tls) == 404
    # the control: a device of the list, at the same call
    known = f"?serialNumber={encode_serial(serial_of(40))}"
    assert ask(pair, INSIDE, f"GET /swordfish/lock/db/0{known}") == 404, "known, and without a database yet"
    assert serial_of(40) not in {each.serial for each in kept(pair, serial_of(4))}
    assert ask(pair, INSIDE, f"POST /swordfish/lock/audit{known}", body=audit) == 201
    found = kept(pair, serial_of(5))
    assert serial_of(3) not in {each.serial for each in found}
    kinds = {each.kind for each in found if each.serial == serial_of(40)}
    assert kinds == {SightingKind.AUDIT, SightingKind.CALL_IN, SightingKind.HANDSHAKE_FINISHED}
    assert any(each.kind is SightingKind.CERTIFICATE for each in found), "downloads are seen, nobody's"


def test_a_token_by_tls_makes_the_highest_grade(pair: RunningPair) -> None:
    refused = engage(pair.folder, "site", "change", "main", "--evidence", "authenticated")
    assert refused.returncode == 1
    assert "[evidence.no_token_seen]" in refused.stderr
    plain, wrong, foreign, right, silent = (serial_of(n) for n in (10, 11, 12, 13, 14))
    tokens = {plain: token(plain), wrong: token(wrong, "02" * 32), foreign: token(plain), right: token(right)}
    for serial, sent in tokens.items():
        line = f"GET {NOTICE}?serialNumber={encode_serial(serial)}"
        assert ask(pair, INSIDE, line, f"Authorization: Device {sent}", tls=serial != plain) == 200
    tokens[silent] = token(silent)
    assert ask(pair, INSIDE, f"GET {NOTICE}", f"Authorization: Device {tokens[silent]}") == 200
    assert ask(pair, INSIDE, "GET /healthz", f"Authorization: Device {token(serial_of(15))}") == 200
    found = kept(pair, serial_of(16))
    proven = {each.serial for each in found if each.authenticated}
    assert proven == {right, silent}, "one that sends no serial number beside it is known by its token"
    grades = {
        serial: shown(pair, serial)["releases"]["1"]["grade"] for serial in (plain, wrong, foreign, right, silent)
    }
    assert grades == {
        plain: "notice",
        wrong: "handshake",
        foreign: "handshake",
        right: "authenticated",
        silent: "authenticated",
    }
    assert shown(pair, right)["authenticated_release"] == 1
    text = ok(engage(pair.folder, "device", "show", right))
    assert "assumed for locks" in text
    assert "usual address" in text
    ok(engage(pair.folder, "site", "change", "main", "--evidence", "authenticated"))
    assert json.loads(ok(engage(pair.folder, "site", "show", "main", "--json")))["evidence"] == "authenticated"
    assert ok(engage(pair.folder, "audit", "show")).count("authenticated")
    _assert_nowhere(pair, [*tokens.values()])


def test_a_device_is_forgotten(pair: RunningPair) -> None:
    ask(pair, INSIDE, f"GET {NOTICE}?serialNumber={encode_serial(serial_of(30))}")
    kept(pair, serial_of(31))
    assert shown(pair, serial_of(30))["address"] == INSIDE
    done = ok(engage(pair.folder, "device", "forget", serial_of(30), "--reason", "a trial"))
    assert "dropped the evidence" in done
    assert engage(pair.folder, "device", "show", serial_of(30)).returncode == 2
    again = engage(pair.folder, "device", "forget", serial_of(30), "--json")
    assert (again.returncode, "[device.not_found]" in again.stderr) == (2, True)
    assert "a trial" in ok(engage(pair.folder, "audit", "show"))


def _connected(pair: RunningPair, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", pair.https_port), timeout=PATIENCE, source_address=(source, 0))


def _assert_nowhere(pair: RunningPair, tokens: list[str]) -> None:
    """Neither in the log, nor in the database, nor in figures; in the spool until they are checked."""
    for path in (pair.folder / "data").glob("engage.db*"):
        content = path.read_bytes()
        assert not [each for each in tokens if each.encode() in content], path
    assert not [each for each in tokens if each in pair.log]
    for path in (pair.folder / "data" / "metrics").rglob("*.json"):
        assert not [each for each in tokens if each in path.read_text()]
