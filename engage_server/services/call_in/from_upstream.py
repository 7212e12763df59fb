"""Answers call-ins from a partner's own system: passed on at once, or kept until the system accepts them."""

import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import replace

from engage_server.errors import BodyInvalid, EngageError, UpstreamAway
from engage_server.protocol.database_answer import assert_harmless
from engage_server.protocol.device_audits import MAX_EVENTS, events_in
from engage_server.protocol.json_body import Json, read_json, without_secrets, write_json
from engage_server.records import CallIn, CallInWay, Upstream
from engage_server.services.call_in.call import (
    CALLS,
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
from engage_server.services.call_in.delivering.delivery import handed_on
from engage_server.services.call_in.delivering.upload_spool import Upload, UpstreamSpool, device_name
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest
from engage_server.services.distribution.call_in_shares import CallInShares, call_in_shares
from engage_server.services.evidence.device_audits import note_device_audits
from engage_server.services.evidence.sightings import Sightings

_KEPT = {CallKind.AUDIT: "audit", CallKind.ALERT: "alert"}
_WITHOUT_CONTENT = frozenset({204, 205})  # have no Content-Length, which devices need
# what the protocol notes, section 5, name for these calls; any other refusal is passed on without its body
_REFUSALS = {401: UNAUTHORIZED, 403: UNAUTHORIZED, 404: NOT_FOUND}


class UpstreamAnswers:
    """Implements :class:`engage_server.services.call_in.dispatch.Answerer`.

    Args:
        call_ins: Gives the sites' current settings for call-ins.
        spool: Keeps audits and alerts.
        sightings: Records the evidence in audits; None if nothing is recorded.
        threads: How many calls of all sites may run at once.
        clock: Gives seconds.
        tell: Called with sentences for operators.
        max_events: An upload with more events is passed on, but not searched for evidence.
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
        """The sites whose upstream systems are not asked, because they did not answer."""
        return sorted(site for site, system in self._systems.items() if system.circuit.is_open)

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer a call."""
        kind = _KEPT.get(known.call.kind)
        return self._keep(known, kind) if kind is not None else self._pass_on(known)

    def _keep(self, known: KnownCall, kind: str) -> CallAnswer:
        """Keep an upload on the disk before the answer; see :mod:`.delivering.delivery`."""
        call = known.call
        if not isinstance(known.value, dict | list):
            raise BodyInvalid(f"the body has no {kind}", "Send an object or a list.")
        kept = without_secrets(known.value)
        upload = Upload(
            kind=kind,
            target=call.target,
            body=call.body if kept is known.value else write_json(kept),
            content_type=call.content_type,
            authorization=call.authorization,
            address=call.address,
            received_at=known.at,
            marked=call.marked,
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
        headers = handed_on(call.content_type, call.authorization, call.address, known.serial, marked=call.marked)
        got = self._asked(known, UpstreamRequest(method, call.target, body, headers))
        if got is None:
            return LATER
        return replace(_answer(call.kind, got), last_connected=got.last_connected)

    def _asked(self, known: KnownCall, request: UpstreamRequest) -> UpstreamAnswer | None:
        """The system's answer; None if it is not asked, because it did not answer recently."""
        system = self._system(known.site)
        share = system.credentials if known.call.kind in CREDENTIAL_STATUSES else system.nightly
        if not share.acquire(blocking=False):  # no more calls at once than this site's share
            raise UpstreamAway(
                f"too many calls of {known.site} wait for its upstream system", "Find out why it is slow."
            )
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
                self._tell(
                    f"calls of {known.site} are not passed on for now: {why}. One call is tried from time to time"
                )
            raise
        if system.circuit.answered():
            self._tell(f"the upstream system of {known.site} answers again: calls are passed on")
        return got

    def _system(self, site: str) -> "_System":
        call_ins = self._call_ins()
        upstream = call_ins[site].upstream
        if upstream is None:
            raise UpstreamAway(
                f"site {site} has no upstream system", f"Set one: engage site call-in {site} --upstream URL"
            )
        sites = sum(each.way is CallInWay.UPSTREAM for each in call_ins.values())
        shares = call_in_shares(self._threads, sites)
        with self._making:
            system = self._systems.get(site)
            if system is None or (system.upstream, system.shares) != (upstream, shares):
                system = self._systems[site] = _System(upstream, shares, self._clock)
            return system


class _System:
    """The upstream system of one site, as this process knows it."""

    def __init__(self, upstream: Upstream, shares: CallInShares, clock: Callable[[], float]) -> None:
        self.upstream = upstream
        self.shares = shares
        self.host = UpstreamHost(upstream, shares.upstream)
        self.circuit = Circuit(clock)
        self.nightly = threading.BoundedSemaphore(shares.site)
        self.credentials = threading.BoundedSemaphore(shares.site_credentials)


def _answer(kind: CallKind, got: UpstreamAnswer) -> CallAnswer:
    """The answer to the device, from the system's answer.

    Raises:
        UpstreamAway: The system's answer cannot be given to a device.
    """
    if got.status in _REFUSALS:
        return _REFUSALS[got.status]
    if 400 <= got.status < 500 and got.status not in (408, 425, 429):
        return CallAnswer(got.status, retry_seconds=got.retry_seconds)
    if not 200 <= got.status < 300:  # also a redirect: no device follows one
        sentence = f"the upstream system answers {got.status} to {CALLS[kind]}"
        raise UpstreamAway(sentence, "Check its log.", retry_seconds=got.retry_seconds)
    if kind is CallKind.DATABASE:
        return _database(got)
    if kind is CallKind.CONFIG:
        return CallAnswer(200)
    status = CREDENTIAL_STATUSES[kind] if got.status in _WITHOUT_CONTENT else got.status
    return CallAnswer(status, _body(got))


def _database(got: UpstreamAnswer) -> CallAnswer:
    """The database for the device, if it is harmless. Otherwise the device keeps what it has and calls again."""
    try:
        if got.status != 200:
            raise BodyInvalid(f"the upstream system answers {got.status} to a database call", "Answer 200 with JSON.")
        assert_harmless(_read(got), "the upstream system's database answer")
    except BodyInvalid as error:
        raise UpstreamAway(error.sentence, "Fix the upstream system.") from None
    return CallAnswer(200, got.body.removeprefix(BOM_UTF8))  # a small JSON parser does not accept one


def _body(got: UpstreamAnswer) -> bytes:
    return write_json(_read(got)) if got.body else b""


def _read(got: UpstreamAnswer) -> Json:
    try:
        return read_json(got.body, strict=True)
    except BodyInvalid as error:
        sentence = f"the upstream system's answer cannot be given to a device: {error.sentence}"
        raise UpstreamAway(sentence, "Fix the upstream system.") from None
