"""The parts that a worker needs for its listener, built in its own process."""

import logging
import socket
import time
from collections.abc import Callable

from engage_server.records import folded
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.serving.allocator import FreeMemory
from engage_server.serving.worker.answers.app_pool import AppPool
from engage_server.serving.worker.answers.origin_server import OriginServer, Outgoing
from engage_server.serving.worker.connections.accepting import hold_back_the_silent
from engage_server.serving.worker.connections.connection import Connection, Socket
from engage_server.serving.worker.connections.proxied import ProxiedClients
from engage_server.serving.worker.connections.room import Room
from engage_server.serving.worker.connections.tls_connection import TlsConnection
from engage_server.serving.worker.connections.tls_context import ContextSource
from engage_server.serving.worker.defects import Defects
from engage_server.serving.worker.log_lines import AccessLog, ErrorLogHandler
from engage_server.serving.worker.metrics import ListenerMetrics
from engage_server.serving.worker.own_descriptors import OwnDescriptors
from engage_server.settings import Settings
from engage_server.web import health

_LOOK_SECONDS = 1.0
_NOTES_AT_ONCE = 256
_SHARE_OF_HEADERS, _FEWEST_HEADERS = 8, 64  # connections that wait for a header, of all: each waits for milliseconds


class Equipment:
    """The parts that the worker's loop uses.

    Args:
        settings: The settings.
        origin_server: Answers requests.
        pool: The app's threads.
        tls: None for a plain listener.
        sightings, spool: None for a listener that no devices call.
        metrics: The worker's metrics.
        access_log: The lines of requests.
        room: Decides which connection is closed.
        log: For what operators should know.
        distribution: Says whether a local address can choose a site. None for a listener that no devices call.
        witness: Records how handshakes end. None: the usual one.

    Attributes:
        stop_following: Called at the end.
        publish_due: Called with the monotonic time before anybody is served: serves a change whose moment has come.
        defects: Where the loop reports unexpected exceptions.
    """

    def __init__(
        self,
        settings: Settings,
        origin_server: OriginServer,
        pool: AppPool,
        tls: ContextSource | None,
        sightings: Sightings | None,
        spool: SpoolWriter | None,
        metrics: ListenerMetrics,
        access_log: AccessLog,
        room: Room,
        log: logging.Logger,
        distribution: Distribution | None,
        witness: "HandshakeWitness | None" = None,
    ) -> None:
        self._settings = settings
        self._distribution = distribution
        self.stop_following: Callable[[], None] = lambda: None
        self.publish_due: Callable[[float], None] = lambda now: None
        self.origin_server = origin_server
        self.pool = pool
        self.tls = tls
        self.metrics = metrics
        self.access_log = access_log
        self.handshakes = witness or HandshakeWitness(metrics, sightings)
        self.room = room
        self.deadlines = room.deadlines
        self.sightings = sightings
        self._spool = spool
        self._log = log
        self.defects = Defects(log, metrics.defect)
        self._told = ""
        self._noted: list[Outgoing] = []
        self._look_at = 0.0
        self._free_memory = FreeMemory()
        self._proxied: ProxiedClients | None = None

    def local_address(self, client: Socket, called: str = "") -> str:
        """Return the address that a client called, if any address chooses a site; else "".

        Args:
            client: The connection.
            called: What a balancer says that the client called. "" if none says so: then it is this host's address.
        """
        if self._distribution is None or not self._distribution.snapshot.by_local_address:
            return ""
        if called:
            return called
        try:
            return folded(str(client.getsockname()[0]))
        except OSError:  # the client is gone again
            return ""

    def proxied_clients(
        self, listener: socket.socket, own: OwnDescriptors, welcome: Callable[[Socket, str, str, bool, bytes], None]
    ) -> ProxiedClients | None:
        """Return the reader of PROXY headers. None if no balancer sends any to this listener."""
        if self.sightings is None or not self._settings.proxy_protocol_from:
            return None
        hold_back_the_silent(listener)
        self._proxied = ProxiedClients(
            self._settings.proxy_protocol_from,
            self._settings.handshake_seconds,
            max(_FEWEST_HEADERS, self.room.limit // _SHARE_OF_HEADERS),
            watch=own.add,
            forget=own.remove,
            welcome=welcome,
            refused=self._refuses_header,
            reads_on=self.tls is None,
        )
        return self._proxied

    def _refuses_header(self, sentence: str) -> None:
        self.metrics.accepted()
        self.metrics.ended("proxy header")
        self.defects.expected(sentence)

    def flush_sightings(self) -> None:
        """Write what devices did into the spool."""
        if self.sightings is not None:
            self.sightings.flush()

    def note(self, outgoing: Outgoing) -> None:
        """Record an answered request. It is written later together with others, which costs less for each."""
        outgoing.answered = time.monotonic()
        outgoing.size, outgoing.content = len(outgoing.content), b""  # hundreds wait to be written
        self._noted.append(outgoing)
        if len(self._noted) >= _NOTES_AT_ONCE:
            self._write_down()

    def _write_down(self) -> None:
        now = time.time() - time.monotonic()
        for outgoing in self._noted:
            seconds = outgoing.answered - outgoing.began
            self.metrics.request(outgoing.route, outgoing.status, seconds)
            if not _is_passed_check(outgoing):
                self.access_log.request(outgoing, seconds, now + outgoing.answered)
        self._noted.clear()
        self.access_log.flush()

    def tick(self, now: float) -> None:
        """Do the periodic work. Called several times a second; most of the work is done once a second."""
        self._write_down()
        if self._proxied is not None:
            self._proxied.tick(now)
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._look()

    def _look(self) -> None:
        lost = self._spool.lost if self._spool else 0
        self.metrics.holds(self.room.budget.held_bytes)
        age = self._distribution.seconds_since_look if self._distribution is not None else None
        self.metrics.look(self.deadlines, self.pool.pending, lost, self.access_log.lost + ErrorLogHandler.lost, age)
        self._free_memory.look(self.room.kept_bytes())
        trouble = self._spool.trouble if self._spool else ""
        if trouble != self._told:
            if trouble:
                self._log.error("sightings are lost (%s so far), devices are served: %s", lost, trouble)
            else:
                self._log.info("sightings are recorded again, after %s were lost", lost)
            self._told = trouble

    def close(self) -> None:
        """Clean up after the loop has ended. The sign-off comes last: it says what is left in the spool."""
        self.pool.close()
        self.flush_sightings()
        self._write_down()
        self.stop_following()


def _is_passed_check(outgoing: Outgoing) -> bool:
    """Whether a balancer checked us, and we are well. It does so each second: lines about doors would drown."""
    return outgoing.connection.is_balancers and outgoing.status == 200 and outgoing.route in health.ENDPOINTS


class HandshakeWitness:
    """Records how handshakes end.

    A balancer that checks each second would leave a sighting each second, and look like a door. So its own handshakes
    count in the metrics alone. If a request on one gives a serial number, that is recorded as for any device.

    Args:
        metrics: The worker's metrics.
        sightings: Where sightings go.
    """

    def __init__(self, metrics: ListenerMetrics, sightings: Sightings | None) -> None:
        self._metrics = metrics
        self._sightings = sightings

    def finished(self, connection: TlsConnection) -> None:
        """Record a finished handshake."""
        version, context = connection.tls_version, connection.context
        self._metrics.handshake_finished(version, time.monotonic() - connection.accepted_at)
        if self._sightings is not None and not connection.is_balancers:
            site, release = (context.site, context.release) if context else (None, None)
            self._sightings.handshake_finished(
                connection.address, site, release, version, resumed=connection.resumed, marked=connection.is_marked
            )

    def failed(self, connection: Connection, reason: str) -> None:
        """Record a failed handshake. A connection on which the client never sent anything was no handshake.

        Without a ClientHello it counts in the metrics, but it is no sighting: a port scan is not a device's call. A
        virtual lock could not mark it either.
        """
        if not isinstance(connection, TlsConnection) or not connection.said_something:
            return
        version, context = connection.tls_version, connection.context
        self._metrics.handshake_failed(version, reason)
        if self._sightings is not None and connection.said_hello and not connection.is_balancers:
            site, release = (context.site, context.release) if context else (None, None)
            self._sightings.handshake_failed(
                connection.address, site, release, version, reason, marked=connection.is_marked
            )
