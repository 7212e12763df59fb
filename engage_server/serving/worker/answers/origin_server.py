"""Answers a connection's bytes: with prepared bytes, by the app, or with a refusal (RFC 9110's origin server)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from engage_server.protocol.device_token import token_in
from engage_server.services.evidence.sightings import Sightings
from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.app_pool import NO_ROUTE, AppPool, Rendered
from engage_server.serving.worker.answers.prepared_answers import DeviceRequest, Prepared, PreparedAnswers
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.memory_budget import MemoryBudget
from engage_server.serving.worker.connections.request_reader import (
    BodyLimit,
    Request,
    RequestReader,
    RequestRefused,
    limit_of_devices,
)
from engage_server.serving.worker.connections.tls_connection import TlsConnection
from engage_server.web import call_in, device
from engage_server.web.secret_addresses import shown_path

# the routes whose good answers go to devices, and on which devices identify themselves
_OF_DEVICES = call_in.ENDPOINTS | {device.NOTICE_ENDPOINT}


@dataclass(slots=True)
class Outgoing:
    """An answer that is about to be sent, and what is recorded about it.

    Attributes:
        connection: Where it goes.
        content: All of its bytes.
        route: The endpoint of the app's URL map, or "none".
        method, path, serial, status: For log and metrics.
        size: How many bytes the content has. Known once it was handed over.
        began, answered: When the whole request had arrived, and when its answer was sent, by the monotonic clock.
    """

    connection: Connection
    content: bytes
    route: str
    method: str
    path: str
    serial: str | None
    status: int
    began: float
    answered: float = 0.0
    size: int = 0


class OriginServer:
    """Answers the requests of all connections of a worker.

    Args:
        prepared: The fast way. None for a listener without device routes.
        pool: The app.
        sightings: Where the fast way records what devices did.
        server: The listener's own address and port.
        budget: Counts the memory that each connection takes.
        closes_always: Whether every connection is closed after its answer. Also true of a worker that is to stop.
        body_limit: Returns the most bytes of a body that may be sent to a path.
        refusal: Returns the whole answer to bytes that are no request, by the status.
    """

    def __init__(
        self,
        prepared: PreparedAnswers | None,
        pool: AppPool,
        sightings: Sightings | None,
        server: tuple[str, int],
        budget: MemoryBudget[Connection],
        closes_always: bool,
        body_limit: BodyLimit = limit_of_devices,
        refusal: Callable[[int], bytes] = wire.refusal,
    ) -> None:
        self._prepared = prepared
        self._pool = pool
        self._sightings = sightings
        self._server = server
        self._budget = budget
        self._body_limit = body_limit
        self._refusal = refusal
        self._dates = wire.Dates()
        self.closes_always = closes_always

    def take(self, connection: Connection, content: bytes) -> Outgoing | None:
        """Process bytes from a connection.

        Returns:
            The answer. None: more bytes must come (``connection.reader`` is set), or the app works on it (it is not).

        Raises:
            OSError: The connection broke.
        """
        try:
            if connection.reader is None:
                quick = self._quick_answer(connection, content)
                if quick is not None:
                    return quick
                connection.reader = RequestReader(self._body_limit)
            request = connection.reader.feed(content)
            if request is not None:
                return self._ask_app(connection, request)
            self._budget.settle(connection, connection.reader.held_bytes, time.monotonic())
            if connection.reader.wants_continue:
                connection.reader.wants_continue = False
                connection.send(wire.CONTINUE)
        except RequestRefused as refused:
            return self._refuse(connection, refused.status)
        return None

    def rendered(self, rendered: Rendered) -> Outgoing:
        """Turn the app's answer into one that can be sent."""
        request, connection, answer = rendered.request, rendered.connection, rendered.answer
        connection.request = None
        self._decide_end(connection, request.keeps_alive)
        content = wire.answer(answer.status_line, self._dates.field(), answer.rest, keeps_alive=not connection.closes)
        serial = answer.logged_serial
        connection.serial = answer.serial
        if answer.route in _OF_DEVICES and answer.status < 400 and request.method != "HEAD":
            # a call-in counts for the device that it was answered as: the site knows that device
            believed = answer.serial if answer.route in call_in.ENDPOINTS else serial
            self._identify(connection, believed, token_in(dict(request.headers).get("authorization", "")))
        path = shown_path(answer.route, request.path)
        return Outgoing(connection, content, answer.route, request.method, path, serial, answer.status, rendered.began)

    def _quick_answer(self, connection: Connection, content: bytes) -> Outgoing | None:
        if self._prepared is None:
            return None
        request = self._prepared.recognise(content)
        if request is None:
            return None
        prepared = self._prepared.answer(request, connection.address, connection.local)
        return None if prepared is None else self._give(connection, request, prepared)

    def _give(self, connection: Connection, request: DeviceRequest, prepared: Prepared) -> Outgoing:
        began = time.monotonic()
        self._decide_end(connection, request.keeps_alive)
        if self._sightings is not None and not request.is_head and not connection.is_balancers:
            marked = request.is_marked or connection.is_marked
            self._identify(connection, prepared.serial, "")
            self._sightings.answered(
                prepared.kind,
                prepared.served,
                connection.address,
                prepared.serial,
                marked=marked,
                host=prepared.host,
            )
        content = wire.answer(prepared.status, self._dates.field(), prepared.rest, keeps_alive=not connection.closes)
        method = "HEAD" if request.is_head else "GET"
        return Outgoing(connection, content, request.route, method, request.path, prepared.serial, 200, began)

    def _identify(self, connection: Connection, serial: str | None, token: str) -> None:
        """Record whose handshake a TLS connection had, as its requests say: by serial number, by token, once each.

        Called only for good answers of device routes. A request that was refused, or for anything else, proves nothing.
        """
        if not isinstance(connection, TlsConnection) or self._sightings is None or connection.context is None:
            return
        if connection.is_balancers:
            return
        is_news = (serial is not None and not connection.identified) or (bool(token) and not connection.has_token)
        if not is_news:
            return
        connection.identified = connection.identified or serial is not None
        connection.has_token = connection.has_token or bool(token)
        self._sightings.handshake_finished(
            connection.address,
            connection.context.site,
            connection.context.release,
            connection.tls_version,
            resumed=connection.resumed,
            serial=serial,
            token=token,
            marked=connection.is_marked,
        )

    def _decide_end(self, connection: Connection, keeps_alive: bool) -> None:
        connection.closes = self.closes_always or not keeps_alive
        # a client that asked for the end sends nothing more (RFC 9112 section 9.6), so nothing can cross our close
        connection.lingers = keeps_alive or bool(connection.inbox)

    def _ask_app(self, connection: Connection, request: Request) -> Outgoing | None:
        held = 0
        if connection.reader is not None:
            connection.inbox = connection.reader.rest()
            held = connection.reader.held_bytes + len(connection.inbox)
        connection.give_up_reading()
        if not self._pool.submit(connection, request, self._server):
            return self._refuse(connection, 503)
        connection.request = request
        self._budget.settle(connection, held, time.monotonic())
        return None

    def _refuse(self, connection: Connection, status: int) -> Outgoing:
        connection.closes = True
        connection.inbox = b""
        connection.give_up_reading()
        return Outgoing(connection, self._refusal(status), NO_ROUTE, "", "", None, status, time.monotonic())
