"""Hosts that answer a virtual lock as they are told: right, or wrong in exactly one way."""

import queue
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.pki import encodings, keys
from engage_server.protocol.site_key import anchor_hash
from engage_server.records import Secret

_METHODS = {"GET", "PUT", "POST"}
Answer = Callable[[str], bytes]  # from the request's path to the whole answer


def answer(body: bytes, content_type: str, head: str = "HTTP/1.1 200 OK") -> bytes:
    """A right answer."""
    return f"{head}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def certificate_host(der: bytes, key: Secret, notice: bytes | None = None) -> Callable[[int], Answer]:
    """A host that distributes a DER rightly; given its own port it makes the answers."""

    def on_port(port: int) -> Answer:
        def of_path(path: str) -> bytes:
            if path.startswith("/certificates/"):
                return answer(der, "application/octet-stream")
            body = f'{{"cert_url":"http://127.0.0.1:{port}/certificates/x.der","hash":"{anchor_hash(key, der)}"}}'
            return answer(notice if notice is not None else body.encode(), "application/json")

        return of_path

    return on_port


class Host:
    """A listening socket and the thread that answers on it, one connection after the other."""

    def __init__(
        self, make_answer: Callable[[int], Answer], context: ssl.SSLContext | None = None, *, keep_alive: bool = False
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._answer = make_answer(self.port)
        self._context = context
        self._keep_alive = keep_alive
        self.requests: list[str] = []
        self.handshakes: queue.Queue[bool] = queue.Queue()  # of each TLS connection, whether the client finished it
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                connection.settimeout(5)
                with self._secured(connection) if self._context else connection as peer:
                    self._serve(peer)
            except OSError:
                connection.close()  # the lock refused and hung up

    def _secured(self, connection: socket.socket) -> socket.socket:
        assert self._context is not None
        try:
            peer = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            self.handshakes.put(False)
            raise
        self.handshakes.put(True)
        return peer

    def _serve(self, connection: socket.socket) -> None:
        while True:
            text = _request(connection)
            if not text:
                return
            self.requests.append(text)
            connection.sendall(self._answer(text.split(" ")[1] if text.split(" ")[0] in _METHODS else ""))
            if not self._keep_alive:
                connection.shutdown(socket.SHUT_WR)
                return


def _request(connection: socket.socket) -> str:
    """Head and body of the next request; "" when there is none."""
    request = b""
    while b"\r\n\r\n" not in request and not request.startswith(b"\x16"):  # a ClientHello to a plain port
        piece = connection.recv(4096)
        if not piece:
            return ""
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    announced = next((line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), b"0")
    while len(body) < int(announced.rpartition(b" ")[2]):
        body += connection.recv(4096)
    return (head + b"\r\n\r\n" + body).decode("latin-1")


@contextmanager
def serving(
    make_answer: Callable[[int], Answer], context: ssl.SSLContext | None = None, *, keep_alive: bool = False
) -> Iterator[Host]:
    """A host for the time of a test."""
    host = Host(make_answer, context, keep_alive=keep_alive)
    try:
        yield host
    finally:
        host.close()


def tls_context(sent: tuple[x509.Certificate, ...], key: rsa.RSAPrivateKey) -> ssl.SSLContext:
    """A server context that sends these certificates, whatever they are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.pem"
        file.write_bytes(encodings.pem(sent) + keys.private_key_pem(key).reveal())
        context.load_cert_chain(file)
    return context
