"""A partner's own system, as small as it can be: it accepts everything, and prints what it gets."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATABASE = Path(__file__).parent / "0000000000000000A0B1000000000206" / "database.json"


class OwnSystem(BaseHTTPRequestHandler):
    """Answers what the host passes on."""

    def do_GET(self) -> None:
        """A device asks for its database."""
        self.answer(200, DATABASE.read_bytes())

    def do_PUT(self) -> None:
        """A device sends its parameters."""
        self.answer(200)

    def do_POST(self) -> None:
        """Audits, alerts and credentials."""
        self.answer(200 if self.path.partition("?")[0].endswith(("/scan", "/status")) else 201)

    def answer(self, status: int, body: bytes = b"") -> None:
        """Answer with a length and, for a database, JSON."""
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.log_message("%s sends %s", self.headers.get("Engage-Device"), sent)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8090), OwnSystem).serve_forever()
