"""Call-ins answered by a partner's own system: passed on at once, or kept until the system takes them."""

import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import replace

from engage_server.errors import BodyInvalid, EngageError, UpstreamAway
from engage_server.protocol.database_answer import assert_harmless
from engage_server.protocol.device_audits import MAX_EVENTS, events_in
from engage_server.protocol.json_body import read_json, without_secrets, write_json
from engage_server.records import CallIn, CallInWay, Upstream
from engage_server.services.call_in.call import (
    CREDENTIAL_STATUSES,
    LATER,
    NOT_FOUND,
    UNAUTHORIZED,
    UNREADABLE,
    CallAnswer,
    CallKind,
    KnownCall,
)
from engage_server.services.call_in.circuit import Circuit
from engage_server.services.call_in.delivery import handed_on
from engage_server.services.call_in.upload_spool import Upload, UpstreamSpool, device_name
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest
from engage_server.services.distribution.call_in_shares import CallInShares, call_in_shares
from engage_server.services.evidence.device_audits import note_device_audits
from engage_server.services.evidence.sightings import Sightings

_KEPT = {CallKind.AUDIT: "audit", CallKind.ALERT: "alert"}
_WITHOUT_CONTENT = frozenset({204, 205})  # have no Content-Length, which devices look for
# what the notes, section 5, name for these calls; any other refusal is passed on without its body
_REFUSALS = {401: UNAUTHORIZED, 403: UNAUTHORIZED, 404: NOT_FOUND}


class UpstreamAnswers:
    """Implements :class:`engage_server.services.call_in.dispatch.Answerer`.

    Args:
        call_ins: Gives the sites' choices as they are now.
        spool: For audits and alerts.
        sightings: Where it is noted what audits tell; None: nowhere.
        threads: How many calls may run at once, of all sites.
        clock: Gives seconds.
        tell: Called with what operators should hear of.
        max_events: An upload with more is passed on, and its events are not looked at.
    """

    def __init__(
        self,
        call_ins: Callable[[], Mapping[str, CallIn]],
        spool: UpstreamSpool,
        sightings: Sightings | None,
        threads: int,
        clock: Callable[[], float],
        tell: Callable[[str], None] = lambda sentence: None,
        max_events: int = MAX_EVENTS,
    ) -> None:
        self._call_ins = call_ins
        self._spool = spool
        self._sightings = sightings
        self._threads = threads
        self._clock = clock
        self._tell = tell
        self._max_events = max_events
        self._making = threading.Lock()
        self._systems: dict[str, _System] = {}

    def open_circuits(self) -> list[str]:
        """The sites whose systems are not asked, because they did not answer."""
        return sorted(site for site, system in self._systems.items() if system.circuit.is_open)

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer."""
        kind = _KEPT.get(known.call.kind)
        return self._keep(known, kind) if kind is not None else self._pass_on(known)

    def _keep(self, known: KnownCall, kind: str) -> CallAnswer:
        """On the disk before the device is answered; see :mod:`engage_server.services.call_in.delivery`."""
        call = known.call
        if not isinstance(known.value, dict | list):
            raise BodyInvalid(f"the body holds no {kind}", "Send an object or a list.")
        kept = without_secrets(known.value)
        upload = Upload(
            kind=kind,
            target=call.target,
            body=call.body if kept is known.value else write_json(kept),
            content_type=call.content_type,
            authorization=call.authorization,
            address=call.address,
            received_at=known.at,
        )
        appended = self._spool.append(known.site, device_name(known.serial, call.address), upload)
        events = events_in(known.value)
        if self._sightings is not None and not appended.repeated and len(events) <= self._max_events:
            note_device_audits(
                self._sightings,
                known.site,
                call.address,
                known.serial,
                events,
                call.claims.token,
                marked=call.marked,
            )
        return CallAnswer(201 if appended.is_first else 202)

    def _pass_on(self, known: KnownCall) -> CallAnswer:
        call = known.call
        if not call.target:
            return UNREADABLE
        is_database = call.kind is CallKind.DATABASE
        body, method = (None, "GET") if is_database else (call.body, call.method)  # a HEAD is answered from a GET
        headers = handed_on(call.content_type, call.authorization, call.address)
        got = self._asked(known, UpstreamRequest(method, call.target, body, headers))
        if got is None:
            return LATER
        return replace(_answer(call.kind, got), last_connected=got.last_connected)

    def _asked(self, known: KnownCall, request: UpstreamRequest) -> UpstreamAnswer | None:
        """The system's answer; None where it is not asked, because it answered nobody lately."""
        system = self._system(known.site)
        share = system.credentials if known.call.kind in CREDENTIAL_STATUSES else system.nightly
        if not share.acquire(blocking=False):  # of calls that nobody could know to be this site's
            raise UpstreamAway(f"too many calls of {known.site} wait for its upstream system", "Look why it is slow.")
        try:
            if not system.circuit.may_call():
                return None
            return self._called(system, known, request)
        finally:
            share.release()

    def _called(self, system: "_System", known: KnownCall, request: UpstreamRequest) -> UpstreamAnswer:
        try:
            got = system.host.call(request)
        except BaseException as error:
            if system.circuit.silent(known.serial or known.call.address):
                why = error.sentence if isinstance(error, EngageError) else type(error).__name__
                self._tell(f"calls of {known.site} are not passed on for now: {why}. One now and then is, to see")
            raise
        if system.circuit.answered():
            self._tell(f"the upstream system of {known.site} answers again: calls are passed on")
        return got

    def _system(self, site: str) -> "_System":
        call_ins = self._call_ins()
        upstream = call_ins[site].upstream
        if upstream is None:
            raise UpstreamAway(f"site {site} names no upstream system", f"engage site call-in {site} --upstream URL")
        sites = sum(each.way is CallInWay.UPSTREAM for each in call_ins.values())
        shares = call_in_shares(self._threads, sites)
        with self._making:
            system = self._systems.get(site)
            if system is None or (system.upstream, system.shares) != (upstream, shares):
                system = self._systems[site] = _System(upstream, shares, self._clock)
            return system


class _System:
    """One site's system, as this process knows it."""

    def __init__(self, upstream: Upstream, shares: CallInShares, clock: Callable[[], float]) -> None:
        self.upstream = upstream
        self.shares = shares
        self.host = UpstreamHost(upstream, shares.upstream)
        self.circuit = Circuit(clock)
        self.nightly = threading.BoundedSemaphore(shares.site)
        self.credentials = threading.BoundedSemaphore(shares.site_credentials)


def _answer(kind: CallKind, got: UpstreamAnswer) -> CallAnswer:
    """What a device gets of what the system answered.

    Raises:
        UpstreamAway: It is nothing that a device could be given.
    """
    if got.status in _REFUSALS:
        return _REFUSALS[got.status]
    if 400 <= got.status < 500 and got.status not in (408, 425, 429):
        return CallAnswer(got.status, retry_seconds=got.retry_seconds)
    if not 200 <= got.status < 300:  # a redirect, too: no device follows one
        sentence = f"the upstream system answers {got.status} to {kind.name}"
        raise UpstreamAway(sentence, "Look at its log.", retry_seconds=got.retry_seconds)
    if kind is CallKind.DATABASE:
        return _database(got)
    if kind is CallKind.CONFIG:
        return CallAnswer(200)
    status = CREDENTIAL_STATUSES[kind] if got.status in _WITHOUT_CONTENT else got.status
    return CallAnswer(status, _body(got))


def _database(got: UpstreamAnswer) -> CallAnswer:
    """Only what can hurt no device: else it keeps what it has, and comes again."""
    try:
        if got.status != 200:
            raise BodyInvalid(f"the upstream system's answer, with status {got.status},", "Answer 200 with JSON.")
        assert_harmless(read_json(got.body, names_once=True), "the upstream system's database answer")
    except BodyInvalid as error:
        raise UpstreamAway(error.sentence, "Fix the partner's system.") from None
    return CallAnswer(200, got.body.removeprefix(BOM_UTF8))  # which is no JSON to a small parser


def _body(got: UpstreamAnswer) -> bytes:
    try:
        return write_json(read_json(got.body, names_once=True)) if got.body else b""
    except BodyInvalid as error:
        sentence = f"the upstream system's answer cannot be given to a device: {error.sentence}"
        raise UpstreamAway(sentence, "Fix the partner's system.") from None
