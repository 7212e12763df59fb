"""Imports, exports and shows devices' files, wherever their site has them: on this host, or in the database."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from engage_server.errors import BodyInvalid, Conflict
from engage_server.files import SECRET_MODE, make_folder, replace_file
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_json, write_pretty_json
from engage_server.records import Page
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.device_files.exchange import DeviceExchange, StoredFile
from engage_server.services.device_files.finding import COLLECTIONS, FoundFile
from engage_server.services.device_files.folder import DATABASE, PARAMETERS, Collection, DeviceFolders
from engage_server.services.device_files.for_devices import assert_newer_than
from engage_server.services.device_files.given_database import GivenDatabase, parsed_given
from engage_server.services.device_files.upload_feed import SiteUpload
from engage_server.services.device_files.uploads import Entry, imported_entries, in_parts, stamp
from engage_server.services.shared_files.contents import (
    FILES,
    KINDS,
    PAGE_BYTES,
    draft_of,
    file_bytes,
    imported_rows,
    is_shared,
    parameters_report,
)
from engage_server.services.shared_files.feed import shared_device_page
from engage_server.services.shared_files.moving import current_head
from engage_server.store.interface import SharedFileStore, SiteStore

_AT_ONCE = 500
_IN_ONE_FILE = 4 * 1024 * 1024  # of uploads, so that an import can read it again


class ExchangeStore(SharedFileStore, SiteStore, Protocol):
    """The part of the store that this needs."""


class EitherExchange(DeviceExchange):
    """See :class:`engage_server.services.device_files.exchange.DeviceExchange`, whose docstrings apply.

    Args:
        folders: The devices' folders of this host.
        store: Knows where each site has its files.
        into_database: Import into the database, also for a site that is not answered from it yet.
    """

    def __init__(self, folders: DeviceFolders, store: ExchangeStore, *, into_database: bool = False) -> None:
        super().__init__(folders)
        self._store = store
        self._into_database = into_database

    def _is_shared(self, site: str) -> bool:
        return self._into_database or is_shared(self._store, site)

    def assert_newer(self, site: str, files: Sequence[FoundFile]) -> None:
        """Check databases against those that their devices may have."""
        if not self._is_shared(site):
            super().assert_newer(site, files)
            return
        for file in files:
            if file.kind == DATABASE:
                self._assert_newer(site, file, file.read())

    def bring_in(self, site: str, files: Sequence[FoundFile], now: datetime, tell: Tell = tell_nobody) -> None:
        """Import files, one device at a time."""
        if not self._is_shared(site):
            super().bring_in(site, files, now, tell)
            return
        self._store.begin_shared_files(site)
        by_serial: dict[str, list[FoundFile]] = {}
        for file in files:
            by_serial.setdefault(file.serial, []).append(file)
        for serial, some in by_serial.items():
            for file in some:
                self._put(site, file, now)
            tell(serial)

    def assert_here(self, site: str) -> None:
        """The site may have begun to share its files meanwhile.

        Raises:
            Conflict: It did.
        """
        if self._is_shared(site):
            raise Conflict(
                f"site '{site}' began to share its files during the import",
                "Import the files again: those that are there already stay as they are.",
                code="device_files.moved",
            )

    def take_out(
        self,
        site: str,
        serials: Iterable[str],
        target: Path,
        faults: list[str] | None = None,
        tell: Tell = tell_nobody,
    ) -> None:
        """Write devices' files into a folder."""
        if not self._is_shared(site):
            super().take_out(site, serials, target, faults, tell)
            return
        for serial in serials:
            make_folder(target / serial)
            for name, content in self._contents(site, serial):
                replace_file(target / serial / name, content, SECRET_MODE)
            tell(serial)

    def serials(self, site: str) -> list[str]:
        """The devices of a site that have files."""
        if not self._is_shared(site):
            return super().serials(site)
        found, after = list[str](), ""
        while some := self._store.shared_serials(site, after, _AT_ONCE):
            found += some
            after = some[-1]
        return found

    def collected(self, site: str, serial: str, collection: Collection) -> list[dict[str, Any]]:
        """The uploads of a device."""
        return (
            list(self._entries(site, serial, collection))
            if self._is_shared(site)
            else super().collected(site, serial, collection)
        )

    def uploads(
        self, site: str, serial: str, cursor: str | None, limit: int, only: Collection | None = None
    ) -> Page[SiteUpload]:
        """A page of the uploads of a device."""
        if not self._is_shared(site):
            return super().uploads(site, serial, cursor, limit, only)
        return shared_device_page(self._store, site, serial, cursor, limit, only)

    def given(self, site: str, serial: str) -> GivenDatabase | None:
        """The last call of a device for its database."""
        if not self._is_shared(site):
            return super().given(site, serial)
        report = self._store.shared_report(site, serial, "given")
        return None if report is None else parsed_given(report.content)

    def files(self, site: str, serial: str) -> dict[str, int]:
        """The files of a device, and their lengths."""
        if not self._is_shared(site):
            return super().files(site, serial)
        return {each.name: each.bytes for each in self.stored(site, serial)}

    def stored(self, site: str, serial: str) -> tuple[StoredFile, ...]:
        """The files of a device, and when they were put."""
        if not self._is_shared(site):
            return super().stored(site, serial)
        heads = [each for each in self._store.shared_heads(site, serial) if each.is_current and each.kind in FILES]
        found = [StoredFile(FILES[each.kind], each.length, each.put_at) for each in heads]
        report = self._store.shared_report(site, serial, "parameters")
        if report is not None:
            found.append(StoredFile(PARAMETERS, len(report.content), report.at))
        return tuple(sorted(found, key=lambda each: each.name))

    def _assert_newer(self, site: str, file: FoundFile, value: Json) -> None:
        present = self._present(site, file.serial)
        assert_newer_than(present, value, f"{file.path}: ", file.serial)

    def _present(self, site: str, serial: str) -> Json:
        head = current_head(self._store, site, serial, KINDS[DATABASE])
        content = None if head is None else self._store.shared_content(site, head.change)
        return None if content is None else read_json(content, FILE_DEPTH)

    def _put(self, site: str, file: FoundFile, now: datetime) -> None:
        value = file.read()
        if file.kind in KINDS:
            self._put_for_device(site, file, value, now)
        elif file.kind == PARAMETERS and isinstance(value, dict):
            report = parameters_report(file.serial, {"receivedAt": stamp(now), "parameters": value})
            if report is not None:
                self._store.put_shared_report(site, report)
        elif file.kind in COLLECTIONS:
            collection = str(COLLECTIONS[file.kind])
            entries = imported_entries(collection, value, now)
            self._store.import_shared_uploads(site, imported_rows(file.serial, collection, entries))

    def _put_for_device(self, site: str, file: FoundFile, value: Json, now: datetime) -> None:
        draft = draft_of(file.kind, file_bytes(value))
        while True:
            present = current_head(self._store, site, file.serial, draft.kind)
            if file.kind == DATABASE:
                self._assert_newer(site, file, value)
            expected = None if present is None else present.change
            put = self._store.put_shared_file(
                site, file.serial, draft, expected, now, even_unshared=self._into_database
            )
            if put is not None:
                return

    def _entries(self, site: str, serial: str, collection: Collection) -> Iterator[Entry]:
        after = 0
        while some := self._store.shared_uploads_of(site, serial, str(collection), after, _AT_ONCE, PAGE_BYTES):
            for each in some:
                value = read_json(each.content, FILE_DEPTH)
                if not isinstance(value, dict):
                    raise BodyInvalid(f"an upload of {serial} in the database is damaged", "Restore a backup.")
                yield value
            after = some[-1].row

    def _contents(self, site: str, serial: str) -> Iterator[tuple[str, bytes]]:
        """The files of a device as an export has them: indented, as from folders."""
        for head in self._store.shared_heads(site, serial):
            content = self._store.shared_content(site, head.change) if head.is_current and head.kind in FILES else None
            if content is not None:
                yield FILES[head.kind], write_pretty_json(read_json(content, FILE_DEPTH))
        report = self._store.shared_report(site, serial, "parameters")
        if report is not None:
            yield PARAMETERS, write_pretty_json(read_json(report.content, FILE_DEPTH))
        for collection in Collection:
            parts = list(in_parts(list(self._entries(site, serial, collection)), _IN_ONE_FILE))
            for number, part in enumerate(parts, 1):
                name = f"{collection}.json" if number == len(parts) else f"{collection}.{number:06}.json"
                yield name, write_pretty_json({str(collection): part})
