"""What a device gets when it calls in: which site, whose call, from files or from the partner's own system.

Nothing here waits for the database. Files are on this host; a partner's system is waited for as long as its site says.
"""

import hashlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from typing import Protocol

from engage_server.errors import BodyInvalid, EngageError
from engage_server.protocol.caller_serial import serial_from_authorization, serial_from_body
from engage_server.protocol.device_token import token_in
from engage_server.protocol.json_body import Json, read_json
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import CallInWay, UnknownDevices
from engage_server.services.device_folder import DeviceFolders
from engage_server.services.distribution import CallInSite, Distribution, Refusal
from engage_server.services.sightings import Sightings

RETRY_SECONDS = 60
_TOLD_KEPT = 1000


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
        method, target: As they came; the target with its query.
        query: The raw query string.
        since: Of a database call, the version that the device holds; else "".
        body: All of it.
        content_type, authorization: The header fields' values; "" where there was none.
        host: The Host header.
        address, local: The device's address, and the one of this host that it called.
        secure: Whether it came by TLS.
        said_before: The serial number that an earlier request of this connection told; None for none.
        via: The Via field's value (RFC 9110 section 7.6.3); "" where there was none.
    """

    kind: CallKind
    method: str
    target: str
    query: str
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


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What the device gets.

    Attributes:
        status: The HTTP status.
        body: JSON, or b"" for an answer without a body.
        serial: Whose call it was; None where that is not known.
        retry_seconds: When the device should come again; None for no such word.
    """

    status: int
    body: bytes = b""
    serial: str | None = None
    retry_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call of which the site is known, and whose it is, as far as that can be.

    Attributes:
        call: As it came.
        site: The site's name.
        serial: Whose it is; None only where the partner's own system may tell.
        value: The body, read; None for a call without one.
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


# what readers take for yes (the protocol notes, section 5)
CREDENTIAL_STATUSES = {CallKind.CREDENTIAL_SCAN: 200, CallKind.CREDENTIAL: 201, CallKind.CREDENTIAL_STATUS: 200}

UNAUTHORIZED = CallAnswer(401, b'{"error":"unauthorized"}')
NOT_FOUND = CallAnswer(404, b'{"error":"not found"}')
UNREADABLE = CallAnswer(400, b'{"error":"not the JSON that this call takes"}')
LATER = CallAnswer(503, b'{"error":"not now"}', retry_seconds=RETRY_SECONDS)


class CallIns:
    """The one door for call-ins.

    Args:
        distribution: Knows the sites.
        folders: Of devices: who has one is known.
        ways: Who answers.
        sightings: Where it is noted that a device called; None: nowhere.
        clock: Gives the seconds since 1970.
        tell: Called with what operators should hear of.
    """

    def __init__(
        self,
        distribution: Distribution,
        folders: DeviceFolders,
        ways: dict[CallInWay, Answerer],
        sightings: Sightings | None,
        clock: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self._distribution = distribution
        self._folders = folders
        self._ways = ways
        self._sightings = sightings
        self._clock = clock
        self._tell = tell
        self._told: dict[str, float] = {}

    def answer(self, call: Call) -> CallAnswer:
        """Answer a call. Raises nothing that a device or an operator could cause."""
        serial = serial_from_query(call.query) or call.said_before
        site = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(site, Refusal):
            return UNAUTHORIZED
        if not _is_taken(site, call):
            return NOT_FOUND
        if pseudonym() in call.via:
            circle = f"the upstream system of {site.name} is this host itself: the call goes round in a circle"
            self._tell_once(circle, circle)
            return LATER
        try:
            value = read_json(call.body) if call.kind is not CallKind.DATABASE else None
        except BodyInvalid:
            return UNREADABLE
        serial = serial_from_query(call.query) or serial_from_body(value) or call.said_before
        return self._known(call, serial, value)

    def _known(self, call: Call, serial: str | None, value: Json) -> CallAnswer:
        """Choose the site anew, with the serial number of the body; and hold the device against its list."""
        site = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(site, Refusal):
            return UNAUTHORIZED
        if not _is_taken(site, call):
            return NOT_FOUND
        if serial is None:
            site, serial = self._by_token(call, site)
        if not self._is_welcome(site, serial):
            return NOT_FOUND
        known = KnownCall(call, site.name, serial, value, datetime.fromtimestamp(self._clock(), UTC))
        answer = self._answered(self._ways[site.call_in.way], known)
        is_new = serial is not None and serial != call.said_before
        # a HEAD gives a device nothing, and no device sends one
        if (
            self._sightings is not None
            and serial is not None
            and is_new
            and answer.status < 300
            and call.method != "HEAD"
        ):
            self._sightings.called_in(site.name, call.address, serial, token_in(call.authorization))
        return CallAnswer(answer.status, answer.body, serial, answer.retry_seconds)

    def _by_token(self, call: Call, site: CallInSite) -> tuple[CallInSite, str | None]:
        """A token may read as a serial number by chance: it counts only as that of a device that is known."""
        serial = serial_from_authorization(call.authorization)
        if serial is None:
            return site, None
        by_token = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(by_token, Refusal) or not self._is_known(by_token, serial) or not _is_taken(by_token, call):
            return site, None
        return by_token, serial

    def _is_known(self, site: CallInSite, serial: str) -> bool:
        return site.is_member or self._folders.exists(site.name, serial)

    def _is_welcome(self, site: CallInSite, serial: str | None) -> bool:
        """A device that does not say who it is may still be known to the partner's own system, by its token."""
        if serial is None:
            return site.call_in.way is CallInWay.UPSTREAM
        return site.call_in.unknown is UnknownDevices.ENROLL or self._is_known(site, serial)

    def _answered(self, way: Answerer, known: KnownCall) -> CallAnswer:
        try:
            return way.answer(known)
        except BodyInvalid as error:
            self._tell_once(str(error), f"call of {known.serial or known.call.address} ({known.site}): {error}")
            return UNREADABLE
        except EngageError as error:
            who = known.serial or known.call.address
            self._tell_once(str(error), f"{who} ({known.site}) has to call again, and maybe others: {error}")
            return LATER

    def _tell_once(self, what: str, sentence: str) -> None:
        """Once in a while: with the partner's system away, ten thousand devices have the same to tell."""
        now = self._clock()
        if now >= self._told.get(what, 0.0):
            if len(self._told) >= _TOLD_KEPT:
                self._told.clear()
            self._told[what] = now + RETRY_SECONDS
            self._tell(sentence)


@cache
def pseudonym() -> str:
    """What this host calls itself in Via fields (RFC 9110 section 7.6.3): not its name, which is nobody's business."""
    return f"engage-server-{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"


def _is_taken(site: CallInSite, call: Call) -> bool:
    return bool(site.name) and (call.secure or site.call_in.insecure)
