"""From a device's audits to the evidence of rotations: the few events that tell of certificates and connections."""

from collections.abc import Iterable

from engage_server.protocol.audit_upload import read_event
from engage_server.protocol.device_token import token_in
from engage_server.protocol.event_codes import MEANINGS
from engage_server.protocol.json_body import Json
from engage_server.services.call_in import Call
from engage_server.services.sightings import Sightings

_MOST = 100  # of one upload: whoever sends more of these says nothing new


def note_reports(sightings: Sightings, site: str, call: Call, serial: str | None, events: Iterable[Json]) -> None:
    """Note those of these events that are evidence, oldest first, as the device sent them; each with the call's token.

    The caller keeps uploads away that are too long to be looked at (the setting ``max_audit_events``).
    """
    noted, token = 0, token_in(call.authorization)
    for event in events:
        read = read_event(event)
        if read is not None and read.code in MEANINGS:
            sightings.reported(site, call.address, serial, f"{read.code} {read.data}".strip(), token)
            noted += 1
            if noted == _MOST:
                return
