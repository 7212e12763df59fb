"""Answers call-ins from this host's copy of the files that all hosts share (decision 69). Never waits for the database.

What a device sends goes into the spool, on the disk, before the device is answered. The operators' instance moves it
into the database: see :mod:`engage_server.services.shared_files.destinations`.
"""

from collections.abc import Callable

from engage_server.errors import BodyInvalid
from engage_server.protocol.configuration import read_parameters
from engage_server.protocol.database_answer import version_of
from engage_server.protocol.device_audits import MAX_EVENTS, events_in
from engage_server.protocol.json_body import Json, without_secrets, write_json
from engage_server.services.call_in.call import (
    CREDENTIAL_STATUSES,
    LATER,
    NOT_FOUND,
    CallAnswer,
    CallKind,
    KnownCall,
)
from engage_server.services.call_in.delivering.upload_spool import Appended, Upload, UpstreamSpool
from engage_server.services.call_in.from_files import database_answer
from engage_server.services.device_files.copied import assert_as_copied
from engage_server.services.device_files.folder import DeviceFolder, DeviceFolders
from engage_server.services.device_files.given_database import GivenDatabase, written_given
from engage_server.services.evidence.device_audits import note_device_audits
from engage_server.services.evidence.sightings import Sightings

AUDIT, ALERT, PARAMETERS, GIVEN = "audit", "alert", "parameters", "given"  # kinds in the spool; credentials: the call
SPOOL_KINDS = {
    CallKind.AUDIT: AUDIT,
    CallKind.ALERT: ALERT,
    CallKind.CREDENTIAL_SCAN: "scan",
    CallKind.CREDENTIAL: "credentials",
    CallKind.CREDENTIAL_STATUS: "status",
}


class SharedAnswers:
    """Implements :class:`engage_server.services.call_in.call.Answerer`.

    Args:
        folders: The devices' folders: this host's copy.
        spool: Keeps what devices send, on its way to the database.
        is_copied: Whether this host has copied all files of a site at least once, and those of a device.
        sightings: Records the evidence in audits; None if nothing is recorded.
        max_events: An upload with more events is kept, but not searched for evidence.
        is_newest: Whether the copy of a site was compared with the database a moment ago.
    """

    def __init__(
        self,
        folders: DeviceFolders,
        spool: UpstreamSpool,
        is_copied: Callable[[str, str], bool],
        sightings: Sightings | None,
        max_events: int = MAX_EVENTS,
        *,
        is_newest: Callable[[str], bool],
    ) -> None:
        self._folders = folders
        self._spool = spool
        self._is_copied = is_copied
        self._sightings = sightings
        self._max_events = max_events
        self._is_newest = is_newest

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer a call."""
        if known.serial is None:
            return NOT_FOUND
        if known.call.kind is CallKind.DATABASE:
            return self._database(known, known.serial)
        if known.call.kind is CallKind.CONFIG:
            parameters = read_parameters(known.value)
            if not known.is_trial:
                self._keep(known, known.serial, PARAMETERS, parameters)
            return CallAnswer(200)  # not 204, which has no Content-Length for a device to read
        return self._collect(known, known.serial)

    def open_circuits(self) -> list[str]:
        """Always empty: the copy is always available."""
        return []

    def _database(self, known: KnownCall, serial: str) -> CallAnswer:
        """A new host does not know yet whether a device has a database: that device must call again.

        So must a device that has a newer database than a host that is cut off: another host gave it that one. With the
        older one, somebody whom an operator has removed could open the door again.
        """
        answer, is_copied = NOT_FOUND, self._is_copied(known.site, serial)
        if self._folders.exists(known.site, serial):
            with self._folders.open(known.site, serial) as folder:
                if is_copied:
                    assert_as_copied(folder.path, known.call.since)
                if not self._is_newest(known.site) and _has_newer(known.call.since, folder):
                    return LATER
                answer = database_answer(folder, known, lambda given: self._report(known, serial, given))
        return LATER if answer is NOT_FOUND and not is_copied else answer

    def _report(self, known: KnownCall, serial: str, given: GivenDatabase) -> None:
        self._keep(known, serial, GIVEN, written_given(given))

    def _collect(self, known: KnownCall, serial: str) -> CallAnswer:
        kind = known.call.kind
        if not isinstance(known.value, dict | list):
            raise BodyInvalid(f"the body has no {SPOOL_KINDS[kind]}", "Send an object or a list.")
        if known.is_trial:  # a trial must not add events to a real door
            return CallAnswer(CREDENTIAL_STATUSES.get(kind, 201))
        appended = self._keep(known, serial, SPOOL_KINDS[kind], known.value)
        if kind in CREDENTIAL_STATUSES:
            return CallAnswer(CREDENTIAL_STATUSES[kind])
        self._note(known, serial, appended)
        return CallAnswer(201 if appended.is_first else 202)

    def _note(self, known: KnownCall, serial: str, appended: Appended) -> None:
        events = events_in(known.value)
        if self._sightings is not None and not appended.repeated and len(events) <= self._max_events:
            call = known.call
            note_device_audits(
                self._sightings, known.site, call.address, serial, events, call.claims.token, marked=call.marked
            )

    def _keep(self, known: KnownCall, serial: str, kind: str, value: Json) -> Appended:
        upload = Upload(
            kind=kind,
            target="",
            body=write_json(without_secrets(value)),
            content_type="",
            authorization="",
            address=known.call.address,
            received_at=known.at,
            marked=known.call.marked,
        )
        return self._spool.append(known.site, serial, upload)


def _has_newer(since: str, folder: DeviceFolder) -> bool:
    """Whether a device says that it has a newer database than this folder."""
    has, value = version_of(since), folder.present_database()
    ours = version_of(str(value.get("nxtDbVerTS", ""))) if isinstance(value, dict) else None
    return has is not None and ours is not None and has > ours
