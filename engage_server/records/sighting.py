"""A sighting: one thing that a device did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

VIRTUAL_LOCK = "virtual_lock"  # why a sighting counts for nothing that a virtual lock made


class SightingKind(StrEnum):
    """What was seen."""

    NOTICE = "notice"  # it asked for the notice and was answered
    CERTIFICATE = "certificate"  # it asked for a DER and was answered
    HANDSHAKE_FINISHED = "handshake_finished"
    HANDSHAKE_FAILED = "handshake_failed"
    CALL_IN = "call_in"  # it called in, and was answered as a known device
    AUDIT = "report"  # one of its audits told of a download, a hash, or a connection; stored under its older word


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a device did.

    Attributes:
        kind: What it did.
        at: Aware, UTC; when it was answered.
        listener: ``http`` or ``https``.
        address: The device's, as text; its proxy's or NAT's where there is one.
        serial: 32 upper-case hexadecimal digits, or None. A TLS handshake carries none; where a request on its
            connection does, the handshake is told of once more, with it.
        site: Whose release answered, or None where there was none.
        release: The number of that release, or None.
        tls_version: Such as ``TLSv1.3``; "" without TLS, or where the handshake did not come that far.
        failure: Why a handshake failed: ``alert unknown_ca`` where the client said so by a TLS alert (RFC 8446
            section 6), else our own word for it. Of a report: the audit's event code, and its hexadecimal data if there
            is any. "" for all else.
        authenticated: Whether a token made with the site key proved on this connection that it is this device. Said by
            whoever moves sightings into the store; workers cannot know it.
        token_time: The time in that token, in seconds since 1970 by the device's clock; 0 without one.
        disregarded: Why it counts for nothing: ``future``, ``before_installation``, ``virtual_lock``; "" where it
            counts.
        host: The host that it called, of a notice or a call-in; "" where it named none. Of each device the newest is
            kept, with its history.
        resumed: Whether the handshake resumed an earlier session: then the device looked at no certificate.
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
