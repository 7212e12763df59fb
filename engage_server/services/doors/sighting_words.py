"""Says in a sentence what a device did: for its timeline. Pure."""

from engage_server.protocol.event_codes import sentence_of_report
from engage_server.records import VIRTUAL_LOCK, Sighting, SightingKind

_HOW = {"https": "by TLS", "http": "by plain HTTP"}
_NOT_COUNTED = {
    "future": "its time lies in the future, because a server's clock was ahead",
    "before_installation": "its time lies before this installation, because a server's clock was behind",
    VIRTUAL_LOCK: "a virtual lock sent it, and this site was not made for trials",
}


def sighting_words(sighting: Sighting) -> str:
    """What happened, without a capital and without a full stop: ``came through by TLS with release 4 from 10.0.0.7``.

    Args:
        sighting: What others sent stands in it as it came. A page has to escape it.
    """
    proven = ", and proved itself by a token" if sighting.authenticated else ""
    why = _NOT_COUNTED.get(sighting.disregarded, sighting.disregarded)
    return f"{_what(sighting)}{proven}{f' (not counted: {why})' if why else ''}"


def _what(sighting: Sighting) -> str:
    how = _HOW.get(sighting.listener, f"by {sighting.listener}")
    place = f"from {sighting.address}" + (f", at the host {sighting.host}" if sighting.host else "")
    match sighting.kind:
        case SightingKind.HANDSHAKE_FINISHED if sighting.resumed:
            return f"resumed an earlier TLS session {place}: it checked no certificate"
        case SightingKind.HANDSHAKE_FINISHED:
            return f"came through by TLS{_with(sighting)} {place}"
        case SightingKind.HANDSHAKE_FAILED:
            return f"failed TLS{_with(sighting)} {place}" + (f": {sighting.failure}" if sighting.failure else "")
        case SightingKind.NOTICE:
            return f"asked for the notice {how} {place}" + _answered(sighting)
        case SightingKind.CERTIFICATE:
            return f"downloaded the anchor{_of(sighting)} {how} {place}"
        case SightingKind.CALL_IN:
            return f"called in {how} {place}"
        case SightingKind.AUDIT:
            return f"sent an audit {place}. It reports: {sentence_of_report(sighting.failure) or 'nothing readable'}"


def _with(sighting: Sighting) -> str:
    return f" with release {sighting.release}" if sighting.release else ""


def _of(sighting: Sighting) -> str:
    return f" of release {sighting.release}" if sighting.release else ""


def _answered(sighting: Sighting) -> str:
    return f", and got that of release {sighting.release}" if sighting.release else ""
