"""Answers call-ins from the JSON files of each device (see :mod:`engage_server.services.device_files.folder`)."""

from collections.abc import Callable

from engage_server.errors import BodyInvalid, NotPossible
from engage_server.protocol.configuration import read_parameters
from engage_server.protocol.database_answer import answer_since
from engage_server.protocol.device_audits import MAX_EVENTS
from engage_server.protocol.json_body import write_json
from engage_server.services.call_in.call import CREDENTIAL_STATUSES, NOT_FOUND, CallAnswer, CallKind, KnownCall
from engage_server.services.device_files.folder import Collection, DeviceFolder, DeviceFolders
from engage_server.services.device_files.given_database import GivenDatabase, record_given
from engage_server.services.evidence.device_audits import note_device_audits
from engage_server.services.evidence.sightings import Sightings

_COLLECTIONS = {
    CallKind.AUDIT: Collection.AUDITS,
    CallKind.ALERT: Collection.ALERTS,
    CallKind.CREDENTIAL_SCAN: Collection.CREDENTIALS,
    CallKind.CREDENTIAL: Collection.CREDENTIALS,
    CallKind.CREDENTIAL_STATUS: Collection.CREDENTIALS,
}
_CALLS = {CallKind.CREDENTIAL_SCAN: "scan", CallKind.CREDENTIAL: "credentials", CallKind.CREDENTIAL_STATUS: "status"}


class FileAnswers:
    """Implements :class:`engage_server.services.call_in.dispatch.Answerer`.

    Args:
        folders: The devices' folders.
        sightings: Records the evidence in audits; None if nothing is recorded.
        max_events: An upload with more events is kept, but not searched for evidence.
    """

    def __init__(self, folders: DeviceFolders, sightings: Sightings | None, max_events: int = MAX_EVENTS) -> None:
        self._folders = folders
        self._sightings = sightings
        self._max_events = max_events

    def answer(self, known: KnownCall) -> CallAnswer:
        """Answer a call. If a file is damaged, an operator must fix it, and the device calls again."""
        if known.serial is None:
            return NOT_FOUND
        if known.call.kind is CallKind.DATABASE and not self._folders.exists(known.site, known.serial):
            return NOT_FOUND  # a request alone creates no folder
        with self._folders.open(known.site, known.serial) as folder:
            if known.call.kind is CallKind.DATABASE:
                return database_answer(folder, known)
            if known.call.kind is CallKind.CONFIG:
                parameters = read_parameters(known.value)
                if not known.is_trial:
                    folder.put_parameters(parameters, known.at)
                return CallAnswer(200)  # not 204, which has no Content-Length for a device to read
            return self._collect(folder, known, known.serial)

    def open_circuits(self) -> list[str]:
        """Always empty: files are always available."""
        return []

    def _collect(self, folder: DeviceFolder, known: KnownCall, serial: str) -> CallAnswer:
        kind = known.call.kind
        collection = _COLLECTIONS[kind]
        if not isinstance(known.value, dict | list):
            raise BodyInvalid(f"the body has no {collection}", "Send an object or a list.")
        if known.is_trial:  # a trial must not add events to a real door
            is_first = not folder.files_of(collection)
            return CallAnswer(CREDENTIAL_STATUSES.get(kind, 201 if is_first else 202))
        try:
            after, is_first = folder.collect(collection, known.value, known.at, self._max_events, _CALLS.get(kind, ""))
        except BodyInvalid as error:  # the fault is in the stored file, not in the body
            raise NotPossible(error.sentence, error.next_step) from None
        if collection is Collection.CREDENTIALS:
            return CallAnswer(CREDENTIAL_STATUSES[kind])
        if self._sightings is not None:
            call = known.call
            note_device_audits(
                self._sightings,
                known.site,
                call.address,
                serial,
                after.fresh,
                call.claims.token,
                marked=call.marked,
            )
        return CallAnswer(201 if is_first else 202)


def database_answer(
    folder: DeviceFolder, known: KnownCall, before: Callable[[GivenDatabase], None] = lambda given: None
) -> CallAnswer:
    """The answer to a call for a database. ``before`` is called as :func:`.record_given` calls it."""
    since = known.call.since
    try:
        answer = folder.database()
        if answer is None:
            return NOT_FOUND  # a known device without a database yet: it keeps the one that it has
        body = write_json(answer_since(answer, folder.earlier, since))
        if known.call.method != "HEAD" and not known.is_trial:
            record_given(folder, GivenDatabase(known.at, since, str(answer["nxtDbVerTS"])), before)
        return CallAnswer(200, body)
    except BodyInvalid as error:
        raise NotPossible(error.sentence, error.next_step) from None
