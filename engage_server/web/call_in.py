"""The devices' calls beside the certificate: the nightly call-in, and what the vendor's sample gave as files."""

from urllib.parse import quote

from flask import Blueprint, request
from werkzeug.routing import BaseConverter

from engage_server.protocol import call_paths
from engage_server.records import SightingKind
from engage_server.services.call_in import Call, CallIns, CallKind
from engage_server.services.distribution import Distribution, Refusal
from engage_server.services.sightings import Sightings
from engage_server.web import answers
from engage_server.web.caller import IDENTIFIED, CallerReader
from engage_server.web.device import REFUSALS


class AnyCaseConfig(BaseConverter):
    """``Config``, as the vendor writes it, or in any other case, as firmware does."""

    regex = f"(?i:{call_paths.CONFIG})"


_ROUTES = (
    ("config", "PUT", f"{call_paths.CONFIG_PREFIX}<any_case_config:config>", CallKind.CONFIG),
    ("database", "GET", f"{call_paths.DATABASE_PREFIX}<since>", CallKind.DATABASE),
    ("audit", "POST", call_paths.AUDIT, CallKind.AUDIT),
    ("alert", "POST", call_paths.ALERT, CallKind.ALERT),
    ("credential_scan", "POST", call_paths.CREDENTIAL_SCAN, CallKind.CREDENTIAL_SCAN),
    ("credential", "POST", call_paths.CREDENTIAL, CallKind.CREDENTIAL),
    ("credential_status", "POST", call_paths.CREDENTIAL_STATUS, CallKind.CREDENTIAL_STATUS),
)

ENDPOINTS = frozenset(f"call_in.{endpoint}" for endpoint, *_ in _ROUTES)


def blueprint(call_ins: CallIns, caller: CallerReader) -> Blueprint:
    """The call-in's routes."""
    bp = Blueprint("call_in", __name__)
    bp.record_once(lambda state: state.app.url_map.converters.update(any_case_config=AnyCaseConfig))

    def view(kind: CallKind) -> answers.Answer:
        answer = call_ins.answer(_call(kind, caller))
        if answer.serial is not None and not caller.is_proxied():
            request.environ[IDENTIFIED] = answer.serial
        return answers.of_call(answer)

    for endpoint, method, rule, kind in _ROUTES:
        bp.add_url_rule(
            rule,
            endpoint,
            lambda kind=kind, **_parts: view(kind),
            methods=[method],
            provide_automatic_options=False,
        )
    return bp


def static_blueprint(distribution: Distribution, caller: CallerReader, sightings: Sightings | None) -> Blueprint:
    """The addresses at which the vendor's sample gave certificates."""
    bp = Blueprint("static_certificates", __name__)

    @bp.get(f"{call_paths.STATIC_CERTIFICATES}<name>", provide_automatic_options=False)
    def certificate(name: str) -> answers.Answer:
        """The very certificate that was taken over by this name; no other file is ever given."""
        address = caller.address()
        found = distribution.static_certificate(name, caller.host(), caller.query(), address, caller.local())
        if isinstance(found, Refusal):
            return REFUSALS[found]()
        if sightings is not None and request.method != "HEAD" and found.release:
            sightings.answered(SightingKind.CERTIFICATE, found, address, None)
        return answers.ok(found.content, answers.DER)

    return bp


def _call(kind: CallKind, caller: CallerReader) -> Call:
    raw = str(request.environ.get("RAW_URI", ""))
    return Call(
        kind=kind,
        method=request.method,
        target=raw if raw.startswith("/") else _target(),
        query=caller.query(),
        since=str((request.view_args or {}).get("since", "")),
        body=request.get_data(),
        content_type=request.headers.get("Content-Type", ""),
        authorization=request.headers.get("Authorization", ""),
        host=caller.host(),
        address=caller.address(),
        local=caller.local(),
        secure=request.environ.get("wsgi.url_scheme") == "https",
        said_before=None if caller.is_proxied() else caller.said_before(),
        via=request.headers.get("Via", ""),
    )


def _target() -> str:
    """Of a request whose target is no path, such as one in absolute form."""
    query = str(request.environ.get("QUERY_STRING", ""))
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{path}?{query}" if query else path
