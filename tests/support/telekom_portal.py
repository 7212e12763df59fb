"""A pretended portal: an HTTPS server that gets our calls, and answers what a test wants."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from engage_server.pki import encodings, keys
from tests.support.chains import good_chain

WSDL = Path(__file__).with_name("telekom_wsdl")
MON, ADM = WSDL / "M2MMon-example.wsdl", WSDL / "M2MAdm-example.wsdl"
USAGE = '<m:SIMUsageResponse xmlns:m="urn:example:m2m:mon"><m:megabytes>17</m:megabytes></m:SIMUsageResponse>'
ACCEPTED = '<m:MessageResponse xmlns:m="urn:example:m2m:adm"><m:code>0</m:code></m:MessageResponse>'

Answering = Callable[[bytes, str], tuple[int, bytes]]


@dataclass
class PretendedPortal:
    """The server.

    Attributes:
        port: Where it listens, on localhost.
        answer: Gets each body and path; returns the status and the body of the answer.
        got: All calls: path, SOAPAction, body.
    """

    answer: Answering
    port: int = 0
    got: list[tuple[str, str, bytes]] = field(default_factory=list)


@contextmanager
def pretended_portal(folder: Path, answer: Answering) -> Iterator[PretendedPortal]:
    """A portal that runs until the end. The CA of its certificate is in ``telekom-ssl.pem``."""
    built = good_chain("the portal")
    (folder / "telekom-ssl.pem").write_bytes(encodings.pem([built.chain.root]))
    (folder / "portal-tls.pem").write_bytes(
        encodings.pem([built.chain.server, *built.chain.intermediates])
        + keys.private_key_pem(built.server_key).reveal()
    )
    portal = PretendedPortal(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            portal.got.append((self.path, self.headers["SOAPAction"], body))
            status, content = portal.answer(body, self.path)
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "portal-tls.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        portal.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield portal
        finally:
            server.shutdown()
            thread.join()
