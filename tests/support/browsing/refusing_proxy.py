"""A proxy that refuses everything, and writes down what was asked of it: what a browser wanted from elsewhere.

A debugger tells what a page asks for. This is a second witness, which does not depend on the browser's word.
"""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Chromium's makers, whom it asks by itself now and then. If a page asks them, the witness of its requests knows.
_MAKERS = re.compile(r"\w+ (http://)?([\w-]+\.)*(google|googleapis|gvt1|gstatic)\.com[:/]")
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RefusingProxy:
    """Whoever asks it for something is refused.

    Attributes:
        address: For a browser's settings.
        asked: The first line of each request, without those of Chromium itself.
    """

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.asked: list[str] = []


@contextmanager
def refusing_proxy() -> Iterator[RefusingProxy]:
    """The proxy, while it listens."""

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = self.rfile.readline(65536).decode("latin-1").strip()
            if not _MAKERS.match(asked):
                proxy.asked.append(asked)
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
