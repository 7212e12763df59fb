"""The part of the store that keeps the files of devices that all hosts share."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from engage_server.errors import Conflict
from engage_server.records import AuditEvent, CallInWay, Device, SealedValues
from engage_server.store.database.engine import LONG_SECONDS, reading, writing
from engage_server.store.evidence import standing
from engage_server.store.interface.shared_files import (
    NOT_SHARED,
    SharedCounts,
    SharedDraft,
    SharedHead,
    SharedReader,
    SharedReport,
    SharedStanding,
    SharedUpload,
    UploadFold,
    UploadKey,
    UploadLimits,
)
from engage_server.store.queries import device_queries
from engage_server.store.queries.site_queries import locked_way, site_id
from engage_server.store.sealing import Sealer
from engage_server.store.shared_files import file_queries, retention_queries, site_rows, upload_queries
from engage_server.store.shared_files.sealed_contents import ContentSeal, open_contents


class SqlSharedFiles:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def shared_standings(self) -> Mapping[str, SharedStanding]:
        with reading(self._engine) as connection:
            return site_rows.select_standings(connection)

    def shared_standing(self, site: str) -> SharedStanding | None:
        with reading(self._engine) as connection:
            return site_rows.select_standing(connection, site_id(connection, site))

    def begin_shared_files(self, site: str) -> None:
        with writing(self._engine) as connection:
            site_rows.locked_standing(connection, site_id(connection, site))

    def changed_shared_files(self, site: str, after: int, limit: int) -> Sequence[SharedHead]:
        with reading(self._engine) as connection:
            return file_queries.select_changed(connection, site_id(connection, site), after, limit)

    def shared_heads(self, site: str, serial: str) -> Sequence[SharedHead]:
        with reading(self._engine) as connection:
            return file_queries.select_heads(connection, site_id(connection, site), serial)

    def shared_heads_of(self, site: str, serials: Sequence[str]) -> Sequence[SharedHead]:
        with reading(self._engine) as connection:
            return file_queries.select_heads_of(connection, site_id(connection, site), serials)

    def shared_content(self, site: str, change: int) -> bytes | None:
        with reading(self._engine) as connection:
            return file_queries.select_content(connection, site_id(connection, site), change, self._seal)

    def shared_contents(self, site: str, changes: Sequence[int]) -> Mapping[int, bytes]:
        with reading(self._engine) as connection:
            return file_queries.select_contents(connection, site_id(connection, site), changes, self._seal)

    def put_shared_file(
        self,
        site: str,
        serial: str,
        draft: SharedDraft,
        expected: int | None,
        at: datetime,
        *,
        earlier: Sequence[SharedDraft] = (),
        event: AuditEvent | None = None,
        device: Device | None = None,
        even_unshared: bool = False,
    ) -> SharedHead | None:
        with writing(self._engine) as connection:
            row_id = site_id(connection, site)
            if not even_unshared:
                assert_shared(connection, site)
            head = file_queries.put(connection, row_id, serial, draft, expected, at, earlier, self._seal)
            if head is None:
                return None
            is_new = device is not None and _put_on_list(connection, device)
            if event is not None:
                self._tell(connection, event, changes_serving=is_new)
            return head

    def add_shared_upload(self, site: str, key: UploadKey, fold: UploadFold, limits: UploadLimits) -> bool:
        with writing(self._engine) as connection:
            return upload_queries.add(connection, site_id(connection, site), key, fold, limits, self._seal)

    def import_shared_uploads(self, site: str, uploads: Mapping[UploadKey, bytes]) -> int:
        with writing(self._engine) as connection:
            return upload_queries.add_imported(connection, site_id(connection, site), uploads, self._seal)

    def put_shared_report(self, site: str, report: SharedReport) -> None:
        with writing(self._engine) as connection:
            upload_queries.put_report(connection, site_id(connection, site), report, self._seal)

    def shared_report(self, site: str, serial: str, kind: str) -> SharedReport | None:
        with reading(self._engine) as connection:
            return upload_queries.select_report(connection, site_id(connection, site), serial, kind, self._seal)

    def shared_uploads_after(self, site: str, number: int, limit: int, most_bytes: int) -> Sequence[SharedUpload]:
        with reading(self._engine) as connection:
            row_id = site_id(connection, site)
            return upload_queries.select_after(connection, row_id, number, limit, most_bytes, self._seal)

    def shared_uploads_of(
        self, site: str, serial: str, collection: str, after: int, limit: int, most_bytes: int
    ) -> Sequence[SharedUpload]:
        with reading(self._engine) as connection:
            row_id = site_id(connection, site)
            return upload_queries.select_of_device(
                connection, row_id, serial, collection, after, limit, most_bytes, self._seal
            )

    def shared_upload_bytes(self, site: str, serial: str) -> Mapping[str, int]:
        with reading(self._engine) as connection:
            return upload_queries.select_bytes(connection, site_id(connection, site), serial)

    def shared_serials(self, site: str, after: str, limit: int) -> Sequence[str]:
        with reading(self._engine) as connection:
            return upload_queries.select_serials(connection, site_id(connection, site), after, limit)

    def unfetched_shared_databases(
        self, site: str, after: str, limit: int
    ) -> Sequence[tuple[SharedHead, SharedReport | None]]:
        with reading(self._engine) as connection:
            return upload_queries.select_unfetched(connection, site_id(connection, site), after, limit, self._seal)

    def note_shared_reader(self, site: str, reader: str, journal: str, number: int) -> None:
        with writing(self._engine) as connection:
            retention_queries.put_reader(connection, site_id(connection, site), reader, journal, number)

    def shared_readers(self, site: str) -> Sequence[SharedReader]:
        with reading(self._engine) as connection:
            return retention_queries.select_readers(connection, site_id(connection, site))

    def forget_shared_uploads(self, site: str, keep: timedelta, limit: int) -> int:
        with writing(self._engine) as connection:
            return retention_queries.delete_old(connection, site_id(connection, site), keep, limit)

    def open_shared_files(self) -> SealedValues:
        with reading(self._engine, LONG_SECONDS) as connection:
            return open_contents(connection, self._opened())

    def count_shared_files(self, site: str) -> SharedCounts:
        with reading(self._engine) as connection:
            return retention_queries.count(connection, site_id(connection, site))

    def remove_shared_files(self, site: str, event: AuditEvent) -> None:
        with writing(self._engine, LONG_SECONDS) as connection:
            file_queries.delete_site(connection, site_id(connection, site))
            self._tell(connection, event, changes_serving=False)

    @property
    def _seal(self) -> ContentSeal:
        return ContentSeal(self._opened())

    @abstractmethod
    def _opened(self) -> Sealer:
        """The sealer. The whole store has it."""

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""


def assert_shared(connection: Connection, site: str) -> None:
    """Refuse a change for a site that shares no files. It cannot stop to share them until this transaction ends.

    Raises:
        Conflict: It shares none.
    """
    if locked_way(connection, site) is not CallInWay.SHARED:
        raise Conflict(
            f"site {site!r} answers call-ins from files of each host since this change began",
            "Run it again: it goes into these files then.",
            code=NOT_SHARED,
        )


def _put_on_list(connection: Connection, device: Device) -> bool:
    standing.hold(connection)
    is_new = device_queries.insert_device(connection, device)
    standing.refresh(connection, [device.serial])
    return is_new
