"""A call of a partner's system, its answer, and who answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A whole request, with everything as it was sent.

    Attributes:
        method: As received.
        path: Decoded.
        query: The raw query string. It may hold a login: never log it.
        fields: Header fields in the order sent, duplicates included. Names are in lower case, and "_" stays "_".
        body: The raw bytes, without their transfer coding.
        address: The caller's.
        host: The ``[hosts]`` table that the TLS server name chose, or the name of the plain listener. Never the
            content of a Host field.
        secure: Whether the call came in TLS.
        client_certificate: The DER of the client's certificate, which TLS has verified. None if it gave none.
        at: When the request was complete; aware, UTC.
    """

    method: str
    path: str
    query: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    address: str
    host: str
    secure: bool
    client_certificate: bytes | None
    at: datetime

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, exactly as sent. The name is in lower case; "_" and "-" differ."""
        return tuple(value for each, value in self.fields if each == name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner's system gets.

    Attributes:
        status: The HTTP status.
        body: The bytes.
        content_type: Of the body.
        fields: Further header fields.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    fields: tuple[tuple[str, str], ...] = ()


Answering = Callable[[Call, Mapping[str, str]], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the ingress.

    Attributes:
        path: As Werkzeug writes rules: ``/kpn/<destination>``.
        methods: Which methods it takes.
        service: What a host must serve for this route to exist there, such as ``kpn`` or ``telekom-ta``.
        answer: Called, in a thread, with the call and the variables of the path. Any exception becomes a 500.
        max_body: The largest body in bytes. A larger one is answered with 413 and never reaches ``answer``.
    """

    path: str
    methods: tuple[str, ...]
    service: str
    answer: Answering
    max_body: int = MAX_BODY_BYTES
