"""Records the few events in a device's audits that are evidence for rotations: on certificates and connections."""

from collections.abc import Iterable

from engage_server.protocol.device_audits import read_event
from engage_server.protocol.event_codes import MEANINGS
from engage_server.protocol.json_body import Json
from engage_server.services.evidence.sightings import Sightings

_MOST = 100  # of one upload; more of these events say nothing new


def note_device_audits(
    sightings: Sightings,
    site: str,
    address: str,
    serial: str | None,
    events: Iterable[Json],
    token: str,
    *,
    marked: bool = False,
) -> None:
    """Record the events that are evidence, oldest first, as the device sent them, each with the call's token.

    The caller must keep out uploads with more events than the setting ``max_audit_events`` allows.

    Args:
        sightings: Takes the events.
        site: The site's name.
        address: The address that the upload came from.
        serial: The device's serial number; None if unknown.
        events: The events as they came, read as JSON.
        token: A token that may prove the caller's identity; "" for none.
        marked: Whether a virtual lock sent them.
    """
    noted = 0
    for event in events:
        read = read_event(event)
        if read is not None and read.code in MEANINGS:
            sightings.audited(site, address, serial, f"{read.code} {read.data}".strip(), token, marked=marked)
            noted += 1
            if noted == _MOST:
                return
