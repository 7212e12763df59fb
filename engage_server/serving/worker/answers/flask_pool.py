"""Answers all but the devices' two fast routes: the Flask app in a few threads, so that it never blocks the loop."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from flask import Flask
from werkzeug.exceptions import HTTPException

from engage_server.protocol.serial_number import serial_from_query
from engage_server.services.distribution.lookup import Distribution
from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.call_in_lanes import WAITING_FOR_EACH_THREAD, CallInLanes, Lane
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request
from engage_server.web.caller import IDENTIFIED, LOCAL_ADDRESS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NO_ROUTE = "none"
CREDENTIAL = "/api/credentials"
KEPT = ("/swordfish/lock/audit", "/swordfish/lock/alert")
_CALL_INS = ("/swordfish/lock/", CREDENTIAL)
_CERTIFICATES = "/swordfish/lock/certificates/"


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer of the app.

    Attributes:
        connection, request: Where it goes, and what it answers.
        status: The number.
        status_line: The line.
        rest: The header fields, and the body unless the request was a HEAD.
        began: When the request was handed over, by the monotonic clock.
        route: The endpoint of the app's URL map, or :data:`NO_ROUTE`.
        serial: The serial number that the request gave outside its query. None if it gave none.
    """

    connection: Connection
    request: Request
    began: float
    route: str
    status: int
    status_line: bytes
    rest: bytes
    serial: str | None


class FlaskPool:
    """Runs the app in threads.

    Args:
        app: The app.
        threads: How many requests run at once.
        call_in_threads: How many call-ins run at once in addition. A partner's slow system must not delay a notice.
        distribution: Says which site a call-in is probably for, and how that site answers.
        secure: Whether the listener does TLS.
        failed: Called, from a thread, when the app raised.

    Attributes:
        wakeup: A descriptor that becomes readable when an answer is ready.
    """

    def __init__(
        self,
        app: Flask,
        threads: int,
        call_in_threads: int,
        distribution: Distribution,
        *,
        secure: bool,
        failed: Callable[[], None],
    ) -> None:
        self._app = app
        self._routes = app.url_map.bind("host")
        self._secure = secure
        self._failed = failed
        self._distribution = distribution
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="flask")
        self._limit = threads * (1 + WAITING_FOR_EACH_THREAD)
        self._others = 0  # requests other than call-ins
        self._call_ins = CallInLanes(call_in_threads, lambda: distribution.call_in_shares(call_in_threads))
        self._finished: deque[Rendered] = deque()
        self.wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def pending(self) -> int:
        """How many requests run or wait."""
        return self._others + self._call_ins.pending

    def submit(self, connection: Connection, request: Request, server: tuple[str, int]) -> bool:
        """Let the app answer. False if too many requests wait already."""
        began = time.monotonic()
        if _is_call_in(request):
            return self._call_ins.submit(
                self._lane(connection, request), lambda: self._run(connection, request, server, began)
            )
        if self._others >= self._limit:
            return False
        self._others += 1
        self._executor.submit(self._run, connection, request, server, began)
        return True

    def finished(self) -> Iterable[Rendered]:
        """Return the answers that are ready, each once."""
        os.eventfd_read(self.wakeup)
        while self._finished:
            rendered = self._finished.popleft()
            if not _is_call_in(rendered.request):
                self._others -= 1
            yield rendered

    def close(self) -> None:
        """Accept nothing more. Whatever runs ends with the process."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._call_ins.close()

    def _lane(self, connection: Connection, request: Request) -> Lane:
        serial = serial_from_query(request.query) if request.query else None
        fields = (value for name, value in request.headers if name == "host")
        host = request.authority if request.authority is not None else next(fields, "")
        site, waits = self._distribution.probable_call_in(host, serial or connection.serial, connection.local)
        path = unquote(request.path)
        is_kept = path.startswith(KEPT)  # on the disk, before any other system is asked
        return Lane(site, waits and not is_kept, path.startswith(CREDENTIAL))

    def _run(self, connection: Connection, request: Request, server: tuple[str, int], began: float) -> None:
        environ: WSGIEnvironment = {}
        request.is_running = True
        try:
            if request.is_given_up:  # its connection was closed while it waited
                answer = (503, *wire.failure())
            else:
                environ = self._environ(connection, request, server)
                answer = self._answer(request, environ)
        except Exception:  # a defect in the app or around it must cost this one answer, not the thread
            self._failed()
            answer = (500, *wire.failure())
        serial = environ.get(IDENTIFIED)
        self._finished.append(Rendered(connection, request, began, self._route(request), *answer, serial))
        os.eventfd_write(self.wakeup, 1)

    def _route(self, request: Request) -> str:
        try:
            return str(self._routes.match(unquote(request.path) or "/", request.method)[0])  # as the app reads it
        except HTTPException:
            return NO_ROUTE

    def _answer(self, request: Request, environ: "WSGIEnvironment") -> tuple[int, bytes, bytes]:
        began: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[..., Any]:
            began.append((status, headers))
            return body.append

        body: list[bytes] = []
        pieces = self._app(environ, start_response)
        try:
            body += pieces
        finally:
            getattr(pieces, "close", lambda: None)()
        status, headers = began[-1]
        content = b"".join(body)
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers = [*headers, ("Content-Length", str(len(content)))]
        rest = wire.fields(headers) + (b"" if request.method == "HEAD" else content)
        return int(status[:3]), wire.status_line(status), rest

    def _environ(self, connection: Connection, request: Request, server: tuple[str, int]) -> "WSGIEnvironment":
        """Build PEP 3333's environment."""
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self._secure else "http",
            "wsgi.input": BytesIO(request.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": _NoErrors(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
            "QUERY_STRING": request.query,
            "RAW_URI": request.target,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": connection.address,
            LOCAL_ADDRESS: connection.local,
            IDENTIFIED: connection.serial,
            "CONTENT_LENGTH": str(len(request.body)),
        }
        fields: dict[str, list[str]] = {}
        for name, value in request.headers:
            # "_" and "-" would become the same, and one header could pass for the other
            if "_" in name or name in ("content-length", "transfer-encoding"):
                continue
            key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
            fields.setdefault(key, []).append(value)
        environ |= {key: ",".join(values) for key, values in fields.items()}
        if request.authority is not None:  # RFC 9112 section 3.2.2: it replaces the Host field
            environ["HTTP_HOST"] = request.authority
        return environ


def _is_call_in(request: Request) -> bool:
    """Whether an answer may have to wait for a partner's system, judged by the path as the app will read it."""
    path = unquote(request.path)
    return path.startswith(_CALL_INS) and not path.startswith(_CERTIFICATES)


class _NoErrors:
    """``wsgi.errors`` for an app that logs elsewhere."""

    def write(self, _text: str) -> int:
        return 0

    def writelines(self, _lines: Iterable[str]) -> None:
        pass

    def flush(self) -> None:
        pass
