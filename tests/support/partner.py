"""A partner's own access-control system, on a real socket: well, slow, wrong or absent, as the test says."""

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

DATABASE: dict[str, Any] = {
    "db": {"usrRcrd": {"deleteAll": 1, "add": [{"usrID": 1}]}, "schedules": [{"days": ["Mo"]}], "holidays": []},
    "nxtDbVerTS": "0x00000000000000AB",
}


@dataclass
class Got:
    """One request that the system got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Partner:
    """What the system does, and what it got. ``mode`` may be changed at any moment.

    Modes: ``well``; ``slow`` (answers after ``pause``); ``trickle`` (a byte now and then); ``error`` (500);
    ``html`` (200, by somebody else); ``empty`` (no schedules); ``redirect``; ``chunked`` (well, but in chunks);
    ``lost`` (takes the upload, and hangs up); ``garbage`` (answers what is no HTTP); ``absent``; a number (answers that
    status). ``poison``: the status and header fields for what these serial numbers send, whatever the mode; 0 hangs up.
    ``slow_path``: slow is only what begins so. ``slow_takes``: what is slowly answered counts as taken, for a
    caller that waits so long. ``raw``: these octets are the answer, whatever the mode.
    """

    mode: str = "well"
    pause: float = 3.0
    got: list[Got] = field(default_factory=list)
    taken: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    poison: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    slow_path: str = ""
    slow_takes: bool = False
    raw: bytes = b""
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0
    tls_from: Path | None = None
    _server: ThreadingHTTPServer | None = None

    def start(self) -> "Partner":
        """Listen; again on the same port after :meth:`stop`."""
        partner = self

        class Handler(_Handler):
            system = partner

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        if self.tls_from is not None:
            context = SSLContext(PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls_from / "partner_server.pem", self.tls_from / "partner_server.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Be absent."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls_from else 'http'}://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        """What it was asked."""
        return [each.path for each in self.got]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are expected."""


class _Handler(BaseHTTPRequestHandler):
    system: Partner
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_POST = do_GET  # noqa: N815  # http.server's names

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mode = self.system.mode
        if mode == "absent":  # a connection that was kept from before
            self.close_connection = True
            return
        got = Got(self.command, self.path, dict(self.headers.items()), body)
        with self.system.lock:
            self.system.got.append(got)
        if self.system.raw:
            self.wfile.write(self.system.raw)
            return
        poison = self.system.poison and self.system.poison.get(json.loads(body or b"{}").get("serialNumber", ""))
        if poison:
            self._answer_poison(*poison)
            return
        if mode == "slow":
            if self.path.startswith(self.system.slow_path):
                time.sleep(self.system.pause)
            else:
                mode = "well"
        takes = mode in ("well", "chunked", "lost", "empty") or (mode == "slow" and self.system.slow_takes)
        if takes and self.path.startswith("/swordfish/lock/a"):
            with self.system.lock:
                self.system.taken[json.loads(body).get("serialNumber", "?")].append(json.loads(body))
        if mode in ("lost", "garbage"):
            self.close_connection = True
            if mode == "garbage":
                self.wfile.write(b"\x00\xff" * 500 + b"\r\n\r\n")
            return
        self._answer(mode)

    def _answer_poison(self, status: int, headers: dict[str, str]) -> None:
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def _answer(self, mode: str) -> None:
        if mode == "trickle":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
            return
        content = json.dumps(self._content(mode)).encode()
        if mode == "html":
            content = b"<html>It works!</html>"
        right = 201 if self.path.startswith("/swordfish/lock/a") and mode != "html" else 200
        status = {"error": 500, "redirect": 302}.get(mode) or (int(mode) if mode.isdigit() else right)
        self.send_response(status)
        if mode == "redirect":
            self.send_header("Location", self.system.url + "/elsewhere")
        if mode == "chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content))
            return
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _content(self, mode: str) -> Any:
        if "/db/" in self.path:
            return {**DATABASE, "db": {**DATABASE["db"], "schedules": []}} if mode == "empty" else DATABASE
        return {"ok": True}
