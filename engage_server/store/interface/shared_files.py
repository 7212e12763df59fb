"""The files of devices that all hosts share (decision 69)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.records import AuditEvent, Device, SealedValues

REMOVED = "removed"  # the kind of the row that a removed device leaves
NOT_SHARED = "device_files.moved"  # the code of the refusal for a site that shares no files


@dataclass(frozen=True, slots=True)
class SharedStanding:
    """How far the files of a site have come.

    Attributes:
        journal: Eight hexadecimal digits, made with the first file of the site. Cursors and copies name it.
        changes: The number of the newest change. Numbers only grow, also after a restore.
        uploads: The number of the newest upload.
        bytes: How many bytes all uploads have.
    """

    journal: str
    changes: int
    uploads: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SharedDraft:
    """A file before it has a number.

    Attributes:
        kind: ``database`` or ``configuration``.
        version: Of a database: ``0x`` and 16 upper-case digits, so that texts compare as versions do. "" for others.
        content: Its bytes.
    """

    kind: str
    version: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedHead:
    """A file without its content.

    Attributes:
        serial: Its device.
        kind: ``database``, ``configuration`` or :data:`REMOVED`.
        version: As in the draft.
        change: Its number among the changes of its site.
        digest: SHA-256 of its content, 64 hexadecimal digits.
        length: How many bytes it has.
        put_at: When it was put; aware, UTC.
        is_current: Whether its device is to have it. Otherwise it is an earlier database.
    """

    serial: str
    kind: str
    version: str
    change: int
    digest: str
    length: int
    put_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class SharedUpload:
    """One upload of a device.

    Attributes:
        row: Its place among all uploads.
        number: Its number among those of its site. None if it was imported.
        serial: Its device.
        collection: Its kind: ``audits``, ``alerts`` or ``credentials``.
        content: Its entry as JSON.
    """

    row: int
    number: int | None
    serial: str
    collection: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedReport:
    """The last word of a device.

    Attributes:
        serial: The device.
        kind: ``parameters`` or ``given``.
        at: When it came; aware, UTC.
        version: Of ``given``: the version of the database as in a draft. "" for others.
        content: JSON.
    """

    serial: str
    kind: str
    at: datetime
    version: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadKey:
    """What makes an upload the same as another one."""

    serial: str
    collection: str
    digest: str


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How many bytes of uploads are kept, of one device and of its site."""

    device: int
    site: int


@dataclass(frozen=True, slots=True)
class SharedReader:
    """A system that reads the list of a site's uploads again and again.

    Attributes:
        token: The name of its token.
        number: It has all uploads up to this number.
        read_at: When it came that far; aware, UTC, by the database's clock.
    """

    token: str
    number: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """How much the database has of a site's shared files.

    Attributes:
        files: Databases and configurations, without earlier ones.
        uploads: Uploads.
    """

    files: int
    uploads: int


UploadFold = Callable[[bytes | None, Sequence[bytes]], bytes | None]
"""Gives the new content of an upload from the one that is stored, and the device's newest other ones of its kind.

None leaves what is stored as it is.
"""


class SharedFileStore(Protocol):
    """The files of devices that all hosts share. Each method raises NotFound if there is no such site."""

    def shared_standings(self) -> Mapping[str, SharedStanding]:
        """Return how far each site has come that has shared files, by its name."""

    def shared_standing(self, site: str) -> SharedStanding | None:
        """The same for one site. None if it has no shared files."""

    def begin_shared_files(self, site: str) -> None:
        """Make sure that the site has a standing, also without any file."""

    def changed_shared_files(self, site: str, after: int, limit: int) -> Sequence[SharedHead]:
        """Return the current files with a greater number, by number."""

    def shared_heads(self, site: str, serial: str) -> Sequence[SharedHead]:
        """Return all files of a device, current and earlier ones, by number."""

    def shared_heads_of(self, site: str, serials: Sequence[str]) -> Sequence[SharedHead]:
        """The same of several devices: a page of them."""

    def shared_content(self, site: str, change: int) -> bytes | None:
        """Return the content of a file. None if it is gone."""

    def shared_contents(self, site: str, changes: Sequence[int]) -> Mapping[int, bytes]:
        """The same of several files, by number. Those that are gone are left out."""

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
        """Put a file, if the current one still is the expected one. A database before it becomes an earlier one.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
            draft: The file.
            expected: The number of the current file of its kind. None if there is none.
            at: When it is put.
            earlier: Databases that devices may still have. Those whose version is stored are left out.
            event: The event for the audit log. None: the caller records it.
            device: Is put on the site's list, if it is on none.
            even_unshared: Put it although the site's call-ins are not answered from shared files, as before a site
                begins to share them. How the site answers is locked until this is committed.

        Returns:
            The file. None if the current one is another one: nothing was done.

        Raises:
            Conflict: The device belongs to another site. Or the site shares no files (:data:`NOT_SHARED`).
        """

    def add_shared_upload(self, site: str, key: UploadKey, fold: UploadFold, limits: UploadLimits) -> bool:
        """Store an upload. Whether it is there already is found out in the same transaction.

        Returns:
            Whether it is a new one.

        Raises:
            NotPossible: A limit is reached (``device.full``).
        """

    def import_shared_uploads(self, site: str, uploads: Mapping[UploadKey, bytes]) -> int:
        """Add those of these uploads that are not stored, without numbers and limits. Return how many."""

    def put_shared_report(self, site: str, report: SharedReport) -> None:
        """Store a device's word, unless a later one of its kind is stored."""

    def shared_report(self, site: str, serial: str, kind: str) -> SharedReport | None:
        """Return a device's last word of this kind. None for none."""

    def shared_uploads_after(self, site: str, number: int, limit: int, most_bytes: int) -> Sequence[SharedUpload]:
        """Return the uploads with a greater number, by number: at least one, if there is one."""

    def shared_uploads_of(
        self, site: str, serial: str, collection: str, after: int, limit: int, most_bytes: int
    ) -> Sequence[SharedUpload]:
        """Return the uploads of a device after a row, in their order: at least one, if there is one."""

    def shared_upload_bytes(self, site: str, serial: str) -> Mapping[str, int]:
        """Return how many bytes the uploads of a device have, by collection."""

    def shared_serials(self, site: str, after: str, limit: int) -> Sequence[str]:
        """Return devices with files, uploads or a report, by serial number."""

    def unfetched_shared_databases(
        self, site: str, after: str, limit: int
    ) -> Sequence[tuple[SharedHead, SharedReport | None]]:
        """Return current databases that their devices were not given last, by serial number."""

    def note_shared_reader(self, site: str, reader: str, journal: str, number: int) -> None:
        """Record that a token's system has all uploads up to this number. It never goes back in one journal."""

    def shared_readers(self, site: str) -> Sequence[SharedReader]:
        """Return the readers whose token is still good, by its name."""

    def forget_shared_uploads(self, site: str, keep: timedelta, limit: int) -> int:
        """Remove uploads that have been stored for longer. One that such a reader does not have yet stays.

        Args:
            site: The site's name.
            keep: How long they stay, by the database's clock.
            limit: How many are removed at most.

        Returns:
            How many were removed.
        """

    def open_shared_files(self) -> SealedValues:
        """Open all contents of all sites, and say which do not open. None leaves this method."""

    def count_shared_files(self, site: str) -> SharedCounts:
        """Return how much there is."""

    def remove_shared_files(self, site: str, event: AuditEvent) -> None:
        """Remove all of a site, and record it. The copies of hosts stay: they are the files of these hosts now."""
