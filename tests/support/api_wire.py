"""Requests to a running operators' listener, as another system sends them."""

import http.client
import json
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.running import PATIENCE, RunningPair


@dataclass(frozen=True, slots=True)
class Told:
    """An answer.

    Attributes:
        status: Its status. 0: the connection ended without an answer.
        fields: Its header.
        text: Its body.
    """

    status: int
    fields: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)


def send(
    pair: RunningPair, token: str, method: str, path: str, body: Any = None, seconds: float = PATIENCE, **fields: str
) -> Told:
    """Send one request on a connection of its own. Underscores in the names of fields become hyphens."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    named |= {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        named.setdefault("Content-Type", "application/json")
    content = json.dumps(body) if body is not None and not isinstance(body, bytes) else body
    with closing(http.client.HTTPConnection("127.0.0.1", pair.operators_port, timeout=seconds)) as connection:
        try:
            connection.request(method, path, content, named)
            answer = connection.getresponse()
            return Told(answer.status, dict(answer.getheaders()), answer.read().decode())
        except (ConnectionError, http.client.HTTPException):
            return Told(0, {}, "")


def exchange(pair: RunningPair, sent: str, *later: str) -> list[str]:
    """What comes back for bytes, piece by piece: after the first ones, and after each of the later ones."""
    with closing(socket.create_connection(("127.0.0.1", pair.operators_port), timeout=PATIENCE)) as connection:
        heard = []
        for piece in (sent, *later):
            connection.sendall(piece.encode("latin-1"))
            heard.append(connection.recv(65536).decode("latin-1"))
        while more := connection.recv(65536):
            heard[-1] += more.decode("latin-1")
        return heard


def chain_in(folder: Path) -> dict[str, str]:
    """The body that stages the chain of a folder."""
    names = ("partner_server.pem", "partner_CA.pem", "partner_server.key")
    return {"pem": "".join((folder / name).read_text() for name in names)}
