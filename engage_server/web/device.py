"""The routes that devices call for the certificate: the notice and the trust anchor."""

from flask import Blueprint, request

from engage_server.protocol import paths
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import SightingKind
from engage_server.services.distribution.lookup import Distribution, Refusal
from engage_server.services.distribution.site_choice import host_of_header
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence.sightings import Sightings
from engage_server.web import answers
from engage_server.web.caller import CallerReader

NOTICE_ENDPOINT = "device.notice"
DER_ENDPOINT = "device.der"

REFUSALS = {
    Refusal.UNKNOWN_NETWORK: answers.unauthorized,
    Refusal.NOTHING_CURRENT: answers.unavailable,
    Refusal.NO_SUCH_CERTIFICATE: answers.not_found,
}


def blueprint(distribution: Distribution, caller: CallerReader, sightings: Sightings | None) -> Blueprint:
    """Build the device routes. ``HEAD`` comes with each ``GET``. Other methods do not exist."""
    bp = Blueprint("device", __name__)

    @bp.get(paths.NOTICE, provide_automatic_options=False)
    def notice() -> answers.Answer:
        """Say where the trust anchor is, and its hash. No query and no header can make this refuse a device."""
        address = caller.address()
        found = distribution.notice(caller.host(), caller.query(), address, caller.local())
        return give(SightingKind.NOTICE, found, address, serial_from_query(caller.query()))

    @bp.get(f"{paths.DER_PREFIX}<digest>{paths.DER_SUFFIX}", provide_automatic_options=False)
    def der(digest: str) -> answers.Answer:
        """Return the bytes from which a notice's hash was made, of this release or an earlier one.

        ``cert_url`` has no query, so a request that has a serial number comes from no device: the number is not used.
        """
        address = caller.address()
        return give(SightingKind.CERTIFICATE, distribution.der(digest, address), address, None)

    def give(kind: SightingKind, found: ServedAnswer | Refusal, address: str, serial: str | None) -> answers.Answer:
        if isinstance(found, Refusal):
            return REFUSALS[found]()
        if sightings is not None and request.method != "HEAD" and not caller.is_balancers():  # HEAD gives nothing
            host = host_of_header(caller.host()) if kind is SightingKind.NOTICE else ""
            sightings.answered(kind, found, address, serial, marked=caller.is_marked(), host=host)
        return rendered(kind, found)

    return bp


def rendered(kind: SightingKind, served: ServedAnswer) -> answers.Answer:
    """Build the answer that gives a device what it asked for."""
    return answers.ok(served.content, answers.JSON if kind is SightingKind.NOTICE else answers.DER)
