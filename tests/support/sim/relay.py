"""Stands between a client and Prism: keeps what was asked, says which answer is wanted, and remembers states.

Prism judges each request by the contract, but has no memory. Where a test needs one, the relay changes what Prism
answers: a state that was set with success is there in later answers.
"""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.partner import Got

_LEFT_OUT = {"connection", "keep-alive", "content-length", "date", "transfer-encoding"}
Answer = tuple[int, Mapping[str, str], bytes]


def first_page_only(got: Got) -> str:
    """What Prism is asked to prefer: a list has one page."""
    page = parse_qs(urlsplit(got.path).query).get("page", ["1"])[0]
    return "" if page == "1" else "example=none"


@dataclass
class Relay:
    """Serves on 127.0.0.1 until it is closed.

    Attributes:
        upstream: Prism's port.
        prefer: What Prism is asked to prefer, such as ``code=429``. "" for nothing. Tokens are never asked so.
        instead: Makes another answer of Prism's, or of nothing if Prism was not asked (``skip``).
        states: What was set: ICCID -> state. Later answers have it.
        got: What was asked.
    """

    upstream: int
    prefer: Callable[[Got], str] = first_page_only
    instead: Callable[[Got, Answer], Answer] = lambda got, answer: answer
    states: dict[str, str] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def paths(self, method: str) -> list[str]:
        """What was asked with a method, without the calls for tokens."""
        return [each.path for each in self.got if each.method == method and each.path != "/oauth/token"]

    def answer(self, got: Got) -> Answer:
        """Prism's answer, with what the test makes of it."""
        with self.lock:
            self.got.append(got)
        status, fields, body = self.instead(got, self._asked(got))
        if status == 200 and got.path.startswith("/things"):
            body = self._remembered(got, body)
        return status, fields, body

    def _asked(self, got: Got) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        fields = {name: value for name, value in got.headers.items() if name.lower() != "host"}
        prefer = self.prefer(got) if got.path != "/oauth/token" else ""
        if prefer:
            fields["Prefer"] = prefer
        try:
            connection.request(got.method, got.path, body=got.body or None, headers=fields)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _LEFT_OUT}
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _remembered(self, got: Got, body: bytes) -> bytes:
        iccid = urlsplit(got.path).path.removeprefix("/things").strip("/").partition("/")[0]
        if got.method == "PATCH" and "state" in got.json:
            with self.lock:
                self.states[iccid] = got.json["state"]
        if not body or got.path.count("/") > 2:
            return body
        content = json.loads(body)
        for each in content.get("things", [content]):
            self._with_state(each, iccid)
        return json.dumps(content).encode()

    def _with_state(self, thing: dict[str, Any], asked: str) -> None:
        if asked:
            thing["iccid"] = asked
        thing["state"] = self.states.get(thing.get("iccid", ""), thing.get("state"))


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, fields, content = relay.answer(Got(self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # the base class has these names

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    return Handler
