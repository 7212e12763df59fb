"""This host's copy of the files that operators give to devices: devices get it, so no call waits for the database.

The copy lies in the devices' folders, as files do that this host alone has. ``.shared`` beside them says how far it has
come. Only what changed is read, one file at a time, whatever the number of devices. A process that is killed does the
last part again. The copy never goes back to an older file: a host whose database was
restored keeps what its devices have.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, EngageError, FileNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.device_files.folder import DATABASE, EARLIER, MAX_FILE_BYTES, DeviceFolders
from engage_server.services.shared_files.contents import FILES, rank_in
from engage_server.store.interface.shared_files import REMOVED, SharedFileStore, SharedHead, SharedStanding

STATE = ".shared"  # in the site's folder; no device's folder has such a name
_STATE_BYTES = 4096
_TOLD_KEPT = 1000
_OLDER = (
    "the database has older files than the copy of this host: it was restored. Give it the newer ones: "
    "engage site call-in {site} --shared"
)
_AT_ONCE = 200  # files between two writes of the state


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """How far a copy has come.

    Attributes:
        journal: Of which journal. "" for none.
        change: The number of the last change that is in it.
        is_complete: Whether it had everything at least once.
    """

    journal: str = ""
    change: int = 0
    is_complete: bool = False


@dataclass(slots=True)
class Copied:
    """What one run did.

    Attributes:
        files: How many files changed here.
        faults: A device, and why its file was left as it is.
    """

    files: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_place(data: Path, site: str) -> CopyPlace:
    """How far the copy of a site has come on this host. Without a usable file, it begins again."""
    with suppress(FileNotUsable, BodyInvalid, KeyError, TypeError, ValueError):
        value: Any = read_json(read_file(data / site / STATE, limit=_STATE_BYTES))
        return CopyPlace(str(value["journal"]), int(value["change"]), value["complete"] is True)
    return CopyPlace()


class SharedCopy:
    """Keeps the copy. Only one process of a host does it.

    Args:
        store: The database.
        folders: The devices' folders.
        data: The data folder.
    """

    def __init__(self, store: SharedFileStore, folders: DeviceFolders, data: Path) -> None:
        self._store = store
        self._folders = folders
        self._data = data

    def follow(self, site: str, standing: SharedStanding) -> Copied:
        """Copy what changed.

        Args:
            site: The site's name.
            standing: How far the site has come.

        Raises:
            StoreNotUsable: The database does not answer. What was copied stays.
            NotPossible: A file cannot be written.
        """
        done, place = Copied(), read_place(self._data, site)
        if place.journal != standing.journal:
            place = CopyPlace(standing.journal)
        if place.change > standing.changes:
            done.faults.append(("", _OLDER.format(site=site)))
        if place.is_complete and place.change >= standing.changes:
            return done
        while True:
            heads = self._store.changed_shared_files(site, place.change, _AT_ONCE)
            for head in heads:
                self.apply(site, head, done)
            is_last = len(heads) < _AT_ONCE
            change = max(place.change, *(head.change for head in heads[-1:]), standing.changes if is_last else 0)
            place = CopyPlace(place.journal, change, place.is_complete or is_last)
            self._write(site, place)
            if is_last:
                return done

    def apply(self, site: str, head: SharedHead, done: Copied) -> None:
        """Make this host's file as the database says, unless this host has a newer one."""
        heads = self._store.shared_heads(site, head.serial)
        present = next((each for each in heads if each.kind == head.kind and each.is_current), None)
        if present is None:  # something else happened to it meanwhile, which has a greater number
            return
        if present.kind == REMOVED:
            done.files += self._folders.remove(site, head.serial)
            return
        path = self._folders.path(site, head.serial)
        is_database = present.kind == "database"
        earlier = [each for each in heads if each.kind == present.kind and not each.is_current] if is_database else []
        if is_database and (rank_in(_content(path / DATABASE)) or "") > present.version:
            done.faults.append((head.serial, "this host has a newer database than the shared one, and keeps it"))
            return
        for each in earlier:
            done.files += self._copy(site, each, path / EARLIER / f"{each.version}.json")
        done.files += self._copy(site, present, path / FILES[present.kind])
        if is_database:
            self._forget(site, head.serial, earlier)

    def _copy(self, site: str, head: SharedHead, path: Path) -> bool:
        """Write one file as a whole. The database is read before the lock: a device waits only for the disk."""
        if _digest(path) == head.digest:
            return False
        content = self._store.shared_content(site, head.change)
        if content is None or hashlib.sha256(content).hexdigest() != head.digest:
            return False  # it was replaced just now
        with self._folders.open(site, head.serial):
            if path.parent.name == EARLIER:
                make_folder(path.parent)
            replace_file(path, content, SECRET_MODE)
        return True

    def _forget(self, site: str, serial: str, earlier: Sequence[SharedHead]) -> None:
        """Remove earlier databases that the others do not have: every host must answer a device in the same way."""
        kept = {f"{each.version}.json" for each in earlier}
        with self._folders.open(site, serial) as folder:
            for path in (folder.path / EARLIER).glob("0x*.json"):
                if path.name not in kept:
                    path.unlink(missing_ok=True)

    def _write(self, site: str, place: CopyPlace) -> None:
        folder = self._data / site
        if not folder.is_dir():
            make_folder(folder, within=self._data)
        value = {"journal": place.journal, "change": place.change, "complete": place.is_complete}
        replace_file(folder / STATE, write_json(value), SECRET_MODE)


class SharedCopies:
    """The copies of all sites.

    Args:
        store: The database.
        copy: Copies one site.
        sites: Gives the names of the sites whose files are shared now.
        tell: Called with a site, a device and a sentence that operators should read.
    """

    def __init__(
        self,
        store: SharedFileStore,
        copy: SharedCopy,
        sites: Callable[[], Sequence[str]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._copy = copy
        self._sites = sites
        self._tell = tell
        self._told: set[tuple[str, str, str]] = set()

    def run(self) -> None:
        """Copy what changed, of each site. A fault of one site does not stop the others.

        Raises:
            EngageError: The first fault.
        """
        wanted = self._sites()
        if not wanted:
            return
        standings, first = self._store.shared_standings(), None
        for site in wanted:
            if (standing := standings.get(site)) is None:
                continue
            try:
                self._tell_once(site, self._copy.follow(site, standing).faults)
            except EngageError as error:
                first = first or error
        if first is not None:
            raise first

    def _tell_once(self, site: str, faults: Sequence[tuple[str, str]]) -> None:
        now = {(site, serial, fault) for serial, fault in faults}
        for each in sorted(now - self._told):
            self._tell(*each)
        if len(self._told) > _TOLD_KEPT:
            self._told.clear()
        self._told |= now


def _content(path: Path) -> bytes | None:
    with suppress(FileNotUsable):
        return read_file(path, limit=MAX_FILE_BYTES)
    return None


def _digest(path: Path) -> str:
    content = _content(path)
    return "" if content is None else hashlib.sha256(content).hexdigest()
