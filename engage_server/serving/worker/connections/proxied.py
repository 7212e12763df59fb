"""Connections that a load balancer passes on: whose they are is known only when their PROXY header has arrived."""

from collections.abc import Callable
from socket import inet_ntoa

from engage_server.protocol.proxy_protocol import (
    FIRST_BYTES,
    USUAL,
    USUAL_BYTES,
    PassedOn,
    ProxyHeaderRefused,
    assert_begun,
    length_of_rest,
    passed_on,
)
from engage_server.records import IPNetwork
from engage_server.services.distribution.networks import is_in_networks
from engage_server.serving.worker.connections.connection import AT_ONCE, RECEIVE_BYTES, Socket

_MOST_KNOWN = 4096  # addresses of which it is remembered whether they are a balancer's


class WaitingForHeader:
    """A connection whose PROXY header has not arrived, or only a part of it.

    Args:
        client: The connection.
        address: The balancer's address.
        due_at: Until when the header must be there, by the monotonic clock.
        received: What was read of it already.
        reads_on: Whether what follows the header may be read with it: one call of the system instead of three. Not with
            TLS, which reads from the connection itself.

    Attributes:
        socket, address, due_at: As above.
    """

    __slots__ = ("_length", "_reads_on", "_received", "address", "due_at", "socket")

    def __init__(self, client: Socket, address: str, due_at: float, received: bytes = b"", *, reads_on: bool) -> None:
        self.socket = client
        self.address = address
        self.due_at = due_at
        self._reads_on = reads_on
        self._received = received
        self._length = 0  # of the whole header. 0: not known yet

    def read(self) -> bool:
        """Read what has arrived. Return whether the header is whole.

        Raises:
            ProxyHeaderRefused: It is no header.
            OSError: The connection broke, or ended before the header did.
        """
        while missing := self._missing():
            try:
                received = self.socket.recv(RECEIVE_BYTES if self._reads_on else missing, AT_ONCE)
            except BlockingIOError:
                return False
            if not received:
                raise ConnectionResetError
            self._received += received
        return True

    def _missing(self) -> int:
        """How many bytes are missing: of the whole header, or of its beginning, which says how long it is."""
        if not self._length:
            assert_begun(self._received[:FIRST_BYTES])
            if len(self._received) < FIRST_BYTES:
                return FIRST_BYTES - len(self._received)
            self._length = FIRST_BYTES + length_of_rest(self._received)
        return max(0, self._length - len(self._received))

    def passed_on(self) -> PassedOn | None:
        """Whose connection it is. None: the header names no client.

        Raises:
            ProxyHeaderRefused: The header cannot be used.
        """
        return passed_on(self._received[:FIRST_BYTES], self._received[FIRST_BYTES : self._length])

    def over(self) -> bytes:
        """What was read with the header and follows it."""
        return self._received[self._length :]


class ProxiedClients:
    """Reads PROXY headers in the worker's loop, and hands each connection on as its client's.

    A balancer sends the header with its first packet. So few connections wait for one, and for some milliseconds.

    Args:
        networks: The networks of balancers. Each connection from them must begin with a header.
        seconds: How long a header may take.
        most: How many connections may wait. Above that, the one that has waited longest is closed.
        watch, forget: Begin and end to call back when a descriptor can be read.
        welcome: Takes a connection, its client's address, the address that was called, whether a balancer speaks for
            itself, and what was read with the header. If the balancer does, the first address is its own, and the
            second is "": no header says it.
        refused: Called with a sentence for each connection that is closed for its header.
        reads_on: Whether what follows a header may be read with it: see :class:`WaitingForHeader`.
    """

    def __init__(
        self,
        networks: tuple[IPNetwork, ...],
        seconds: float,
        most: int,
        *,
        watch: Callable[[int, Callable[[], object]], None],
        forget: Callable[[int], None],
        welcome: Callable[[Socket, str, str, bool, bytes], None],
        refused: Callable[[str], None],
        reads_on: bool,
    ) -> None:
        self._networks = networks
        self._seconds = seconds
        self._most = most
        self._watch = watch
        self._forget = forget
        self._welcome = welcome
        self._refused = refused
        self._reads_on = reads_on
        self._waiting: dict[int, WaitingForHeader] = {}
        self._known: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def is_balancer(self, address: str) -> bool:
        """Whether connections from this address begin with a header."""
        found = self._known.get(address)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[address] = is_in_networks(address, self._networks)
        return found

    def accept(self, client: Socket, address: str, now: float) -> None:
        """Take a new connection. Usually its header is there by now, and then it never waits."""
        received = b""
        if self._reads_on:
            try:
                received = client.recv(RECEIVE_BYTES, AT_ONCE)
            except BlockingIOError:
                pass
            except OSError:
                client.close()
                return
            if received.startswith(USUAL) and len(received) >= USUAL_BYTES:  # nearly each one: half of the work
                origin, called = inet_ntoa(received[16:20]), inet_ntoa(received[20:24])
                self._welcome(client, origin, called, False, received[USUAL_BYTES:])
                return
        waiting = WaitingForHeader(client, address, now + self._seconds, received, reads_on=self._reads_on)
        if self._go_on(waiting):
            return
        self._waiting[client.fileno()] = waiting
        self._watch(client.fileno(), lambda: self._go_on(waiting))
        if len(self._waiting) > self._most:
            self.give_up_one()

    def tick(self, now: float) -> None:
        """Close what has waited for too long."""
        for waiting in list(self._waiting.values()):
            if waiting.due_at > now:
                return  # those behind it came later
            self._give_up(waiting)

    def give_up_one(self) -> bool:
        """Close the one that has waited longest, for lack of descriptors. False if none waits."""
        longest = next(iter(self._waiting.values()), None)
        if longest is not None:
            self._give_up(longest)
        return longest is not None

    def _give_up(self, waiting: WaitingForHeader) -> None:
        self._close(waiting)
        self._refused(f"a connection from {waiting.address} sent no whole PROXY header in time, and was closed")

    def _go_on(self, waiting: WaitingForHeader) -> bool:
        """Read what is there. Return whether that is the end of waiting, in one way or the other."""
        try:
            if not waiting.read():
                return False
            origin = waiting.passed_on()
        except ProxyHeaderRefused as refusal:
            self._close(waiting)
            self._refused(
                f"a connection from {waiting.address} was closed: {refusal}. That address is in proxy_protocol_from. "
                "Switch the PROXY protocol on there (HAProxy: send-proxy-v2), or take the address out"
            )
        except OSError:
            self._close(waiting)
        else:
            self._let_go(waiting)
            client, called = (waiting.address, "") if origin is None else (origin.client, origin.called)
            self._welcome(waiting.socket, client, called, origin is None, waiting.over())
        return True

    def _let_go(self, waiting: WaitingForHeader) -> None:
        if self._waiting.pop(waiting.socket.fileno(), None) is not None:
            self._forget(waiting.socket.fileno())

    def _close(self, waiting: WaitingForHeader) -> None:
        self._let_go(waiting)
        waiting.socket.close()
