"""The worker: one event loop on gunicorn's worker base class. The arbiter, signals and reload remain gunicorn's.

The loop never waits for a client, and never calls anything that may wait: not the database, not the app. A client is in
a :class:`~.connections.deadlines.Phase` that ends in time, whatever it sends or does not send.
"""

import errno
import gc
import os
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gunicorn.workers.base import Worker

from engage_server.serving.worker.answers.origin_server import Outgoing
from engage_server.serving.worker.connections.accepting import Accepting
from engage_server.serving.worker.connections.client_hello import PROXY_HEADERS, SENTENCES
from engage_server.serving.worker.connections.connection import Connection, Socket
from engage_server.serving.worker.connections.deadlines import Phase
from engage_server.serving.worker.connections.room import LIMIT, MEMORY, in_turns
from engage_server.serving.worker.connections.tls_connection import TlsConnection, TlsFailure
from engage_server.serving.worker.own_descriptors import OwnDescriptors

if TYPE_CHECKING:
    from engage_server.serving.worker.equipment import Equipment

_TICK_SECONDS = 0.25
_EVENTS_AT_ONCE = 1024  # as many as handshakes may be in progress, so that the next one is chosen among all of them
_HANDSHAKES_A_TURN = 8  # one takes a millisecond or more, and all others wait meanwhile
_HANDSHAKE_SECONDS_A_TURN = 0.008  # a costly one takes four milliseconds
_ACCEPTS_A_TURN = 512  # accepting is cheap: a client behind a crowd waits only for the turns that accept the crowd
# By default, a body of half a million lists would be scanned a hundred times while it is read, and the loop would stop.
COLLECTIONS = (50_000, 20, 50)
SWITCH_SECONDS = 0.0005  # how long the loop waits for a thread that computes: a tenth of Python's default
_FULL_TURNS = 3  # turns in a row with a client to accept: more than that is a crowd
_KERNEL_BUFFER_BYTES = 128 * 1024  # of each connection's unsent answer; the kernel doubles it for its own needs
_ACCEPTS_BEFORE_THE_NEXT_WORKER = 32  # in a row, while its caches are warm
_IDLE_GRACE_SECONDS = 2.0  # when the worker is to stop: for a request that is on its way on an idle connection
_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT
# Python looks up a member of an enumeration in its class each time: ten times as slow as a name of this module.
_HANDSHAKE, _HEADER, _BODY, _ANSWERING, _SENDING, _IDLE, _LINGERING = Phase


class DeviceWorker(Worker):  # type: ignore[misc]  # gunicorn has no type hints
    """Serves one listener, with or without TLS."""

    alive: bool

    def init_process(self) -> None:
        """Run the loop in the new process until a signal ends it."""
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._outgoing: list[Outgoing] = []
        self._is_shared = self.cfg.workers > 1
        self._accepted, self._full_turns = 0, 0
        self._handshakes_left, self._handshakes_until, self._now = 0, 0.0, 0.0
        self._stopping_since: float | None = None
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app before the worker counts as booted. If it raises, the instance ends with the reason."""
        self._equipment: Equipment = self.app.equip(self)

    def run(self) -> None:
        """Run the loop."""
        self._room = self._equipment.room
        self._deadlines, self._budget = self._room.deadlines, self._room.budget
        self._server = self._equipment.origin_server
        self._sightings = self._equipment.sightings
        self._defects = self._equipment.defects
        self._listener: socket.socket = self.sockets[0].sock
        self._listener.setblocking(False)
        self._accepting = Accepting(self._listener)
        # Connections inherit it: we then count what a client does not read, and the kernel keeps no megabytes of it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)
        self._own = OwnDescriptors(self._epoll, self._defects)
        self._own.add(self.PIPE[0], lambda: os.read(self.PIPE[0], 4096))  # the signal's handler has run already
        self._own.add(self._equipment.pool.wakeup, self._take_from_pool)
        self._proxied = self._equipment.proxied_clients(self._listener, self._own, self._welcome)
        # exclusive: a connection wakes one worker, not all
        self._own.add(self._listener.fileno(), self._accept, _READ | (select.EPOLLEXCLUSIVE if self._is_shared else 0))
        self._next_tick = 0.0
        sys.unraisablehook = self._defects.unraisable
        gc.freeze()  # what exists now stays: no collection needs to scan it again
        gc.set_threshold(*COLLECTIONS)
        sys.setswitchinterval(SWITCH_SECONDS)
        while self.alive or self._is_finishing():
            try:
                self._turn()
            except Exception as error:
                self._defects.turn_failed(error)
            else:
                self._defects.turn_succeeded()
        self._equipment.close()

    def _turn(self) -> None:
        """Handle everything that has happened since the last turn: connections first, then others are accepted.

        A new one may get the descriptor number of one that ended in this turn, whose events do not concern it.
        """
        happened = self._epoll.poll(_TICK_SECONDS, _EVENTS_AT_ONCE)
        self._now = now = time.monotonic()
        self._equipment.publish_due(now)
        connections = self._connections
        ours: list[int] = []
        handshakes: list[Connection] = []
        for fileno, events in happened:
            connection = connections.get(fileno)
            if connection is not None:
                if connection.phase is _HANDSHAKE:
                    handshakes.append(connection)
                else:
                    self._serve(connection, events)
            elif fileno in self._own:
                ours.append(fileno)
            # else it was closed for another one in this very turn
        if handshakes or ours:
            self._serve_newcomers(handshakes, ours)
        if self._outgoing:
            self._flush_sightings()
        while self._outgoing:
            self._send_answers()
        while self._budget.is_over() and self._makes_room():
            pass
        if now >= self._next_tick:
            self._next_tick = now + _TICK_SECONDS
            self._tick(now)

    def _serve_newcomers(self, handshakes: list[Connection], ours: list[int]) -> None:
        """Advance handshakes, then serve new clients, within this turn's time for both."""
        self._handshakes_left = _HANDSHAKES_A_TURN
        self._handshakes_until = time.monotonic() + _HANDSHAKE_SECONDS_A_TURN
        for connection in in_turns(handshakes, _HANDSHAKES_A_TURN):
            self._serve_newcomer(connection)
        for fileno in ours:
            self._own.call(fileno)

    def _flush_sightings(self) -> None:
        """Write what devices did before the answers are sent, so that no answer lacks its record if we are killed."""
        if self._sightings is None or not self._sightings.lines:
            return
        try:
            self._sightings.flush()
        except Exception:
            self._defects.happened("sightings could not be handed over")

    def _take_from_pool(self) -> None:
        for rendered in self._equipment.pool.finished():
            try:
                self._outgoing.append(self._server.rendered(rendered))
            except Exception:
                self._defects.happened("an answer of the app could not be taken")
                self._drop(rendered.connection, "defect")

    # --- connections begin and end

    def _accept(self) -> None:
        """Accept some connections. If more wait, the next turn comes at once, and the other clients get theirs first.

        Without a crowd, only one is accepted: asking for another costs about as much as accepting one.
        """
        self._full_turns += 1
        for _ in range(_ACCEPTS_A_TURN if self._full_turns > _FULL_TURNS else 1):
            try:
                client, address = self._accepting.next()
            except (BlockingIOError, ConnectionAbortedError):
                self._full_turns = 0
                return
            except OSError as error:
                self._no_room(error)
                return
            if self._proxied is not None and self._proxied.is_balancer(address):
                self._proxied.accept(client, address, self._now)
            else:
                self._welcome(client, address)
            self._accepted += 1
            if self._is_shared and self._accepted % _ACCEPTS_BEFORE_THE_NEXT_WORKER == 0:
                self._own.go_behind(self._listener.fileno())
                return

    def _welcome(
        self, client: Socket, address: str, called: str = "", is_balancers: bool = False, content: bytes = b""
    ) -> None:
        """Admit a client. Usually its first bytes are here by now, or were read: serving it at once saves a turn."""
        try:
            connection = self._admit(client, address, called)
            connection.is_balancers = is_balancers
        except Exception:
            self._defects.happened("a connection could not be admitted")
            self._forget(client)
        else:
            self._serve_newcomer(connection, content)

    def _serve_newcomer(self, connection: Connection, content: bytes = b"") -> None:
        """Advance the handshake of one connection, if this turn still has time for that."""
        if connection.phase is _HANDSHAKE:
            is_first = self._handshakes_left == _HANDSHAKES_A_TURN
            if self._handshakes_left <= 0 or not (is_first or time.monotonic() < self._handshakes_until):
                return  # epoll reports it again
            self._handshakes_left -= 1
        self._serve(connection, _READ, content)

    def _admit(self, client: Socket, address: str, called: str) -> Connection:
        now, contexts, local = self._now, self._equipment.tls, self._equipment.local_address(client, called)
        if contexts is None:
            connection: Connection = Connection(client, address, now)
            connection.local = local
        else:
            connection = TlsConnection(client, address, now, contexts.current(local), local, contexts.by_name)
        self._epoll.register(connection.fileno, _READ)
        self._connections[connection.fileno] = connection
        self._equipment.metrics.accepted()
        for one_too_many, why in self._room.enter(connection, now):
            self._drop(one_too_many, why)
        return connection

    def _makes_room(self) -> bool:
        """Close the connection that takes most memory. False if none can be closed: threads work with all of it."""
        if (largest := self._budget.who_gives_way(self._now)) is not None:
            self._drop(largest, MEMORY)
        return largest is not None

    def _no_room(self, error: OSError) -> None:
        """Close the longest-waiting connection, for lack of descriptors. One without its PROXY header goes first."""
        is_full = error.errno in (errno.EMFILE, errno.ENFILE)
        if is_full and self._proxied is not None and self._proxied.give_up_one():
            return
        if is_full and (oldest := self._deadlines.longest_waiting()) is not None:
            self._drop(oldest, LIMIT)
            return
        self._defects.expected(f"connections cannot be accepted for now: {error.strerror}")
        self._own.pause(self._listener.fileno())

    def _forget(self, client: Socket) -> None:
        half_admitted = self._connections.get(client.fileno())
        if half_admitted is not None:
            self._drop(half_admitted, "defect")
        client.close()

    def _drop(self, connection: Connection, why: str) -> None:
        """End a connection now, in any phase. Raises nothing."""
        if self._connections.get(connection.fileno) is not connection:
            return
        del self._connections[connection.fileno]
        try:
            self._end(connection, why)
        except Exception:
            self._defects.happened("a connection could not be ended as it should")
            connection.socket.close()

    def _end(self, connection: Connection, why: str) -> None:
        self._room.leave(connection, self._now)
        connection.close()  # this removes it from epoll, too
        self._equipment.metrics.ended(why)
        if connection.phase is _HANDSHAKE:
            self._equipment.handshakes.failed(connection, why)

    # --- what clients send

    def _serve(self, connection: Connection, events: int, content: bytes = b"") -> None:
        try:
            if connection.phase is _LINGERING:
                if not connection.discard():
                    self._drop(connection, "done")
            elif connection.phase is _SENDING:
                if events & ~_READ and connection.flush():
                    self._sent(connection)
            else:
                self._read(connection, content or connection.receive())
        except TlsFailure as failure:
            if connection.phase is not _HANDSHAKE and not connection.requests:
                # only our side has finished: in TLS 1.3 a client may check the chain this late
                self._equipment.handshakes.failed(connection, failure.reason)
            if failure.reason in SENTENCES:
                self._defects.expected(SENTENCES[failure.reason])
            self._drop(connection, failure.reason)
        except OSError:
            self._drop(connection, "reset")
        except Exception:  # a defect must cost this one connection, not all
            self._defects.happened("a connection could not be served")
            self._drop(connection, "defect")

    def _read(self, connection: Connection, content: bytes | None) -> None:
        if content is None:
            self._drop(connection, "closed")
            return
        if connection.phase is _HANDSHAKE and isinstance(connection, TlsConnection):
            if not connection.handshaken:
                return
            self._equipment.handshakes.finished(connection)
            self._room.handshake_ended(connection, self._now)
        if content:
            self._take(connection, content)

    def _take(self, connection: Connection, content: bytes) -> None:
        outgoing = self._server.take(connection, content)
        if outgoing is not None:
            if outgoing.status == 400 and content.startswith(PROXY_HEADERS):
                self._defects.expected(SENTENCES["hello proxy"])
            self._outgoing.append(outgoing)
        elif connection.reader is None:
            self._hand_over(connection)
        elif connection.reader.in_body:
            if connection.phase is not _BODY:
                self._deadlines.enter(connection, _BODY, self._now)
        elif connection.phase is _IDLE:
            self._deadlines.enter(connection, _HEADER, self._now)

    def _hand_over(self, connection: Connection) -> None:
        """Let the app work on it. Meanwhile nothing is read, and the client does not wake the loop."""
        self._deadlines.enter(connection, _ANSWERING, self._now)
        self._epoll.unregister(connection.fileno)

    # --- what they get

    def _send_answers(self) -> None:
        answers, self._outgoing = self._outgoing, []
        for outgoing in answers:
            self._send(outgoing)
        if self._outgoing:  # requests that arrived right after
            self._flush_sightings()

    def _send(self, outgoing: Outgoing) -> None:
        connection = outgoing.connection
        if self._connections.get(connection.fileno) is not connection:
            return
        try:
            if connection.phase is _ANSWERING:
                self._epoll.register(connection.fileno, _READ)
                self._deadlines.enter(connection, _SENDING, self._now)
            send = connection.send_last if connection.closes else connection.send
            is_gone = send(outgoing.content)
            self._equipment.note(outgoing)
            if is_gone:
                self._sent(connection)
            else:
                self._deadlines.enter(connection, _SENDING, self._now)
                self._epoll.modify(connection.fileno, _WRITE)
                self._budget.settle(connection, outgoing.size + len(connection.inbox), self._now)
        except OSError:
            self._drop(connection, "reset")
        except Exception:
            self._defects.happened("an answer could not be sent")
            self._drop(connection, "defect")

    def _sent(self, connection: Connection) -> None:
        now = self._now
        was_waiting = connection.phase is _SENDING
        if was_waiting:
            self._epoll.modify(connection.fileno, _READ)
        connection.requests += 1
        if connection.held_bytes:
            self._budget.settle(connection, len(connection.inbox), now)
        if connection.closes:
            if not connection.lingers:
                self._drop(connection, "done")
                return
            connection.stop_sending()
            self._deadlines.enter(connection, _LINGERING, now)
            return
        self._deadlines.enter(connection, _IDLE, now)
        if connection.inbox:  # a request that arrived right after (RFC 9112 section 9.3.2)
            content, connection.inbox = connection.inbox, b""
            self._take(connection, content)

    # --- time

    def _tick(self, now: float) -> None:
        self._flush_sightings()
        self.notify()
        self.alive = self.alive and self.ppid == os.getppid()
        for connection in self._deadlines.overdue(now):
            self._let_go(connection)
        self._own.resume()
        self._equipment.tick(now)

    def _let_go(self, connection: Connection) -> None:
        phase = connection.phase
        if phase is _IDLE:
            with suppress(OSError):
                connection.send_last(b"")
        self._drop(connection, "done" if phase in (_IDLE, _LINGERING) else f"timeout {phase.name.lower()}")

    def _is_finishing(self) -> bool:
        """Whether a client is still being served after the signal to stop, within the time limit."""
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
            self._server.closes_always = True
            self._own.remove(self._listener.fileno())
        waited = now - self._stopping_since
        if waited > _IDLE_GRACE_SECONDS:
            for phase in (_IDLE, _LINGERING):
                for connection in list(self._deadlines.in_phase(phase)):
                    self._let_go(connection)
        return bool(self._connections) and waited < self.cfg.graceful_timeout
