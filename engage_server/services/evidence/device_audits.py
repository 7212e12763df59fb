"""From a device's audits to the evidence of rotations: the few events that tell of certificates and connections."""

from collections.abc import Iterable

from engage_server.protocol.device_audits import read_event
from engage_server.protocol.event_codes import MEANINGS
from engage_server.protocol.json_body import Json
from engage_server.services.evidence.sightings import Sightings

_MOST = 100  # of one upload: whoever sends more of these says nothing new


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
    """Note those of these events that are evidence, oldest first, as the device sent them; each with the call's token.

    The caller keeps uploads away that are too long to be looked at (the setting ``max_audit_events``).

    Args:
        sightings: Where to.
        site: Its name.
        address: Where the upload came from.
        serial: Whose it is; None where that is not known.
        events: As they came, read as JSON.
        token: One that could prove who calls; "" for none.
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
