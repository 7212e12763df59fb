"""What a device gets when it calls in: which site, whose call, from files or from the partner's own system.

Nothing here waits for the database. Files are on this host; a partner's system is waited for as long as its site says.
"""

import hashlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from typing import Protocol

from engage_server.errors import BodyInvalid, EngageError, NotPossible
from engage_server.protocol.caller_serial import serial_from_authorization, serial_from_body
from engage_server.protocol.device_token import token_in
from engage_server.protocol.json_body import Json, read_json
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import CallInWay, UnknownDevices
from engage_server.services.call_limits import CallLimits
from engage_server.services.device_folder import DeviceFolders
from engage_server.services.distribution import CallInSite, Distribution, Refusal
from engage_server.services.enrolment_days import EnrolmentDays
from engage_server.services.sightings import Sightings

RETRY_SECONDS = 60
# As Python's objects a body takes up to sixty times its length, and a thread that computes holds up the loop: so large
# ones are read one after the other.
LARGE_BODY_BYTES = 64 * 1024
LARGE_BODIES_AT_ONCE = 1
LARGE_BODIES_WAITING = 3  # each holds a thread that another device could be answered by
_LARGE_BODY_WAIT_SECONDS = 5.0
_TOLD_KEPT = 1000
_DAY_SECONDS = 86400.0


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
            what it can not be asked for.
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


class CallIns:
    """The one door for call-ins.

    Args:
        distribution: Knows the sites.
        folders: Of devices: who has one is known.
        ways: Who answers.
        sightings: Where it is noted that a device called; None: nowhere.
        clock: Gives the seconds since 1970.
        tell: Called with what operators should hear of.
        enrolment: How many unknown devices are taken in; None: all.
        nameless_per_minute: How many calls without a serial number one address may make, where unknown devices are
            refused.
    """

    def __init__(
        self,
        distribution: Distribution,
        folders: DeviceFolders,
        ways: dict[CallInWay, Answerer],
        sightings: Sightings | None,
        clock: Callable[[], float],
        tell: Callable[[str], None],
        enrolment: EnrolmentDays | None = None,
        nameless_per_minute: int = 600,
    ) -> None:
        self._enrolment = enrolment
        self._limits = CallLimits(clock, nameless_per_minute)
        self._distribution = distribution
        self._folders = folders
        self._ways = ways
        self._sightings = sightings
        self._clock = clock
        self._tell = tell
        self._told: dict[str, float] = {}
        self._large_bodies = threading.BoundedSemaphore(LARGE_BODIES_AT_ONCE)
        self._large_bodies_waiting = threading.BoundedSemaphore(LARGE_BODIES_WAITING)

    def answer(self, call: Call) -> CallAnswer:
        """Answer a call. Raises nothing that a device or an operator could cause."""
        if len(call.body) <= LARGE_BODY_BYTES:
            return self._answer(call, None)
        turn = _Turn(self._large_bodies, self._large_bodies_waiting)
        if not turn.comes():
            return LATER
        try:
            return self._answer(call, turn)
        finally:
            turn.end()

    def _answer(self, call: Call, turn: "_Turn | None") -> CallAnswer:
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
        return self._known(call, serial, value, turn)

    def open_circuits(self) -> list[str]:
        """The sites whose systems are not asked at the moment."""
        return [site for way in self._ways.values() for site in way.open_circuits()]

    def _known(self, call: Call, serial: str | None, value: Json, turn: "_Turn | None") -> CallAnswer:
        """Choose the site anew, with the serial number of the body; and hold the device against its list."""
        site = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(site, Refusal):
            return UNAUTHORIZED
        if not _is_taken(site, call):
            return NOT_FOUND
        if serial is None:
            site, serial = self._by_token(call, site)
        if site.call_in.way is CallInWay.UPSTREAM and call.kind not in (CallKind.AUDIT, CallKind.ALERT):
            value = None  # it goes on as it came; what was read of it is not kept while the system is waited for
            if turn is not None:
                turn.end()
        known = KnownCall(call, site.name, serial, value, datetime.fromtimestamp(self._clock(), UTC))
        answer = self._answered(site, known)
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

    def _is_welcome(self, site: CallInSite, known: KnownCall) -> bool:
        """A device that does not say who it is may still be known to the partner's own system, by its token."""
        if known.serial is None:
            if site.call_in.unknown is UnknownDevices.REFUSE and not self._limits.may_be_nameless(known.call.address):
                raise NotPossible(
                    f"more calls without a serial number come from {known.call.address} than may "
                    "(setting nameless_calls_per_minute)",
                    "Look what calls from there; or raise the setting.",
                    code="calls.nameless",
                )
            return site.call_in.way is CallInWay.UPSTREAM
        if self._is_known(site, known.serial):
            return True
        return site.call_in.unknown is UnknownDevices.ENROLL and self._is_let_in(site.name, known.serial)

    def _is_let_in(self, site: str, serial: str) -> bool:
        if self._enrolment is None or self._enrolment.let_in(site, serial):
            return True
        told = (
            f"{self._enrolment.per_day} unknown devices of {site} were taken in today: further ones are answered 404 "
            "until midnight UTC (setting enroll_per_day)"
        )
        self._tell_once(told, told, _DAY_SECONDS)
        return False

    def _answered(self, site: CallInSite, known: KnownCall) -> CallAnswer:
        try:
            with self._limits.one_call(site.name, known.serial):
                if not self._is_welcome(site, known):
                    return NOT_FOUND
                return self._ways[site.call_in.way].answer(known)
        except BodyInvalid as error:
            self._tell_once(str(error), f"call of {known.serial or known.call.address} ({known.site}): {error}")
            return UNREADABLE
        except EngageError as error:
            who = known.serial or known.call.address
            self._tell_once(str(error), f"{who} ({known.site}) has to call again, and maybe others: {error}")
            return LATER

    def _tell_once(self, what: str, sentence: str, seconds: float = RETRY_SECONDS) -> None:
        """Once in a while: with the partner's system away, ten thousand devices have the same to tell."""
        now = self._clock()
        if now >= self._told.get(what, 0.0):
            if len(self._told) >= _TOLD_KEPT:
                self._told.clear()
            self._told[what] = now + seconds
            self._tell(sentence)


class _Turn:
    """One large body's, from reading it to the answer; the first :meth:`end` counts."""

    def __init__(self, semaphore: threading.BoundedSemaphore, waiting: threading.BoundedSemaphore) -> None:
        self._semaphore = semaphore
        self._waiting = waiting
        self._holds = False

    def comes(self) -> bool:
        """Wait for it; False when it does not come in time, or when too many wait for theirs already."""
        self._holds = self._semaphore.acquire(blocking=False)
        if not self._holds and self._waiting.acquire(blocking=False):
            try:
                self._holds = self._semaphore.acquire(timeout=_LARGE_BODY_WAIT_SECONDS)
            finally:
                self._waiting.release()
        return self._holds

    def end(self) -> None:
        if self._holds:
            self._holds = False
            self._semaphore.release()


@cache
def pseudonym() -> str:
    """What this host calls itself in Via fields (RFC 9110 section 7.6.3): not its name, which is nobody's business."""
    return f"engage-server-{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"


def _is_taken(site: CallInSite, call: Call) -> bool:
    return bool(site.name) and (call.secure or site.call_in.insecure)
