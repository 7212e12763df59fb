"""Where uploads go that a device sent to a site with shared files: into the database, or back into folders.

Each answers as a partner's system would: 201 for an upload that is stored. The same upload may come twice, because a
process was killed before its file was removed. Then it is recognized by what it is and when it came.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from engage_server.errors import BodyInvalid, StoreNotUsable, UpstreamSilent
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_json, write_json
from engage_server.services.call_in.delivering.upload_spool import Pending, Upload
from engage_server.services.call_in.from_shared import ALERT, AUDIT, GIVEN, PARAMETERS
from engage_server.services.call_in.upstream_host import UpstreamAnswer
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.device_files.given_database import parsed_given, record_given
from engage_server.services.device_files.uploads import Entry, entries_of, stamp, taken, upload_digest
from engage_server.services.shared_files.contents import given_report, parameters_report
from engage_server.store.interface.shared_files import SharedFileStore, UploadKey, UploadLimits

_STORED = UpstreamAnswer(201, b"")
_NOT_AN_UPLOAD = UpstreamAnswer(400, b"")
_COLLECTIONS = {AUDIT: Collection.AUDITS, ALERT: Collection.ALERTS}  # any other kind is a call with credentials


class StoreDestination:
    """Implements :class:`engage_server.services.call_in.delivering.delivery.Destination` with the database.

    Args:
        store: The database.
        limits: How much is kept there.
        max_events: An upload with more events is kept, but its events are not compared with earlier ones.
    """

    name = "database"

    def __init__(self, store: SharedFileStore, limits: UploadLimits, max_events: int) -> None:
        self._store = store
        self._limits = limits
        self._max_events = max_events

    def give(self, pending: Pending) -> UpstreamAnswer:
        """Store one upload."""
        upload = pending.read()
        if pending.serial is None:
            return _NOT_AN_UPLOAD
        try:
            return self._store_it(pending.site, pending.serial, upload)
        except StoreNotUsable as error:
            raise UpstreamSilent(error.sentence, error.next_step) from None

    def _store_it(self, site: str, serial: str, upload: Upload) -> UpstreamAnswer:
        if upload.kind == GIVEN:
            given = parsed_given(upload.body)
            if given is None:
                return _NOT_AN_UPLOAD
            self._store.put_shared_report(site, given_report(serial, given))
            return _STORED
        value = read_json(upload.body, FILE_DEPTH)
        if upload.kind == PARAMETERS:
            file = {"receivedAt": stamp(upload.received_at), "parameters": value}
            if (report := parameters_report(serial, file)) is not None:
                self._store.put_shared_report(site, report)
            return _STORED
        collection, call = _COLLECTIONS.get(upload.kind, Collection.CREDENTIALS), _call(upload.kind)
        key = UploadKey(serial, str(collection), upload_digest(value, call))
        self._store.add_shared_upload(site, key, self._fold(value, upload.received_at, call), self._limits)
        return _STORED

    def _fold(self, value: Json, at: datetime, call: str) -> "_Fold":
        return _Fold(value, at, self._max_events, call)


class _Fold:
    """What becomes of an upload in the database: see :data:`engage_server.store.interface.shared_files.UploadFold`."""

    def __init__(self, value: Json, at: datetime, max_events: int, call: str) -> None:
        self._value = value
        self._at = at
        self._max_events = max_events
        self._call = call

    def __call__(self, before: bytes | None, newest: Sequence[bytes]) -> bytes | None:
        if before is not None:
            newest = [before]
        known = [entry for each in newest for entry in _entries(each)]
        if before is not None and any(
            stamp(self._at) in (each["receivedAt"], *each.get("again", ())) for each in known
        ):
            return None  # it was delivered, and this host was killed before it could know
        after = taken(known, self._value, self._at, self._max_events, self._call)
        return write_json(after.entries[-1])


class FolderDestination:
    """The same with the folders of this host, for a site that is answered from files again.

    Args:
        folders: The devices' folders, with their limits.
        max_events: As above.
    """

    name = "folders of devices"

    def __init__(self, folders: DeviceFolders, max_events: int) -> None:
        self._folders = folders
        self._max_events = max_events

    def give(self, pending: Pending) -> UpstreamAnswer:
        """Put one upload into its device's folder."""
        upload = pending.read()
        if pending.serial is None:
            return _NOT_AN_UPLOAD
        with self._folders.open(pending.site, pending.serial) as folder:
            if upload.kind == GIVEN:
                given = parsed_given(upload.body)
                if given is not None:
                    record_given(folder, given)
                return _STORED
            value = read_json(upload.body, FILE_DEPTH)
            if upload.kind == PARAMETERS:
                if isinstance(value, dict):
                    folder.put_parameters(value, upload.received_at)
                return _STORED
            collection = _COLLECTIONS.get(upload.kind, Collection.CREDENTIALS)
            folder.collect(collection, value, upload.received_at, self._max_events, _call(upload.kind))
        return _STORED


def _call(kind: str) -> str:
    """The call that an entry names: only credentials have several."""
    return "" if kind in _COLLECTIONS else kind


def _entries(content: bytes) -> list[Entry]:
    """The entry in a row. None for a damaged one: it must not stop what its device sends from now on."""
    with suppress(BodyInvalid):
        return entries_of("row", {"row": [read_json(content, FILE_DEPTH)]}, "a row")
    return []
