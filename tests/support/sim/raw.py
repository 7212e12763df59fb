"""A peer that answers bytes, whatever they are, and keeps what it got. It gives tokens as well."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

TOKEN = b'{"access_token": "canary-of-a-token", "expires_in": "3599", "token_type": "Bearer"}'


def http(status: str, body: bytes = b"", *fields: str) -> bytes:
    """A whole answer. A Content-Length among the fields replaces the true one."""
    named = {each.partition(":")[0].lower() for each in fields}
    length = [] if "content-length" in named else [f"Content-Length: {len(body)}"]
    lines = [f"HTTP/1.1 {status}", *fields, *length, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class RawPeer:
    """Serves on 127.0.0.1 until it is closed.

    Attributes:
        answer: Makes the answer to a request, head and body.
        token: The answer to a call for a token.
        seconds_between: The pause after each octet of an answer.
        got: Each request, whole.
    """

    answer: Callable[[bytes], bytes] = lambda request: http("200 OK", b"{}")
    token: bytes = http("200 OK", TOKEN)
    seconds_between: float = 0.0
    got: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self) -> list[bytes]:
        """The first lines of what was asked, without the calls for tokens."""
        lines = [each.partition(b"\r\n")[0].removesuffix(b" HTTP/1.1") for each in self.got]
        return [each for each in lines if b"/oauth/token" not in each]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._threads:
            each.join()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(10)
            try:
                request = self._read(peer)
                self.got.append(request)
                self._write(
                    peer, self.token if b"/oauth/token" in request.partition(b"\r\n")[0] else self.answer(request)
                )
            except OSError:
                return

    def _read(self, peer: socket.socket) -> bytes:
        content = b""
        while b"\r\n\r\n" not in content:
            content += peer.recv(65536) or b"\r\n\r\n"
        head, _, body = content.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", 0)):
            body += peer.recv(65536)
        return head + b"\r\n\r\n" + body

    def _write(self, peer: socket.socket, answer: bytes) -> None:
        if not self.seconds_between:
            peer.sendall(answer)
            return
        for octet in answer:
            if self._ended.is_set():
                return
            peer.sendall(bytes([octet]))
            time.sleep(self.seconds_between)
