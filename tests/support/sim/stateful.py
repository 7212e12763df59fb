"""A small operator of SIMs on a real socket. It remembers what it is told, which Prism does not."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.support.sim.accounts import CLIENT_SECRET
from tests.support.sim.prism import CONTRACT, MAP

_TOKEN = "token-of-the-operator"


class StatefulOperator:
    """Answers in the shape of the tests' contract until it is closed.

    Attributes:
        things: What is changed of each SIM: ICCID -> fields of the contract. ``reachable`` is for its reachability.
        status: What it answers in place of 200, if it is not 200.
        fields: Header fields of such an answer.
        asked: The paths of all reads.
        profiles: IP Profiles by name.
    """

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        self.status = 200
        self.fields: Mapping[str, str] = {}
        self.asked: list[str] = []
        self.hanging = threading.Event()
        self.hanging.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hanging.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def set(self, iccid: str, **fields: Any) -> None:
        """Change a SIM."""
        self.things.setdefault(iccid, {}).update(fields)

    def answer(self, path: str) -> tuple[int, Any]:
        """Status and content of a read."""
        self.hanging.wait(60)
        self.asked.append(path)
        if self.status != 200:
            return self.status, {"message": "as the test wants it"}
        if path == "/ip-profiles":
            return 200, list(self.profiles.values())
        _, kind, name, *rest = path.split("/")
        if kind == "ip-profiles":
            return (200, self.profiles[name]) if name in self.profiles else (404, {})
        known = self.things.get(name)
        if known is None:
            return 404, {"message": "there is no such SIM"}
        if rest == ["reachability"]:
            reachable = known.get("reachable", True)
            return 200, {"reachable": reachable} | ({"connectivity": ["DATA"]} if reachable else {})
        return 200, {"iccid": name, "state": "ACTIVE", "group": "doors"} | {
            key: value for key, value in known.items() if key != "reachable"
        }


def sim_tables(folder: Path, url: str, iccid: str, *, every: float | None = 1, more: str = "") -> str:
    """Write the secret of an account. The tables of ``links.toml`` with it, and with one link."""
    secret = folder / "jpu.secret"
    secret.write_text(CLIENT_SECRET + "\n")
    secret.chmod(0o600)
    pace = "" if every is None else f"poll_every_minutes = {every}\n"
    return (
        f'[sim.jpu]\ncontract_file = "{CONTRACT}"\nmap_file = "{MAP}"\nbase_url = "{url}"\n'
        f'token_url = "{url}/oauth/token"\nclient_id = "doors"\nclient_secret_file = "jpu.secret"\n'
        f"timeout_seconds = 5\n{pace}{more}\n"
        f'[links.depot-sim]\nsite = "main"\npartner = "sim"\naccount = "jpu"\nthings = ["{iccid}"]\n'
    )


def _handler(operator: StatefulOperator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(200, {"access_token": _TOKEN, "expires_in": "3599", "token_type": "Bearer"})

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {_TOKEN}":
                self._send(401, {"message": "no token"})
            else:
                self._send(*operator.answer(self.path))

        def _send(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in ({} if status == 200 else operator.fields).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler
