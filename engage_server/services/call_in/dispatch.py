"""What a device gets when it calls in: from files here, or from the partner's own system.

Nothing here waits for the database. Files are on this host; a partner's system is waited for as long as its site says.
How a call is answered:

1. A large body waits for its turn (:mod:`.large_bodies`), or the device is told to come again.
2. The site and the device are found (:mod:`.identification`), or no site takes the call.
3. An unknown device is enrolled or refused, as its site says.
4. The site's way answers. While a partner's system is waited for, nothing of a large body is kept.
5. Whoever was answered well has been seen.
"""

import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from engage_server.errors import BodyInvalid, EngageError, FileNotUsable, NotPossible, UpstreamAway
from engage_server.records import CallInWay, UnknownDevices
from engage_server.services.call_in.call import (
    LATER,
    NOT_FOUND,
    RETRY_SECONDS,
    UNREADABLE,
    Answerer,
    Call,
    CallAnswer,
    CallKind,
    KnownCall,
)
from engage_server.services.call_in.identification import Identification
from engage_server.services.call_in.large_bodies import LARGE_BODY_BYTES, LargeBodies, Turn
from engage_server.services.call_in.limits import CallLimits
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.distribution.lookup import CallInSite, Distribution
from engage_server.services.distribution.site_choice import host_of_header
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.sites.enrolment_days import EnrolmentDays

_TOLD_KEPT = 1000
_DAY_SECONDS = 86400.0


class CallIns:
    """The one entry for call-ins.

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
        self._identification = Identification(distribution, folders)
        self._ways = ways
        self._sightings = sightings
        self._clock = clock
        self._tell = tell
        self._told: dict[str, float] = {}
        self._large_bodies = LargeBodies()

    def answer(self, call: Call) -> CallAnswer:
        """Answer a call. Raises nothing that a device or an operator could cause."""
        if len(call.body) <= LARGE_BODY_BYTES:
            return self._answer(call, None)
        turn = self._large_bodies.turn()
        if not turn.comes():
            return LATER
        try:
            return self._answer(call, turn)
        finally:
            turn.end()

    def _answer(self, call: Call, turn: Turn | None) -> CallAnswer:
        try:
            identified = self._identification.identify(call)
        except EngageError as error:
            return self._later("", call.address, error)
        if isinstance(identified, CallAnswer):
            return identified
        site, serial, value = identified.site, identified.serial, identified.value
        del identified  # it holds the body, too
        if pseudonym() in call.via:
            circle = f"the upstream system of {site.name} is this host itself: the call goes round in a circle"
            self._tell_once(circle, circle)
            return LATER
        if site.call_in.way is CallInWay.UPSTREAM and call.kind not in (CallKind.AUDIT, CallKind.ALERT):
            value = None  # it goes on as it came; what was read of it is not kept while the system is waited for
            if turn is not None:
                turn.end()
        known = KnownCall(call, site.name, serial, value, datetime.fromtimestamp(self._clock(), UTC))
        answer = self._answered(site, known)
        if serial is not None and serial != call.said_before:
            self._note(site.name, call, serial, answer.status)
        return replace(answer, serial=serial)

    def open_circuits(self) -> list[str]:
        """The sites whose systems are not asked at the moment."""
        return [site for way in self._ways.values() for site in way.open_circuits()]

    def _note(self, site: str, call: Call, serial: str, status: int) -> None:
        """It was here; but a HEAD gives a device nothing, and no device sends one."""
        if self._sightings is not None and status < 300 and call.method != "HEAD":
            host = host_of_header(call.host)
            self._sightings.called_in(site, call.address, serial, call.claims.token, marked=call.marked, host=host)

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
        if self._identification.is_known(site, known.serial):
            return True
        if known.call.marked and not site.for_trials:
            return False  # a trial never puts a device onto the list
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
            return self._later(known.site, known.serial or known.call.address, error)
        except OSError as error:  # of a file that somebody else owns, or of the disk: the device keeps what it has
            where, why = error.filename or "a device's file", error.strerror or error
            unreadable = FileNotUsable(f"{where}: {why}", "See whose it is: engage doctor")
            return self._later(known.site, known.serial or known.call.address, unreadable)

    def _later(self, site: str, who: str, error: EngageError) -> CallAnswer:
        """Let a device come again, and tell operators why."""
        whose = f"{who} ({site})" if site else who
        self._tell_once(str(error), f"{whose} has to call again, and maybe others: {error}")
        return _later(error)

    def _tell_once(self, what: str, sentence: str, seconds: float = RETRY_SECONDS) -> None:
        """Once in a while: with the partner's system away, ten thousand devices have the same to tell."""
        now = self._clock()
        if now >= self._told.get(what, 0.0):
            if len(self._told) >= _TOLD_KEPT:
                self._told.clear()
            self._told[what] = now + seconds
            self._tell(sentence)


def _later(error: EngageError) -> CallAnswer:
    """When to come again, as the partner's system says where it does; within a day, which a device comes back after."""
    seconds = error.retry_seconds if isinstance(error, UpstreamAway) else None
    return LATER if seconds is None else replace(LATER, retry_seconds=min(seconds, int(_DAY_SECONDS)))


@cache
def pseudonym() -> str:
    """What this host calls itself in Via fields (RFC 9110 section 7.6.3): not its name, which is nobody's business."""
    return f"engage-server-{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"
