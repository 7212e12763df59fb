"""Gives one device another file, wherever its site has its files: see :mod:`.exchange` for many at once."""

from contextlib import suppress
from typing import Any, Protocol

from engage_server.errors import Conflict
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_json
from engage_server.records import AuditAction, Device, Occasion
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.device_files.for_devices import (
    FileForDevice,
    FilesForDevices,
    VersionedFile,
    assert_newer_than,
    assert_seen,
    version_of_bytes,
    versioned,
)
from engage_server.services.shared_files.contents import KINDS, draft_of, file_bytes, is_shared
from engage_server.services.shared_files.moving import current_head
from engage_server.services.sites.device_file_change import DeviceFileChange, FileChangeStore, of_another_site
from engage_server.store.interface import SharedFileStore
from engage_server.store.interface.shared_files import NOT_SHARED, SharedHead


class EitherStore(FileChangeStore, SharedFileStore, Protocol):
    """The part of the store that this needs."""


class EitherFiles(FilesForDevices):
    """See :class:`engage_server.services.device_files.for_devices.FilesForDevices`, whose docstrings apply.

    Args:
        folders: The devices' folders of this host.
        store: Knows where each site has its files.
    """

    def __init__(self, folders: DeviceFolders, store: EitherStore) -> None:
        super().__init__(folders)
        self._store = store

    def version(self, site: str, serial: str, file: FileForDevice) -> str:
        """The version of a file."""
        if not is_shared(self._store, site):
            return super().version(site, serial, file)
        return version_of_bytes(self.content(site, current_head(self._store, site, serial, KINDS[file])))

    def read(self, site: str, serial: str, file: FileForDevice) -> VersionedFile:
        """A file as it was put."""
        if not is_shared(self._store, site):
            return super().read(site, serial, file)
        return versioned(serial, file, self.content(site, current_head(self._store, site, serial, KINDS[file])))

    def content(self, site: str, head: SharedHead | None) -> bytes | None:
        """The content of a file in the database. None for none."""
        return None if head is None else self._store.shared_content(site, head.change)


class EitherFileChange(DeviceFileChange):
    """See :class:`engage_server.services.sites.device_file_change.DeviceFileChange`, whose docstrings apply.

    Args:
        store: Holds the lists of devices, the audit log, and the files that all hosts share.
        files: The files.
    """

    def __init__(self, store: EitherStore, files: EitherFiles) -> None:
        super().__init__(store, files)
        self._shared = store
        self._contents = files

    def put(
        self,
        site: str,
        serial: str,
        file: FileForDevice,
        value: dict[str, Any],
        seen: str | None,
        occasion: Occasion,
    ) -> VersionedFile:
        """As in files of this host. The file, the list and the entry in the audit log are one transaction."""
        while True:  # until nobody moves the site's files meanwhile
            if not is_shared(self._shared, site):
                with suppress(_MovedMeanwhile):
                    return super().put(site, serial, file, value, seen, occasion)
            try:
                return self._put_shared(site, serial, file, value, seen, occasion)
            except Conflict as error:
                if error.code != NOT_SHARED:
                    raise

    def _put_shared(
        self,
        site: str,
        serial: str,
        file: FileForDevice,
        value: dict[str, Any],
        seen: str | None,
        occasion: Occasion,
    ) -> VersionedFile:
        device = Device(serial, site, occasion.now) if self.owner(site, serial) is None else None
        event = occasion.event(AuditAction.DEVICES_IMPORTED, site, device=serial, files=file.value, devices="1")
        draft = draft_of(file, file_bytes(value))
        while True:  # until nobody else was faster
            head = current_head(self._shared, site, serial, draft.kind)
            content = self._contents.content(site, head)
            assert_seen(serial, file, seen, version_of_bytes(content))
            if file is FileForDevice.DATABASE:
                assert_newer_than(_parsed(content), value, "", serial)
            expected = None if head is None else head.change
            try:
                put = self._shared.put_shared_file(
                    site, serial, draft, expected, occasion.now, event=event, device=device
                )
            except Conflict as error:
                if error.code == NOT_SHARED:
                    raise
                raise of_another_site(serial, site) from None
            if put is not None:
                return VersionedFile(value, version_of_bytes(draft.content), len(draft.content))

    def assert_here(self, site: str) -> None:
        """As in files of this host."""
        if is_shared(self._shared, site):
            raise _MovedMeanwhile


class _MovedMeanwhile(Exception):  # no error: the file goes into the database then
    """The site began to share its files after this change had begun."""


def _parsed(content: bytes | None) -> Json:
    return None if content is None else read_json(content, FILE_DEPTH)
