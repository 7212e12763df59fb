"""The worker: one event loop on gunicorn's worker base class. gunicorn's arbiter, signals and reload stay gunicorn's.

The loop never waits for a client, and never calls anything that may: not the database, not the app. A client is waited
for in a :class:`~engage_server.serving.deadlines.Phase` that ends in time, whatever it sends or does not send.
"""

import errno
import gc
import os
import select
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gunicorn.workers.base import Worker

from engage_server.serving.admission import Admission
from engage_server.serving.connection import Connection, TlsConnection, TlsFailure
from engage_server.serving.deadlines import Deadlines, Phase
from engage_server.serving.fair_turns import FairTurns
from engage_server.serving.origin_server import Outgoing

if TYPE_CHECKING:
    from engage_server.serving.equipment import Equipment

_TICK_SECONDS = 0.25
_EVENTS_AT_ONCE = 256
_ACCEPTS_BEFORE_THE_NEXT_WORKER = 32  # in a row, while its caches are warm
_IDLE_GRACE_SECONDS = 2.0  # for a request that is on its way on an idle connection when the worker is to stop
_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT


class DeviceWorker(Worker):  # type: ignore[misc]  # gunicorn has no type hints
    """Serves one listener, with or without TLS."""

    alive: bool

    def init_process(self) -> None:
        """Called in the new process: the loop runs until a signal ends it."""
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._outgoing: list[Outgoing] = []
        self._is_shared = self.cfg.workers > 1
        self._paused = False
        self._accepted = 0
        self._now = 0.0
        self._stopping_since: float | None = None
        super().init_process()

    def load_wsgi(self) -> None:
        """Gunicorn's hook before the worker counts as booted: who fails here ends the instance, with the reason."""
        self._equipment: Equipment = self.app.equip(self)

    def run(self) -> None:
        """The loop."""
        self._deadlines: Deadlines[Connection] = self._equipment.deadlines
        self._admission: Admission[Connection] = self._equipment.admission
        self._server = self._equipment.origin_server
        self._sightings = self._equipment.sightings
        self._turns: FairTurns[Connection] = FairTurns(time.monotonic)
        self._listener: socket.socket = self.sockets[0].sock
        self._listener.setblocking(False)
        self._happened = {
            self._listener.fileno(): self._accept,
            self._equipment.pool.wakeup: self._take_from_pool,
            self.PIPE[0]: self._after_signal,
        }
        self._epoll.register(self.PIPE[0], _READ)
        self._epoll.register(self._equipment.pool.wakeup, _READ)
        self._listen()
        self._next_tick = 0.0
        gc.freeze()  # what is here now stays: no collection needs to look at it again
        while self.alive or self._is_finishing():
            self._turn()
        self._equipment.close()

    def _turn(self) -> None:
        """Whatever has happened since the last turn."""
        happened = self._epoll.poll(0 if self._turns else _TICK_SECONDS, _EVENTS_AT_ONCE)
        self._now = now = time.monotonic()
        self._turns.begin(now)
        ours = []
        for fileno, events in happened:
            connection = self._connections.get(fileno)
            if connection is not None:
                self._serve_or_defer(connection, events)
            else:
                ours.append(fileno)
        self._serve_deferred()
        for fileno in ours:
            self._happened[fileno]()
        if self._sightings is not None and self._sightings.lines:
            # first what devices did, then their answers: who kills us in between finds no answer that was not noted
            self._sightings.flush()
        while self._outgoing:
            self._send_answers()
        if now >= self._next_tick:
            self._next_tick = now + _TICK_SECONDS
            self._tick(now)

    def _serve_or_defer(self, connection: Connection, events: int) -> None:
        if self._turns.is_light(connection.address):
            begun = time.monotonic()
            self._serve(connection, events)
            self._turns.count(connection.address, begun)
        else:
            self._epoll.unregister(connection.fileno)  # or it would be reported again in every turn
            self._turns.defer(connection, events)

    def _serve_deferred(self) -> None:
        for connection, events in self._turns.deferred():
            if self._connections.get(connection.fileno) is connection:  # it may have ended while it waited
                self._epoll.register(connection.fileno, _WRITE if connection.phase is Phase.SENDING else _READ)
                self._serve(connection, events)

    def _after_signal(self) -> None:
        os.read(self.PIPE[0], 4096)  # its handler has run already

    def _take_from_pool(self) -> None:
        self._outgoing += [self._server.rendered(each) for each in self._equipment.pool.finished()]

    # --- connections begin and end

    def _listen(self) -> None:
        # exclusive: a connection wakes one worker, not all
        exclusive = select.EPOLLEXCLUSIVE if self._is_shared else 0
        self._epoll.register(self._listener, _READ | exclusive)

    def _accept(self) -> None:
        """Take one connection, or some; if there are more, the next turn comes at once: other clients have theirs."""
        for _ in range(self._turns.accepts()):
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        """Take one connection. Whether there was one."""
        try:
            client, address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError as error:
            self._no_room(error)
            return False
        begun = time.monotonic()
        self._admit(client, address[0])
        self._turns.count(address[0], begun)
        self._accepted += 1
        if self._is_shared and self._accepted % _ACCEPTS_BEFORE_THE_NEXT_WORKER == 0:
            # the kernel wakes the one that has listened longest: now that is another worker
            self._epoll.unregister(self._listener)
            self._listen()
        return True

    def _admit(self, client: socket.socket, address: str) -> None:
        now = self._now
        contexts, local = self._equipment.tls, self._equipment.local_address(client)
        if contexts is None:
            connection: Connection = Connection(client, address, now)
            connection.local = local
        else:
            connection = TlsConnection(client, address, now, contexts.current(local), local)
        self._connections[connection.fileno] = connection
        self._epoll.register(connection.fileno, _READ)
        self._deadlines.enter(connection, connection.phase, now)
        self._admission.add(connection)
        self._equipment.metrics.accepted()
        one_too_many = self._admission.one_too_many_like(connection)
        if one_too_many is None and self._admission.is_full():
            one_too_many = self._deadlines.longest_waiting()
        if one_too_many is not None:
            self._drop(one_too_many, "limit")
        if self._turns.is_light(address):  # mostly its first bytes are here by now: that saves a turn
            self._serve(connection, _READ)

    def _no_room(self, error: OSError) -> None:
        """No descriptor, or no memory: whoever keeps us waiting longest makes room, and the next turn tries again."""
        oldest = self._deadlines.longest_waiting() if error.errno in (errno.EMFILE, errno.ENFILE) else None
        if oldest is not None:
            self._drop(oldest, "limit")
            return
        self.log.warning("can not accept a connection: %s", error.strerror)
        self._epoll.unregister(self._listener)
        self._paused = True  # until the next tick

    def _drop(self, connection: Connection, why: str) -> None:
        """End a connection now, whatever it waits for."""
        if self._connections.get(connection.fileno) is not connection:
            return
        if connection.phase is Phase.HANDSHAKE:
            self._equipment.handshakes.failed(connection, why)
        del self._connections[connection.fileno]
        self._deadlines.leave(connection)
        self._admission.remove(connection)
        connection.close()  # which takes it out of epoll, too
        self._equipment.metrics.ended(why)

    # --- what clients send

    def _serve(self, connection: Connection, events: int) -> None:
        try:
            if connection.phase is Phase.LINGERING:
                if not connection.discard():
                    self._drop(connection, "done")
            elif connection.phase is Phase.SENDING:
                if events & ~_READ and connection.flush():
                    self._sent(connection)
            else:
                self._read(connection)
        except TlsFailure as failure:
            if connection.phase is not Phase.HANDSHAKE and not connection.requests:
                # finished by our side alone: in TLS 1.3 a client may look at the chain that late
                self._equipment.handshakes.failed(connection, failure.reason)
            self._drop(connection, failure.reason)
        except OSError:
            self._drop(connection, "reset")
        except Exception:  # a defect must cost this one connection, not all
            self.log.exception("a connection of %s could not be served", connection.address)
            self._drop(connection, "defect")

    def _read(self, connection: Connection) -> None:
        content = connection.receive()
        if content is None:
            self._drop(connection, "closed")
            return
        if connection.phase is Phase.HANDSHAKE and isinstance(connection, TlsConnection):
            if not connection.handshaken:
                return
            self._equipment.handshakes.finished(connection)
            self._deadlines.enter(connection, Phase.HEADER, self._now)
        if content:
            self._take(connection, content)

    def _take(self, connection: Connection, content: bytes) -> None:
        outgoing = self._server.take(connection, content)
        if outgoing is not None:
            self._outgoing.append(outgoing)
        elif connection.reader is None:
            self._hand_over(connection)
        elif connection.reader.in_body:
            if connection.phase is not Phase.BODY:
                self._deadlines.enter(connection, Phase.BODY, self._now)
        elif connection.phase is Phase.IDLE:
            self._deadlines.enter(connection, Phase.HEADER, self._now)

    def _hand_over(self, connection: Connection) -> None:
        """The app is at it: meanwhile nothing is read, and what the client does meanwhile does not wake us."""
        self._deadlines.enter(connection, Phase.ANSWERING, self._now)
        self._epoll.unregister(connection.fileno)

    # --- what they get

    def _send_answers(self) -> None:
        answers, self._outgoing = self._outgoing, []
        for outgoing in answers:
            self._send(outgoing)
        if self._outgoing:  # requests that came right behind
            self._equipment.flush_sightings()

    def _send(self, outgoing: Outgoing) -> None:
        connection = outgoing.connection
        if self._connections.get(connection.fileno) is not connection:
            return
        try:
            if connection.phase is Phase.ANSWERING:
                self._epoll.register(connection.fileno, _READ)
                self._deadlines.enter(connection, Phase.SENDING, self._now)
            send = connection.send_last if connection.closes else connection.send
            is_gone = send(outgoing.content)
            self._equipment.note(outgoing)
            if is_gone:
                self._sent(connection)
            else:
                self._deadlines.enter(connection, Phase.SENDING, self._now)
                self._epoll.modify(connection.fileno, _WRITE)
        except OSError:
            self._drop(connection, "reset")

    def _sent(self, connection: Connection) -> None:
        now = self._now
        was_waiting = connection.phase is Phase.SENDING
        if was_waiting:
            self._epoll.modify(connection.fileno, _READ)
        connection.requests += 1
        if connection.closes:
            if not connection.lingers:
                self._drop(connection, "done")
                return
            connection.stop_sending()
            self._deadlines.enter(connection, Phase.LINGERING, now)
            return
        self._deadlines.enter(connection, Phase.IDLE, now)
        if connection.inbox:  # a request that came right behind (RFC 9112 section 9.3.2)
            content, connection.inbox = connection.inbox, b""
            self._take(connection, content)

    # --- time

    def _tick(self, now: float) -> None:
        self.notify()
        self.alive = self.alive and self.ppid == os.getppid()
        for connection in self._deadlines.overdue(now):
            self._let_go(connection)
        if self._paused and self._stopping_since is None:
            self._paused = False
            self._listen()
        self._equipment.tick(now)

    def _let_go(self, connection: Connection) -> None:
        phase = connection.phase
        if phase is Phase.IDLE:
            with suppress(OSError):
                connection.send_last(b"")
        self._drop(connection, "done" if phase in (Phase.IDLE, Phase.LINGERING) else f"timeout {phase.name.lower()}")

    def _is_finishing(self) -> bool:
        """After the signal to stop: whether somebody is still being served, within the limit."""
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
            self._server.closes_always = True
            if not self._paused:
                self._epoll.unregister(self._listener)
        waited = now - self._stopping_since
        if waited > _IDLE_GRACE_SECONDS:
            for phase in (Phase.IDLE, Phase.LINGERING):
                for connection in list(self._deadlines.in_phase(phase)):
                    self._let_go(connection)
        return bool(self._connections) and waited < self.cfg.graceful_timeout
