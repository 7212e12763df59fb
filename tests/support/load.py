"""Devices that come all the time, each on new connections, and a witness of what they were given.

A visit asks for the notice and its DER by plain HTTP, and then calls by TLS, as a device does. What it was given is
held against the moments at which releases were activated, so it shows not only that nothing failed, but that what was
given belongs together.
"""

import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from engage_server.protocol.notice import digest_of
from tests.support.running import NOTICE, PATIENCE, RunningPair
from tests.support.threads_beside import ThreadsBeside


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit was given, and when (monotonic seconds)."""

    began: float
    noticed: float
    shaken: float
    ended: float
    anchor: str
    leaf: str
    anchor_by_tls: str


@dataclass(slots=True)
class Moments:
    """What was current, in order: each with when its activation began, and when every worker had confirmed it."""

    anchors: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)

    def possible(self, first: float, last: float) -> set[int]:
        """The moments that an answer may be of that was given between two times."""
        return {
            number
            for number in range(len(self.began))
            if self.began[number] <= last and (number + 1 == len(self.began) or self.confirmed[number + 1] >= first)
        }


class Visitors(ThreadsBeside):
    """Threads of visits at a steady pace, whatever the answers take.

    Attributes:
        visits: What came of each, in no order.
        failures: What went wrong, in words.
        connections: How many were opened.
    """

    def __init__(self, pair: RunningPair, key: bytes, connections_per_second: float, threads: int = 6) -> None:
        self._pair = pair
        self._key = key
        self._between = 3 * threads / connections_per_second  # three connections a visit
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number / threads,)) for number in range(threads)]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE  # judged afterwards, against the moments
        self.visits: list[Visit] = []
        self.failures: Counter[str] = Counter()
        self.connections = 0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.seconds = time.monotonic() - self._begun

    def _run(self, phase: float) -> None:
        due = time.monotonic() + phase * self._between
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due += self._between
            try:
                visit = self._visit()
            except (OSError, ValueError, AssertionError) as error:
                with self._lock:
                    self.failures[f"{type(error).__name__}: {error}"] += 1
            else:
                self.visits.append(visit)

    def _visit(self) -> Visit:
        began = time.monotonic()
        anchor = self._anchor(self._plain(NOTICE))
        noticed = time.monotonic()
        with (
            closing(self._connect(self._pair.https_port)) as plain,
            self._context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            leaf = digest_of(connection.getpeercert(binary_form=True) or b"")
            shaken = time.monotonic()
            connection.sendall(_request(NOTICE))
            by_tls = _digest_in(_body(_read(connection)))
        return Visit(began, noticed, shaken, time.monotonic(), anchor, leaf, by_tls)

    def _anchor(self, notice: bytes) -> str:
        digest, wanted = _digest_in(notice), json.loads(notice)["hash"]
        der = self._plain(urlsplit(json.loads(notice)["cert_url"]).path)
        assert b64encode(hmac.digest(self._key, der, hashlib.sha1)).decode() == wanted, "the DER is not the notice's"
        assert digest_of(der) == digest, "the URL names other bytes"
        return digest

    def _plain(self, path: str) -> bytes:
        with closing(self._connect(self._pair.http_port)) as connection:
            connection.sendall(_request(path))
            return _body(_read(connection))

    def _connect(self, port: int) -> socket.socket:
        with self._lock:
            self.connections += 1
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def torn(visits: Sequence[Visit], moments: Moments) -> list[Visit]:
    """The visits to which something was given that does not belong together.

    Each answer must be of a moment that was possible then; and the chain that TLS presented must be of the moment of
    the notice before it, or of the one beside that: for no longer than a change takes to reach all workers.
    """
    return [visit for visit in visits if not _is_whole(visit, moments)]


def _is_whole(visit: Visit, moments: Moments) -> bool:
    noticed = _moments(moments.anchors, visit.anchor, moments.possible(visit.began, visit.noticed))
    shaken = _moments(moments.leaves, visit.leaf, moments.possible(visit.noticed, visit.shaken))
    by_tls = _moments(moments.anchors, visit.anchor_by_tls, moments.possible(visit.shaken, visit.ended))
    beside = any(abs(one - two) <= 1 for one in noticed for two in shaken)
    same_worker = any(one - two in (0, 1) for one in by_tls for two in shaken)
    return beside and same_worker


def _moments(given: Sequence[str], digest: str, possible: set[int]) -> set[int]:
    return {number for number in possible if given[number] == digest}


def _digest_in(notice: bytes) -> str:
    return str(urlsplit(json.loads(notice)["cert_url"]).path.rpartition("/")[2].removesuffix(".der"))


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def _read(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def _body(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head[:80]
    return body
