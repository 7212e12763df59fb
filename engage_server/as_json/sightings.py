"""Sightings: the evidence on a device, one by one."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import Sighting, SightingKind


class SightingJson(Shape):
    """One thing that a device did, and what it proves."""

    kind: SightingKind
    """What the device did."""
    at: Instant
    """When it was answered, by this host's clock."""
    listener: str
    """``http`` or ``https``."""
    address: str
    """The device's address. Behind a proxy or NAT, it is the address of that."""
    serial: str | None
    """The serial number that it sent. Null: it sent none. A TLS handshake carries none."""
    site: str | None
    """The name of the site whose release answered. Null: none did."""
    release: int | None
    """The number of that release. Null: none answered."""
    host: str | None
    """The host that it called. Null: it named none."""
    tls_version: str | None
    """Such as ``TLSv1.3``. Null without TLS, or if the handshake did not get that far."""
    resumed: bool
    """Whether the handshake resumed an earlier session. Then the device checked no certificate."""
    failure: str | None
    """Why a handshake failed, or which event an audit reported. Null for all else."""
    authenticated: bool
    """Whether a token proved on this connection that it is this device."""
    disregarded: str | None
    """Why it counts for nothing. Null: it counts."""


def sighting_json(sighting: Sighting) -> SightingJson:
    """One thing that a device did. Its token is not in it."""
    return {
        "kind": sighting.kind,
        "at": sighting.at.isoformat(),
        "listener": sighting.listener,
        "address": sighting.address,
        "serial": sighting.serial,
        "site": sighting.site,
        "release": sighting.release,
        "host": sighting.host or None,
        "tls_version": sighting.tls_version or None,
        "resumed": sighting.resumed,
        "failure": sighting.failure or None,
        "authenticated": sighting.authenticated,
        "disregarded": sighting.disregarded or None,
    }
