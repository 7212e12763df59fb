"""A device's call and its answer: the values that all ways to answer share."""

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
        kind: The kind of call.
        method: The HTTP method as it came.
        target: The target for an upstream system, rebuilt (:mod:`engage_server.protocol.upstream_target`);
            "" if it cannot be passed on.
        claims: What the call says about its caller outside its body.
        since: In a database call, the version that the device has; otherwise "".
        body: The whole body.
        content_type, authorization: The values of these header fields; "" for none.
        host: The Host header.
        address, local: The device's address, and the address of this host that it called.
        secure: Whether TLS was used.
        said_before: The serial number that an earlier request on this connection named; None for none.
        via: The value of the Via field (RFC 9110 section 7.6.3); "" for none.
        marked: Whether a virtual lock marked it as its own.
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
    """The answer to a device.

    Attributes:
        status: The HTTP status.
        body: JSON, or b"" for an answer without a body.
        serial: The device's serial number; None if unknown.
        retry_seconds: After how many seconds the device should call again; None if the answer does not say.
        last_connected: The time that the partner's system gives it for its next token; "" for none.
    """

    status: int
    body: bytes = b""
    serial: str | None = None
    retry_seconds: int | None = None
    last_connected: str = ""


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call whose site is known, and whose device is known as far as possible.

    Attributes:
        call: The call as it came.
        site: The site's name.
        serial: The device's serial number; None only if the partner's own system may know it.
        value: The parsed body; None for a call without a body, and for one that is passed on as it came.
        at: The time of the call.
        is_trial: Whether a virtual lock calls a site that is not for trials. It is answered, and nothing is stored.
    """

    call: Call
    site: str
    serial: str | None
    value: Json
    at: datetime
    is_trial: bool = False


class Answerer(Protocol):
    """A way to answer calls."""

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer a call.

        Raises:
            BodyInvalid: The body is not what this call accepts.
            NotPossible: The call cannot be answered now. The device should call again.
        """

    def open_circuits(self) -> Sequence[str]:
        """The sites whose upstream systems are not asked at the moment."""


# how operators know them
CALLS = {
    CallKind.CONFIG: "PUT Config",
    CallKind.DATABASE: "GET db",
    CallKind.AUDIT: "POST audit",
    CallKind.ALERT: "POST alert",
    CallKind.CREDENTIAL_SCAN: "POST credentials/scan",
    CallKind.CREDENTIAL: "POST credentials",
    CallKind.CREDENTIAL_STATUS: "POST credentials/status",
}

# the statuses that readers accept as success (the protocol notes, section 5)
CREDENTIAL_STATUSES = {CallKind.CREDENTIAL_SCAN: 200, CallKind.CREDENTIAL: 201, CallKind.CREDENTIAL_STATUS: 200}

UNAUTHORIZED = CallAnswer(401, b'{"error":"unauthorized"}')
NOT_FOUND = CallAnswer(404, b'{"error":"not found"}')
UNREADABLE = CallAnswer(400, b'{"error":"not the JSON that this call takes"}')
LATER = CallAnswer(503, b'{"error":"not now"}', retry_seconds=RETRY_SECONDS)
