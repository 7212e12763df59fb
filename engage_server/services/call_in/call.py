"""One call of a device, and what it is answered: the values that the ways to answer share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from engage_server.protocol.caller_serial import CallerClaims
from engage_server.protocol.json_body import Json

RETRY_SECONDS = 60


class CallKind(Enum):
    """The calls of the protocol notes, section 5."""

    CONFIG = auto()
    DATABASE = auto()
    AUDIT = auto()
    ALERT = auto()
    CREDENTIAL_SCAN = auto()
    CREDENTIAL = auto()
    CREDENTIAL_STATUS = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it came.

    Attributes:
        kind: Which.
        method: As it came.
        target: What an upstream system is asked for, built anew (:mod:`engage_server.protocol.upstream_target`); "" for
            what it cannot be asked for.
        claims: What it says of its caller outside its body.
        since: Of a database call, the version that the device holds; else "".
        body: All of it.
        content_type, authorization: The header fields' values; "" where there was none.
        host: The Host header.
        address, local: The device's address, and the one of this host that it called.
        secure: Whether it came by TLS.
        said_before: The serial number that an earlier request of this connection told; None for none.
        via: The Via field's value (RFC 9110 section 7.6.3); "" where there was none.
        marked: Whether it says that a virtual lock sends it.
    """

    kind: CallKind
    method: str
    target: str
    claims: CallerClaims
    since: str
    body: bytes = field(repr=False)
    content_type: str
    authorization: str = field(repr=False)
    host: str
    address: str
    local: str
    secure: bool
    said_before: str | None
    via: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What the device gets.

    Attributes:
        status: The HTTP status.
        body: JSON, or b"" for an answer without a body.
        serial: Whose call it was; None where that is not known.
        retry_seconds: When the device should come again; None for no such word.
        last_connected: The time that the partner's system gives it for its next token; "" for none.
    """

    status: int
    body: bytes = b""
    serial: str | None = None
    retry_seconds: int | None = None
    last_connected: str = ""


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call of which the site is known, and whose it is, as far as that can be.

    Attributes:
        call: As it came.
        site: The site's name.
        serial: Whose it is; None only where the partner's own system may tell.
        value: The body, read; None for a call without one, and for one that an upstream system gets as it came.
        at: Now.
    """

    call: Call
    site: str
    serial: str | None
    value: Json
    at: datetime


class Answerer(Protocol):
    """One way to answer."""

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer.

        Raises:
            BodyInvalid: What the device sent is not what this call takes.
            NotPossible: Not now: the device should come again.
        """

    def open_circuits(self) -> Sequence[str]:
        """The sites whose systems are not asked at the moment."""


# what readers take for yes (the protocol notes, section 5)
CREDENTIAL_STATUSES = {CallKind.CREDENTIAL_SCAN: 200, CallKind.CREDENTIAL: 201, CallKind.CREDENTIAL_STATUS: 200}

UNAUTHORIZED = CallAnswer(401, b'{"error":"unauthorized"}')
NOT_FOUND = CallAnswer(404, b'{"error":"not found"}')
UNREADABLE = CallAnswer(400, b'{"error":"not the JSON that this call takes"}')
LATER = CallAnswer(503, b'{"error":"not now"}', retry_seconds=RETRY_SECONDS)
