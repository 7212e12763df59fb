"""A call-in, byte by byte."""

import re

from tests.support.running import RunningPair


def ask(pair: RunningPair, text: str, body: bytes = b"", *, plain: bool = False) -> bytes:
    """One request by hand; CRLF for newlines, and the date blanked out."""
    head = text.replace("\n", "\r\n")
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    raw = f"{head}\r\nConnection: close\r\n{length}\r\n".encode() + body
    root = pair.folder / "certs" / "main" / "partner_CA.pem"
    answer = pair.raw_http(raw) if plain else pair.raw_https(raw, root)[0]
    return re.sub(rb"Date: [^\r]+", b"Date: -", answer, count=1)


def head(status: str, rest: str, length: int) -> bytes:
    """The header of an answer."""
    return (
        f"HTTP/1.1 {status}\r\nServer: gunicorn\r\nDate: -\r\nConnection: close\r\n{rest}Content-Length: {length}\r\n"
    ).encode()
