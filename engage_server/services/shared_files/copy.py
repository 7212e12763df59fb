"""This host's copy of the files that operators give to devices: devices get it, so no call waits for the database.

The copy lies in the devices' folders, as files do that this host alone has. ``.shared`` beside them says how far it has
come. Only what changed is read, a page at a time, whatever the number of devices. A process that is killed does the
last part again. The copy never goes back to an older file: a host whose database was restored keeps what its devices
have.

Whoever changes or removes a copy on the disk changes nothing for long. All copies are compared with the database, one
page after the other, and what differs is copied again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible
from engage_server.file_locks import locked
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.device_files.copied import digest_on_disk, read_copied
from engage_server.services.device_files.folder import DATABASE, DeviceFolders
from engage_server.services.shared_files.contents import FILES
from engage_server.services.shared_files.device_copy import Copied, DeviceCopy
from engage_server.store.interface.shared_files import REMOVED, SharedFileStore, SharedHead, SharedStanding

STATE = ".shared"  # in the site's folder; no device's folder has such a name
_STATE_BYTES = 4096
_OLDER = (
    "the database has older files than the copy of this host: it was restored. Give it the newer ones: "
    "engage site call-in {site} --shared"
)
_AT_ONCE = 200  # files between two writes of the state
_READ_TOGETHER = 8 * 1024 * 1024
_COPYING = ".copying"  # the folder whose lock the process has that writes copies


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
        self._checked: dict[str, int] = {}

    def follow(self, site: str, standing: SharedStanding) -> Copied:
        """Copy what changed. While the files of the site are moved, do nothing.

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
        while not (place.is_complete and place.change >= standing.changes):
            with self.turn(site) as is_mine:
                if not is_mine:
                    break
                heads = self._store.changed_shared_files(site, place.change, _AT_ONCE)
                self._apply_all(site, heads, done, is_first=not place.is_complete)
                is_last = len(heads) < _AT_ONCE
                change = max(place.change, *(head.change for head in heads[-1:]), standing.changes if is_last else 0)
                place = CopyPlace(place.journal, change, place.is_complete or is_last)
                self._write(site, place)
        return done

    def has_all(self, site: str, standing: SharedStanding) -> bool:
        """Whether the copy has come as far as the site."""
        place = read_place(self._data, site)
        return place.journal == standing.journal and place.is_complete and place.change >= standing.changes

    def end(self, site: str) -> None:
        """The site does not share its files any more: what is here may change, and the next copy is a first one."""
        (self._data / site / STATE).unlink(missing_ok=True)

    def check(self, site: str) -> Copied:
        """Compare the next page of copies with the database, and copy again what differs.

        Raises:
            StoreNotUsable: The database does not answer.
            NotPossible: A file cannot be written.
        """
        done, place = Copied(), read_place(self._data, site)
        with self.turn(site) as is_mine:
            if not is_mine or not place.is_complete:
                return done
            heads = self._store.changed_shared_files(site, self._checked.get(site, 0), _AT_ONCE)
            self._checked[site] = heads[-1].change if len(heads) == _AT_ONCE else 0
            known = [each for each in heads if each.change <= place.change]
            self._apply_all(site, [each for each in known if self._differs(site, each)], done, is_first=False)
        return done

    @contextmanager
    def turn(self, site: str, seconds: float = 0) -> Iterator[bool]:
        """Keep others from writing copies of this site. Yields whether nobody else does.

        Raises:
            NotPossible: Somebody else does, and has for so many seconds.
        """
        folder = self._data / site / _COPYING
        if not folder.is_dir():
            make_folder(folder, within=self._data)
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder, seconds))
            except NotPossible:
                if seconds:
                    raise
                yield False
                return
            yield True

    def apply(self, site: str, head: SharedHead, done: Copied, *, is_first: bool = True) -> None:
        """Make this host's file as the database says, unless this host has a newer one. See :meth:`_apply_all`."""
        self._apply_all(site, [head], done, is_first=is_first)

    def _apply_all(self, site: str, heads: Sequence[SharedHead], done: Copied, *, is_first: bool) -> None:
        """Make this host's files as the database says.

        Args:
            site: The site's name.
            heads: Files that changed.
            done: What was done is added to it.
            is_first: Whether the files that are here may be from before the site shared them.
        """
        serials = list(dict.fromkeys(head.serial for head in heads))
        of_all = self._store.shared_heads_of(site, serials)
        ready = self._ready(site, heads)
        by_serial: dict[str, list[SharedHead]] = {serial: [] for serial in serials}
        for each in of_all:
            by_serial[each.serial].append(each)
        for serial, own in by_serial.items():
            kinds = {head.kind for head in heads if head.serial == serial}
            if any(each.kind == REMOVED and each.is_current for each in own):
                done.files += self._folders.remove(site, serial)
            elif own:
                device = DeviceCopy(self._store, self._folders, site, serial, own, ready)
                device.make(kinds, done, is_first=is_first)

    def _ready(self, site: str, heads: Sequence[SharedHead]) -> Mapping[int, bytes]:
        """Contents that are read together. A long one is read for itself, when its turn has come."""
        wanted = list[int]()
        room = _READ_TOGETHER
        for head in heads:
            if head.kind != REMOVED and head.length <= room and self._differs(site, head):
                wanted.append(head.change)
                room -= head.length
        return self._store.shared_contents(site, wanted) if wanted else {}

    def _differs(self, site: str, head: SharedHead) -> bool:
        path = self._folders.path(site, head.serial)
        if head.kind == REMOVED:
            return path.is_dir()
        name, digests = FILES[head.kind], read_copied(path)
        if digests.get(name) != head.digest:
            return True
        names = [each for each in digests if each == name or (name == DATABASE and "/" in each)]
        return any(digest_on_disk(path / each) != digests[each] for each in names)

    def _write(self, site: str, place: CopyPlace) -> None:
        folder = self._data / site
        if not folder.is_dir():
            make_folder(folder, within=self._data)
        value = {"journal": place.journal, "change": place.change, "complete": place.is_complete}
        replace_file(folder / STATE, write_json(value), SECRET_MODE)
