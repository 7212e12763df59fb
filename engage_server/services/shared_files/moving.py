"""Moves the files of devices between this host's folders and the database. No device notices.

Bytes stay as they are, so every version and digest stays as well. Nothing is removed on the way: what was moved is in
both places. Each file is moved for itself. After an interruption, move again: what is there already is left out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.file_locks import OPERATOR_SECONDS
from engage_server.files import read_file
from engage_server.protocol.json_body import FILE_DEPTH, read_json
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.device_files.folder import (
    CONFIGURATION,
    DATABASE,
    EARLIER,
    MAX_FILE_BYTES,
    PARAMETERS,
    Collection,
    DeviceFolder,
    DeviceFolders,
)
from engage_server.services.device_files.given_database import parsed_given, read_given, record_given
from engage_server.services.shared_files.contents import (
    FILES,
    PAGE_BYTES,
    digest_of,
    draft_of,
    given_report,
    imported_rows,
    parameters_report,
)
from engage_server.services.shared_files.copy import SharedCopy
from engage_server.services.shared_files.device_copy import Copied
from engage_server.store.interface.shared_files import SharedDraft, SharedFileStore, SharedHead

_AT_ONCE = 500


@dataclass(slots=True)
class Moved:
    """What was moved.

    Attributes:
        devices: How many devices have files.
        files: How many databases and configurations were not there yet.
        uploads: How many uploads were not.
        faults: A sentence for each file that cannot be moved.
        change: The number of the newest change after it.
    """

    devices: int = 0
    files: int = 0
    uploads: int = 0
    faults: list[str] = field(default_factory=list)
    change: int = 0


class SharedMoving:
    """Moves the files of a site.

    Args:
        store: The database.
        folders: The devices' folders of this host.
        data: The data folder.
    """

    def __init__(self, store: SharedFileStore, folders: DeviceFolders, data: Path) -> None:
        self._store = store
        self._folders = folders
        self._copy = SharedCopy(store, folders, data)

    def faults(self, site: str) -> list[str]:
        """A sentence for each file of this host that devices could not be given. Nothing is changed."""
        found = list[str]()
        for serial in self._folders.serials(site):
            with self._folders.open(site, serial) as folder:
                found += _faults(folder)
        return found

    @contextmanager
    def alone(self, site: str) -> Iterator[None]:
        """Keep this host from copying the site's files meanwhile: it would replace what is still to be moved.

        Raises:
            NotPossible: Another command moves them.
        """
        with self._copy.turn(site, OPERATOR_SECONDS):
            yield

    def load(
        self, site: str, at: datetime, *, files_win: bool, since: int | None = None, tell: Tell = tell_nobody
    ) -> Moved:
        """Put what this host has into the database.

        A newer database always wins. Parameters and calls: the later ones.

        Args:
            site: The site's name.
            at: The time, timezone-aware.
            files_win: Whether a configuration of this host replaces a stored one. True while devices get those of this
                host.
            since: A configuration of this host also replaces one whose change has this number or a smaller one. It was
                moved before, and this host's was changed after that.
            tell: Called with each device's serial number when its files are stored.
        """
        if files_win:
            self._copy.end(site)
        self._store.begin_shared_files(site)
        done = Moved()
        for serial in self._folders.serials(site):
            done.devices += 1
            with self._folders.open(site, serial) as folder:
                drafts, earlier = list(_drafts(folder)), list(_earlier(folder))
                self._load_reports(site, folder)
            for draft in drafts:
                done.files += self._put(site, serial, draft, earlier, at, files_win=files_win, since=since)
            done.uploads += self._load_uploads(site, serial)
            tell(serial)
        standing = self._store.shared_standing(site)
        done.change = 0 if standing is None else standing.changes
        return done

    def write_back(self, site: str, tell: Tell = tell_nobody) -> Moved:
        """Put what the database has into the folders of this host.

        A newer database of this host stays.

        Raises:
            BodyInvalid: A file of this host is damaged, and nothing can be added to it.
        """
        done = Moved()
        for serial in self.serials(site):
            done.devices += 1
            copied = Copied()
            for head in self._store.shared_heads(site, serial):
                if head.is_current and head.kind in FILES:
                    self._copy.apply(site, head, copied)
            done.files += copied.files
            done.uploads += self._write_uploads(site, serial)
            done.faults += [f"{device}: {fault}" for device, fault in copied.faults]
            tell(serial)
        return done

    def serials(self, site: str) -> Iterator[str]:
        """The devices with anything in the database."""
        after = ""
        while some := self._store.shared_serials(site, after, _AT_ONCE):
            yield from some
            after = some[-1]

    def _put(
        self,
        site: str,
        serial: str,
        draft: SharedDraft,
        earlier: list[SharedDraft],
        at: datetime,
        *,
        files_win: bool,
        since: int | None,
    ) -> bool:
        """Put one file, unless the database has it, or a newer one."""
        while True:
            present = current_head(self._store, site, serial, draft.kind)
            if present is not None and _stays(present, draft, files_win=files_win, since=since):
                return False
            expected = None if present is None else present.change
            if (
                self._store.put_shared_file(site, serial, draft, expected, at, earlier=earlier, even_unshared=True)
                is not None
            ):
                return True

    def _load_reports(self, site: str, folder: DeviceFolder) -> None:
        with suppress(BodyInvalid):
            value = folder.parameters()
            report = parameters_report(folder.path.name, value) if isinstance(value, dict) else None
            if report is not None:
                self._store.put_shared_report(site, report)
        given = read_given(folder)
        if given is not None:
            self._store.put_shared_report(site, given_report(folder.path.name, given))

    def _load_uploads(self, site: str, serial: str) -> int:
        added = 0
        for collection in Collection:
            with self._folders.open(site, serial) as folder:
                names = folder.files_of(collection)
            for name in names:
                with self._folders.open(site, serial) as folder:
                    entries = folder.entries(name, collection)
                if entries:
                    rows = imported_rows(serial, str(collection), entries)
                    added += self._store.import_shared_uploads(site, rows)
        return added

    def _write_uploads(self, site: str, serial: str) -> int:
        added = self._write_reports(site, serial)
        for collection in Collection:
            after = 0
            while some := self._store.shared_uploads_of(site, serial, str(collection), after, _AT_ONCE, PAGE_BYTES):
                entries = [each for one in some if isinstance(each := read_json(one.content, FILE_DEPTH), dict)]
                with self._folders.open(site, serial) as folder:
                    added += folder.add_collected(collection, entries)
                after = some[-1].row
        return added

    def _write_reports(self, site: str, serial: str) -> int:
        parameters = self._store.shared_report(site, serial, "parameters")
        given = self._store.shared_report(site, serial, "given")
        if parameters is None and given is None:
            return 0
        with self._folders.open(site, serial) as folder:
            if parameters is not None and _is_later(parameters.at, folder):
                folder.put(PARAMETERS, read_json(parameters.content, FILE_DEPTH))
            call = None if given is None else parsed_given(given.content)
            known = read_given(folder)
            if call is not None and (known is None or known.at < call.at):
                record_given(folder, call)
        return 0


def current_head(store: SharedFileStore, site: str, serial: str, kind: str) -> SharedHead | None:
    """The file of this kind that a device is to have. None if there is none."""
    heads = store.shared_heads(site, serial)
    return next((each for each in heads if each.kind == kind and each.is_current), None)


def _stays(present: SharedHead, draft: SharedDraft, *, files_win: bool, since: int | None) -> bool:
    if present.digest == digest_of(draft.content) or present.version > draft.version:
        return True
    was_moved = since is not None and present.change <= since
    return present.version == draft.version and not files_win and not was_moved


def _faults(folder: DeviceFolder) -> Iterator[str]:
    checks: list[Callable[[], object]] = [folder.database]
    checks += [lambda each=each: folder.collected(each) for each in Collection]  # type: ignore[misc]
    for check in checks:
        try:
            check()
        except (BodyInvalid, FileNotUsable) as error:
            yield error.sentence


def _drafts(folder: DeviceFolder) -> Iterator[SharedDraft]:
    for name in (DATABASE, CONFIGURATION):
        path = folder.path / name
        if path.exists():
            yield draft_of(name, read_file(path, limit=MAX_FILE_BYTES))


def _earlier(folder: DeviceFolder) -> Iterator[SharedDraft]:
    for path in sorted((folder.path / EARLIER).glob("0x*.json")):
        draft = draft_of(DATABASE, read_file(path, limit=MAX_FILE_BYTES))
        if draft.version:
            yield draft


def _is_later(at: datetime, folder: DeviceFolder) -> bool:
    with suppress(BodyInvalid):
        value = folder.parameters()
        known = parameters_report("", value) if isinstance(value, dict) else None
        return known is None or known.at < at
    return True
