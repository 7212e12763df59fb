"""Call-ins answered by a partner's own system: passed on at once, or kept until the system takes them."""

from collections.abc import Callable, Mapping

from engage_server.errors import BodyInvalid, UpstreamAway
from engage_server.protocol.audit_upload import events_in
from engage_server.protocol.database_answer import assert_harmless
from engage_server.protocol.json_body import read_json, without_secrets, write_json
from engage_server.records import CallIn, Upstream
from engage_server.services.audit_reports import note_reports
from engage_server.services.call_in import (
    CREDENTIAL_STATUSES,
    NOT_FOUND,
    UNAUTHORIZED,
    CallAnswer,
    CallKind,
    KnownCall,
)
from engage_server.services.sightings import Sightings
from engage_server.services.upstream import UpstreamAnswer, UpstreamHost, UpstreamRequest
from engage_server.services.upstream_delivery import handed_on
from engage_server.services.upstream_spool import Upload, UpstreamSpool, device_name

_KEPT = {CallKind.AUDIT: "audit", CallKind.ALERT: "alert"}
_WITHOUT_CONTENT = frozenset({204, 205})  # have no Content-Length, which devices look for
# what the notes, section 5, name for these calls; any other refusal is passed on without its body
_REFUSALS = {401: UNAUTHORIZED, 403: UNAUTHORIZED, 404: NOT_FOUND}


class UpstreamAnswers:
    """Implements :class:`engage_server.services.call_in.Answerer`.

    Args:
        call_ins: Gives the sites' choices as they are now.
        spool: For audits and alerts.
        sightings: Where it is noted what audits tell; None: nowhere.
        connections: How many calls may run at once.
    """

    def __init__(
        self,
        call_ins: Callable[[], Mapping[str, CallIn]],
        spool: UpstreamSpool,
        sightings: Sightings | None,
        connections: int,
    ) -> None:
        self._call_ins = call_ins
        self._spool = spool
        self._sightings = sightings
        self._connections = connections
        self._hosts: dict[Upstream, UpstreamHost] = {}

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer."""
        kind = _KEPT.get(known.call.kind)
        return self._keep(known, kind) if kind is not None else self._pass_on(known)

    def _keep(self, known: KnownCall, kind: str) -> CallAnswer:
        """On the disk before the device is answered; see :mod:`engage_server.services.upstream_delivery`."""
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
        if self._sightings is not None and not appended.repeated:
            note_reports(self._sightings, known.site, call.address, known.serial, events_in(known.value))
        return CallAnswer(201 if appended.is_first else 202)

    def _pass_on(self, known: KnownCall) -> CallAnswer:
        call = known.call
        is_database = call.kind is CallKind.DATABASE
        body, method = (None, "GET") if is_database else (call.body, call.method)  # a HEAD is answered from a GET
        headers = handed_on(call.content_type, call.authorization, call.address)
        got = self._host(known.site).call(UpstreamRequest(method, call.target, body, headers))
        if got.status in _REFUSALS:
            return _REFUSALS[got.status]
        if 400 <= got.status < 500 and got.status not in (408, 425, 429):
            return CallAnswer(got.status)
        if not 200 <= got.status < 300:  # a redirect, too: no device follows one
            raise UpstreamAway(f"the upstream system answers {got.status} to {call.kind.name}", "Look at its log.")
        if call.kind is CallKind.DATABASE:
            return _database(got)
        if call.kind is CallKind.CONFIG:
            return CallAnswer(200)
        status = CREDENTIAL_STATUSES[call.kind] if got.status in _WITHOUT_CONTENT else got.status
        return CallAnswer(status, _body(got))

    def _host(self, site: str) -> UpstreamHost:
        upstream = self._call_ins()[site].upstream
        if upstream is None:
            raise UpstreamAway(f"site {site} names no upstream system", f"engage site call-in {site} --upstream URL")
        host = self._hosts.get(upstream)
        if host is None:
            host = self._hosts[upstream] = UpstreamHost(upstream, self._connections)
        return host


def _database(got: UpstreamAnswer) -> CallAnswer:
    """Only what can hurt no device: else it keeps what it has, and comes again."""
    try:
        if got.status != 200:
            raise BodyInvalid(f"the upstream system's answer, with status {got.status},", "Answer 200 with JSON.")
        assert_harmless(read_json(got.body), "the upstream system's database answer")
    except BodyInvalid as error:
        raise UpstreamAway(error.sentence, "Mend the partner's system.") from None
    return CallAnswer(200, got.body)


def _body(got: UpstreamAnswer) -> bytes:
    try:
        return write_json(read_json(got.body)) if got.body else b""
    except BodyInvalid:
        raise UpstreamAway("the upstream system's answer is not JSON", "Mend the partner's system.") from None
