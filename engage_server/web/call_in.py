"""The routes of devices besides the certificate's: the nightly call-in, and files that the vendor's sample served."""

from flask import Blueprint, request
from werkzeug.routing import BaseConverter

from engage_server.protocol import paths
from engage_server.protocol.caller_serial import caller_claims
from engage_server.protocol.upstream_target import path_with, target_of
from engage_server.records import SightingKind
from engage_server.services.call_in.call import Call, CallKind
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.distribution.lookup import Distribution, Refusal
from engage_server.services.evidence.sightings import Sightings
from engage_server.web import answers
from engage_server.web.caller import IDENTIFIED, CallerReader
from engage_server.web.device import REFUSALS

UPLOADS_WITHOUT_END = (paths.AUDIT,)  # the longer a device was away, the larger their bodies


class AnyCaseConfig(BaseConverter):
    """``Config`` as the vendor writes it, or in any other case, as firmware writes it."""

    regex = f"(?i:{paths.CONFIG})"


_ROUTES = (
    ("config", "PUT", f"{paths.CONFIG_PREFIX}<any_case_config:config>", CallKind.CONFIG),
    ("database", "GET", f"{paths.DATABASE_PREFIX}<since>", CallKind.DATABASE),
    ("audit", "POST", paths.AUDIT, CallKind.AUDIT),
    ("alert", "POST", paths.ALERT, CallKind.ALERT),
    ("credential_scan", "POST", paths.CREDENTIAL_SCAN, CallKind.CREDENTIAL_SCAN),
    ("credential", "POST", paths.CREDENTIAL, CallKind.CREDENTIAL),
    ("credential_status", "POST", paths.CREDENTIAL_STATUS, CallKind.CREDENTIAL_STATUS),
)

ENDPOINTS = frozenset(f"call_in.{endpoint}" for endpoint, *_ in _ROUTES)


def blueprint(call_ins: CallIns, caller: CallerReader) -> Blueprint:
    """Build the call-in's routes."""
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
    """Build the routes of the addresses at which the vendor's sample served certificates."""
    bp = Blueprint("static_certificates", __name__)

    @bp.get(f"{paths.STATIC_CERTIFICATES}<name>", provide_automatic_options=False)
    def certificate(name: str) -> answers.Answer:
        """Return exactly the certificate that was imported under this name. No other file is ever served."""
        address = caller.address()
        found = distribution.static_certificate(name, caller.host(), caller.query(), address, caller.local())
        if isinstance(found, Refusal):
            return REFUSALS[found]()
        is_devices = request.method != "HEAD" and not caller.is_balancers()
        if sightings is not None and is_devices and found.release:
            sightings.answered(SightingKind.CERTIFICATE, found, address, None, marked=caller.is_marked())
        return answers.ok(found.content, answers.DER)

    return bp


def _call(kind: CallKind, caller: CallerReader) -> Call:
    query, authorization = caller.query(), request.headers.get("Authorization", "")
    return Call(
        kind=kind,
        method=request.method,
        target=_target(kind, query),
        claims=caller_claims(query, authorization),
        since=str((request.view_args or {}).get("since", "")),
        body=request.get_data(),
        content_type=request.headers.get("Content-Type", ""),
        authorization=authorization,
        host=caller.host(),
        address=caller.address(),
        local=caller.local(),
        secure=request.environ.get("wsgi.url_scheme") == "https",
        said_before=None if caller.is_proxied() else caller.said_before(),
        via=request.headers.get("Via", ""),
        marked=caller.is_marked(),
    )


def _target(kind: CallKind, query: str) -> str:
    """Return the target for an upstream system; "" if it cannot be built. Never the target that was received."""
    parts = request.view_args or {}
    path: str | None = _PATHS.get(kind)
    if kind is CallKind.CONFIG:
        path = paths.CONFIG_PREFIX + str(parts["config"])  # in the device's own spelling
    elif kind is CallKind.DATABASE:
        path = path_with(paths.DATABASE_PREFIX, str(parts["since"]))
    return target_of(path, query) if path is not None else ""


_PATHS = {kind: rule for _, _, rule, kind in _ROUTES if "<" not in rule}
