"""A crowd of bad clients on this machine: they stall, trickle, never end, speak the wrong protocol, never close.

Bounded: as many connections as it is told, to one pair on 127.0.0.1, until it is stopped.
"""

import random
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from OpenSSL import SSL

from tests.support.running import NOTICE

_TICK = 1.0  # seconds between two pieces of those that trickle
_OPEN_AT_ONCE = 100


@dataclass(frozen=True)
class Habit:
    """How a bad client behaves.

    Attributes:
        name: For reports.
        secure: Whether it goes to the TLS port.
        first: What it sends at once.
        then: What it sends with every tick.
    """

    name: str
    secure: bool
    first: bytes = b""
    then: Callable[[int], bytes] = field(default=lambda _tick: b"")


def client_hello() -> bytes:
    """The first flight of a right TLS client."""
    outgoing = ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = client_hello()
_REQUEST = f"GET {NOTICE} HTTP/1.1\r\nHost: localhost\r\n"

HABITS = (
    Habit("silent", secure=False),
    Habit("half a request line", secure=False, first=b"GET /swordf"),
    Habit("a byte a second", secure=False, then=lambda tick: _REQUEST.encode()[tick % 60 : tick % 60 + 1]),
    Habit("endless headers", secure=False, first=_REQUEST.encode(), then=lambda tick: b"X-Next: %d\r\n" % tick),
    Habit(
        "endless body",
        secure=False,
        first=b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        then=lambda _tick: b"5\r\nabcde\r\n",
    ),
    Habit("never closes", secure=False, first=f"{_REQUEST}Connection: close\r\n\r\n".encode()),
    Habit("keeps alive, says no more", secure=False, first=f"{_REQUEST}\r\n".encode()),
    Habit("TLS to the plain port", secure=False, first=HELLO),
    Habit("silent, TLS", secure=True),
    Habit("half a ClientHello", secure=True, first=HELLO[:100]),
    Habit("a ClientHello and no more", secure=True, first=HELLO),
    Habit("a byte a second, TLS", secure=True, then=lambda tick: HELLO[tick % len(HELLO) : tick % len(HELLO) + 1]),
    Habit("plain to the TLS port", secure=True, first=f"{_REQUEST}\r\n".encode()),
)


class Crowd:
    """Keeps bad connections open: whenever one is closed, another takes its place.

    Args:
        http_port, https_port: Of the pair on 127.0.0.1.
        count: How many connections.
        addresses: How many addresses (127.0.0.1, 127.0.0.2, ...) they come from.

    Attributes:
        opened: How many were opened so far, by habit.
    """

    def __init__(self, http_port: int, https_port: int, count: int, addresses: int = 1) -> None:
        self._ports = {False: http_port, True: https_port}
        self._count = count
        self._addresses = addresses
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, tuple[Habit, int]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crowd")
        self._random = random.Random(1)  # noqa: S311  # not for secrets
        self.opened: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        next_tick, tick = time.monotonic() + _TICK, 0
        while not self._stopped.is_set():
            for _ in range(min(_OPEN_AT_ONCE, self._count - len(self._open))):
                self._open_one()
            for key, _events in self._selector.select(0.05):
                self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
            if time.monotonic() >= next_tick:
                tick += 1
                next_tick += _TICK
                self._trickle(tick)
        for connection in list(self._open):
            self._close(connection)

    def _open_one(self) -> None:
        habit = HABITS[sum(self.opened.values()) % len(HABITS)]
        self.opened[habit.name] += 1
        connection = socket.socket()
        connection.setblocking(False)
        try:
            connection.bind((f"127.0.0.{self._random.randrange(self._addresses) + 1}", 0))
            connection.connect_ex(("127.0.0.1", self._ports[habit.secure]))
        except OSError:
            connection.close()
            return
        self._open[connection] = habit, 0
        self._selector.register(connection, selectors.EVENT_READ | (selectors.EVENT_WRITE if habit.first else 0))

    def _read(self, connection: socket.socket) -> None:
        habit, sent = self._open[connection]
        if not sent and habit.first:
            self._selector.modify(connection, selectors.EVENT_READ)
            self._open[connection] = habit, 1
            self._send(connection, habit.first)
            return
        try:
            if not connection.recv(65536) and habit.name != "never closes":
                self._close(connection)
            elif habit.name == "never closes":
                time.sleep(0)
                if self._random.random() < 0.01:  # not for secrets
                    self._close(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def _trickle(self, tick: int) -> None:
        for connection, (habit, _) in list(self._open.items()):
            piece = habit.then(tick)
            if piece:
                self._send(connection, piece)

    def _send(self, connection: socket.socket, piece: bytes) -> None:
        try:
            connection.send(piece, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        if self._open.pop(connection, None) is not None:
            self._selector.unregister(connection)
            connection.close()


def renegotiate(port: int) -> str:
    """Ask for another handshake on a TLS 1.2 connection: what the server makes of it."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        plain.setblocking(True)
        connection = SSL.Connection(context, plain)
        connection.set_connect_state()
        connection.do_handshake()
        connection.renegotiate()
        try:
            connection.do_handshake()
        except SSL.Error as error:
            return f"refused: {error}"
        return "renegotiated" if connection.total_renegotiations() else "ignored"


def ask(port: int, context: ssl.SSLContext | None) -> float:
    """A right device: a new connection, one request, the whole answer. The seconds that it took.

    Raises:
        OSError: It got no answer.
        AssertionError: It got a wrong one.
    """
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        connection = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        with connection:
            connection.sendall(f"{_REQUEST}Connection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    assert answer.endswith(b'"}'), answer
    return time.monotonic() - begun
