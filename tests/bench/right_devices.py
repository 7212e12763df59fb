"""Right devices that call at a steady pace, from addresses of their own, while something else is done to the pair."""

import json
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.bench.report import percentile
from tests.support.running import NOTICE, RunningPair
from tests.support.threads_beside import ThreadsBeside

TOO_LATE_MILLISECONDS = 250.0
_PATIENCE = 10.0
_THREADS = 8


@dataclass
class Calls:
    """What right devices were given.

    Attributes:
        milliseconds: How long each call took that was answered, by kind: ``notice``, ``certificate``, ``tls``.
        failures: What went wrong, in words.
    """

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def all(self) -> list[float]:
        """Of all kinds."""
        return [each for kind in self.milliseconds.values() for each in kind]

    @property
    def failed(self) -> int:
        """How many calls failed."""
        return self.failures.total()

    def at(self, share: float) -> float:
        """The milliseconds that this share of the calls does not exceed."""
        return percentile(self.all, share)

    @property
    def are_well(self) -> bool:
        """Whether every device was answered, and 99 of 100 in time; nobody's calls are not well."""
        return not self.failed and bool(self.all) and self.at(0.99) < TOO_LATE_MILLISECONDS


class RightDevices(ThreadsBeside):
    """Threads of visits: notice, the certificate that it names, then a call by TLS with PUT Config and GET db.

    Args:
        pair: Who is called, on 127.0.0.1.
        serials: Devices that are known there and have a database.
        a_second: How many visits, three connections each.
        source: Where they call from.

    Attributes:
        calls: What came of it.
    """

    def __init__(self, pair: RunningPair, serials: list[str], a_second: float = 10, source: str = "127.0.9.1") -> None:
        self.calls = Calls()
        self._pair, self._serials, self._source = pair, serials, source
        self._between = _THREADS / a_second
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._context = ssl.create_default_context(cafile=str(pair.folder / "certs" / "main" / "partner_CA.pem"))
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(_THREADS)]

    def _run(self, number: int) -> None:
        due = time.monotonic() + number * self._between / _THREADS
        visit = number
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due += self._between
            self._visit(self._serials[visit % len(self._serials)])
            visit += _THREADS

    def _visit(self, serial: str) -> None:
        notice = self._timed("notice", lambda: self._plain(f"{NOTICE}?serialNumber={serial}"))
        if notice is not None:
            path = urlsplit(json.loads(notice)["cert_url"]).path
            self._timed("certificate", lambda: self._plain(path))
        self._timed("tls", lambda: self._call_in(serial))

    def _timed(self, kind: str, call: Any) -> bytes | None:
        begun = time.monotonic()
        try:
            answer: bytes = call()
        except (OSError, ValueError, AssertionError) as error:
            with self._lock:
                self.calls.failures[f"{kind}: {type(error).__name__}: {error}"[:120]] += 1
            return None
        with self._lock:
            self.calls.milliseconds.setdefault(kind, []).append((time.monotonic() - begun) * 1e3)
        return answer

    def _connect(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE, source_address=(self._source, 0))

    def _plain(self, path: str) -> bytes:
        with closing(self._connect(self._pair.http_port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return _body(connection)

    def _call_in(self, serial: str) -> bytes:
        config = json.dumps({"serialNumber": serial, "batteryVoltage": 5830}).encode()
        put = (
            f"PUT /swordfish/lock/Config HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(config)}\r\n\r\n".encode()
        )
        get = b"GET /swordfish/lock/db/0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with (
            closing(self._connect(self._pair.https_port)) as plain,
            self._context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(put + config)
            assert b" 200 " in connection.recv(65536)[:20], "PUT Config was not answered 200"
            connection.sendall(get)
            return _body(connection)


def _body(connection: socket.socket) -> bytes:
    """The body of what comes until the server closes, which must be one whole answer with 200."""
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK"), f"not 200: {head[:60]!r}"
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert int(length.partition(b":")[2]) == len(body), "not the whole body"
    return body
