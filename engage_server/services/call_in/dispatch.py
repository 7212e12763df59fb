"""Answers call-ins: from files here, or from the partner's own system.

Nothing here waits for the database. Files are on this host. A partner's system has as much time as its site says.
How a call is answered:

1. A large body waits for its turn (:mod:`.large_bodies`). If that takes too long, the device must call again.
2. The site and the device are found (:mod:`.identification`), or no site accepts the call.
3. An unknown device is enrolled or refused, as its site says.
4. The site's way answers. While a partner's system works on it, no part of a large body is kept.
5. A device that got a good answer is recorded as seen.
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
    CALLS,
    LATER,
    NOT_FOUND,
    RETRY_SECONDS,
    UNAUTHORIZED,
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
from engage_server.services.device_files.fault_journal import CallFault, FaultJournal
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.distribution.lookup import CallInSite, Distribution
from engage_server.services.distribution.site_choice import host_of_header
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.sites.enrolment_days import EnrolmentDays

_TOLD_KEPT = 1000
_DAY_SECONDS = 86400.0


class CallIns:
    """The only entry for call-ins.

    Args:
        distribution: Knows the sites.
        folders: The devices' folders. A device with a folder is known.
        ways: The ways to answer.
        sightings: Records that a device called; None if nothing is recorded.
        clock: Gives the seconds since 1970.
        tell: Called with sentences for operators.
        enrolment: How many unknown devices are enrolled; None for all.
        nameless_per_minute: How many calls without a serial number one address may make, if unknown devices are
            refused.
        journal: Keeps the reasons for which calls were not answered; None for no journal.
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
        journal: FaultJournal | None = None,
    ) -> None:
        self._journal = journal
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
        """Answer a call. No fault of a device or an operator makes it raise."""
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
            self._tell_of_no_site(call, identified)
            return identified
        site, serial, value = identified.site, identified.serial, identified.value
        del identified  # it holds the body as well
        if pseudonym() in call.via:
            circle = f"the upstream system of {site.name} is this host itself: calls go round in a circle"
            self._tell_once(circle, circle)
            return LATER
        if site.call_in.way is CallInWay.UPSTREAM and call.kind not in (CallKind.AUDIT, CallKind.ALERT):
            value = None  # it is passed on as it came; the parsed body is not kept while the system works on it
            if turn is not None:
                turn.end()
        known = KnownCall(
            call,
            site.name,
            serial,
            value,
            datetime.fromtimestamp(self._clock(), UTC),
            call.marked and not site.for_trials,
        )
        answer = self._answered(site, known)
        if serial is not None and serial != call.said_before:
            self._note(site.name, call, serial, answer.status)
        return replace(answer, serial=serial)

    def open_circuits(self) -> list[str]:
        """The sites whose upstream systems are not asked at the moment."""
        return [site for way in self._ways.values() for site in way.open_circuits()]

    def _note(self, site: str, call: Call, serial: str, status: int) -> None:
        """Record that the device called. A HEAD does not count: it gives a device nothing, and no device sends one."""
        if self._sightings is not None and status < 300 and call.method != "HEAD":
            host = host_of_header(call.host)
            self._sightings.called_in(site, call.address, serial, call.claims.token, marked=call.marked, host=host)

    def _is_welcome(self, site: CallInSite, known: KnownCall) -> bool:
        """Whether a call is answered. Without a serial number, the partner's own system may know the device's token."""
        if known.serial is None:
            if site.call_in.unknown is UnknownDevices.REFUSE and not self._limits.may_be_nameless(known.call.address):
                raise NotPossible(
                    f"too many calls without a serial number from {known.call.address} "
                    "(setting nameless_calls_per_minute)",
                    "Find out what calls from there. Or raise the setting.",
                    code="calls.nameless",
                )
            return site.call_in.way is CallInWay.UPSTREAM
        if self._identification.is_known(site, known.serial):
            return True
        if known.call.marked and not site.for_trials:
            return False  # a trial never adds a device to the list
        return site.call_in.unknown is UnknownDevices.ENROLL and self._is_let_in(site.name, known.serial)

    def _is_let_in(self, site: str, serial: str) -> bool:
        if self._enrolment is None or self._enrolment.let_in(site, serial):
            return True
        told = (
            f"{self._enrolment.per_day} unknown devices of {site} were enrolled today: others get 404 "
            "until midnight UTC (setting enroll_per_day)"
        )
        self._tell_once(told, told, _DAY_SECONDS)
        return False

    def _answered(self, site: CallInSite, known: KnownCall) -> CallAnswer:
        try:
            with self._limits.one_call(site.name, known.serial):
                if not self._is_welcome(site, known):
                    self._tell_of_unknown(known)
                    return NOT_FOUND
                answer = self._ways[site.call_in.way].answer(known)
                if site.call_in.way is CallInWay.UPSTREAM and 400 <= answer.status < 500:
                    self._tell_of_refused(known, answer.status)
                return answer
        except BodyInvalid as error:
            self._tell_once(str(error), f"call of {known.serial or known.call.address} ({known.site}): {error}")
            return UNREADABLE
        except EngageError as error:
            return self._later(known.site, known.serial or known.call.address, error)
        except (
            OSError
        ) as error:  # a file belongs to another user, or the disk has a fault: the device keeps what it has
            where, why = error.filename or "a device's file", error.strerror or error
            unreadable = FileNotUsable(f"{where}: {why}", "Check its owner: engage doctor")
            return self._later(known.site, known.serial or known.call.address, unreadable)

    def _later(self, site: str, who: str, error: EngageError) -> CallAnswer:
        """Let a device call again, and report the reason to operators."""
        whose = f"{who} ({site})" if site else who
        self._report(site, who, str(error), f"{whose} has to call again: {error}")
        return _later(error)

    def _tell_of_no_site(self, call: Call, answer: CallAnswer) -> None:
        """Report a call-in by plain HTTP. Its 404 looks like that of an unknown device."""
        if answer is NOT_FOUND and not call.secure:
            plain = "call-ins by plain HTTP get 404: they are answered by TLS only"
            self._tell_once(plain, f"{call.address}: {plain}. To answer them, too: engage site call-in --help")

    def _tell_of_unknown(self, known: KnownCall) -> None:
        if known.serial is None:
            self._report(known.site, known.call.address, "a call without a serial number got 404")
            return
        unknown = f"a device that is not on the list of {known.site} got 404"
        self._report(
            known.site, known.serial, unknown, f"{unknown}: engage device add {known.serial} --site {known.site}"
        )

    def _tell_of_refused(self, known: KnownCall, status: int) -> None:
        """Report a refusal that is not ours. In the log of requests it looks like one of ours."""
        gets = " (the device gets 401)" if status == UNAUTHORIZED.status else ""
        refused = f"the upstream system refused {CALLS[known.call.kind]} with {status}{gets}"
        self._report(known.site, known.serial or known.call.address, refused)

    def _report(self, site: str, who: str, what: str, sentence: str = "") -> None:
        """Report why a call was not answered as it should be, in the log and in the journal of its site."""
        sentence = sentence or f"{who} ({site}): {what}"
        if self._tell_once(what, sentence) and self._journal is not None and site:
            self._journal.record(site, CallFault(datetime.fromtimestamp(self._clock(), UTC), who, what))

    def _tell_once(self, what: str, sentence: str, seconds: float = RETRY_SECONDS) -> bool:
        """Report a fault, but the same one only once in a while: ten thousand devices may have the same one.

        Returns whether it was reported now.
        """
        now = self._clock()
        if now < self._told.get(what, 0.0):
            return False
        if len(self._told) >= _TOLD_KEPT:
            self._told.clear()
        self._told[what] = now + seconds
        self._tell(sentence)
        return True


def _later(error: EngageError) -> CallAnswer:
    """The answer that says when to call again: as the partner's system says, but within a day, the usual gap."""
    seconds = error.retry_seconds if isinstance(error, UpstreamAway) else None
    return LATER if seconds is None else replace(LATER, retry_seconds=min(seconds, int(_DAY_SECONDS)))


@cache
def pseudonym() -> str:
    """The pseudonym of this host in Via fields (RFC 9110 section 7.6.3). Its real name stays private."""
    return f"engage-server-{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"
