"""The Flask app of a listener, asked in the way of PEP 3333."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from flask import Flask
from werkzeug.exceptions import HTTPException

from engage_server.protocol.serial_number import serial_from_query
from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.app_pool import NO_ROUTE, AppAnswer
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request
from engage_server.web.caller import IDENTIFIED, IS_BALANCERS, LOCAL_ADDRESS
from engage_server.web.device import DER_ENDPOINT

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class FlaskApp:
    """Implements :class:`~.app_pool.App` with a Flask app.

    Args:
        app: The app.
        secure: Whether the listener does TLS.
        failed: Called, from a thread, when the app raised.
        failure: Returns the status line and the rest of the answer that the client then gets.
    """

    def __init__(
        self,
        app: Flask,
        *,
        secure: bool,
        failed: Callable[[], None],
        failure: Callable[[], tuple[bytes, bytes]] = wire.failure,
    ) -> None:
        self._app = app
        self._routes = app.url_map.bind("host")
        self._secure = secure
        self._failed = failed
        self._failure = failure

    def answer(self, connection: Connection, request: Request, server: tuple[str, int]) -> AppAnswer:
        """Answer one request. Raises nothing."""
        environ: WSGIEnvironment = {}
        try:
            environ = self._environ(connection, request, server)
            answer = self._answer(request, environ)
        except Exception:  # a defect in the app or around it must cost this one answer, not the thread
            self._failed()
            answer = (500, *self._failure())
        route, serial = self._route(request), environ.get(IDENTIFIED)
        # the query of a DER request says nothing: cert_url has none
        told = serial_from_query(request.query) if request.query and route != DER_ENDPOINT else None
        return AppAnswer(route, *answer, serial, told or serial)

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
            IS_BALANCERS: connection.is_balancers,
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


class _NoErrors:
    """``wsgi.errors`` for an app that logs elsewhere."""

    def write(self, _text: str) -> int:
        return 0

    def writelines(self, _lines: Iterable[str]) -> None:
        pass

    def flush(self) -> None:
        pass
