"""A sighting: one thing that a device did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

VIRTUAL_LOCK = "virtual_lock"  # why a sighting of a virtual lock counts for nothing


class SightingKind(StrEnum):
    """What a device did."""

    NOTICE = "notice"  # it requested the notice and was answered
    CERTIFICATE = "certificate"  # it requested a DER and was answered
    HANDSHAKE_FINISHED = "handshake_finished"
    HANDSHAKE_FAILED = "handshake_failed"
    CALL_IN = "call_in"  # it called in, and was answered as a known device
    AUDIT = "report"  # one of its audits reported a download, a hash or a connection; the stored word is an older one


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a device did.

    Attributes:
        kind: What it did.
        at: When it was answered. Aware, UTC.
        listener: ``http`` or ``https``.
        address: The device's address, as text; the address of its proxy or NAT if there is one.
        serial: 32 upper-case hexadecimal digits, or None. A TLS handshake carries none. If a request on its connection
            does, the handshake is recorded once more, with it.
        site: The site whose release answered, or None.
        release: The number of that release, or None.
        tls_version: Such as ``TLSv1.3``. "" without TLS, or if the handshake did not get that far.
        failure: Why a handshake failed: ``alert unknown_ca`` if the client sent a TLS alert (RFC 8446 section 6), else
            our own word for it. Of a report: the audit's event code, and its hexadecimal data if there is any. "" for
            everything else.
        authenticated: Whether a token made with the site key proved on this connection that it is this device. Set by
            the code that moves sightings into the store; workers cannot know it.
        token_time: The time in that token, in seconds since 1970 by the device's clock; 0 without one.
        disregarded: Why it counts for nothing: ``future``, ``before_installation``, ``virtual_lock``. "" if it counts.
        host: The host that it called, of a notice or a call-in; "" if it named none. The newest one of each device is
            stored with its history.
        resumed: Whether the handshake resumed an earlier session. Then the device checked no certificate.
    """

    kind: SightingKind
    at: datetime
    listener: str
    address: str
    serial: str | None = None
    site: str | None = None
    release: int | None = None
    tls_version: str = ""
    failure: str = ""
    resumed: bool = False
    authenticated: bool = False
    token_time: int = 0
    disregarded: str = ""
    host: str = ""
