"""A proxy that refuses everything, and writes down what was asked of it: what a browser wanted from elsewhere.

A browser also connects without a request that a page's debugger sees, such as to hosts that it greets in advance.
A proxy sees those, too.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RefusingProxy:
    """Whoever asks it for something is refused.

    Attributes:
        address: For a browser's settings.
        asked: The first line of each request.
    """

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.asked: list[str] = []


@contextmanager
def refusing_proxy() -> Iterator[RefusingProxy]:
    """The proxy, while it listens."""

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            proxy.asked.append(self.rfile.readline(65536).decode("latin-1").strip())
            self.wfile.write(_REFUSAL)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        server.daemon_threads = True
        proxy = RefusingProxy(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
