"""This host's copy of the files that operators give to devices: devices get it, so no call waits for the database.

The copy lies in the devices' folders, as files do that this host alone has. ``.shared`` beside them says how far it has
come. Only what changed is read, a page at a time, whatever the number of devices. A process that is killed does the
last part again. The copy never goes back to an older file: a host whose database was restored keeps what its devices
have.

A copy that is changed or removed on the disk does not stay so. All copies are compared with the database, one
page after the other, and what differs is copied again.

A file that cannot be copied stops no other one. If this host is at fault, its device is tried again. If the row is, a
new row has to come.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from engage_server.errors import BodyInvalid, NotPossible, SealBroken, StoreNotUsable, StoreVersionMismatch
from engage_server.file_locks import locked
from engage_server.files import make_folder
from engage_server.services.device_files.copied import digest_on_disk, read_copied
from engage_server.services.device_files.folder import DATABASE, DeviceFolders
from engage_server.services.shared_files.contents import FILES
from engage_server.services.shared_files.device_copy import Copied, DeviceCopy
from engage_server.services.shared_files.place import (
    AGAIN_MOST,
    STATE,
    CopyPlace,
    read_place,
    say_heard,
    write_place,
)
from engage_server.services.shared_files.row_checks import assert_place, is_believed
from engage_server.store.interface.shared_files import REMOVED, SharedFileStore, SharedHead, SharedStanding

_OLDER = (
    "the database has older files than the copy of this host: it was restored. Give it the newer ones: "
    "engage site call-in {site} --shared"
)
_AT_ONCE = 200  # files between two writes of the state
_READ_TOGETHER = 8 * 1024 * 1024
_COPYING = ".copying"  # the folder whose lock the process has that writes copies


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
        self._tried = 0

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
            # what comes now must be copied, even if its number is not above all that were ever given
            place = replace(place, change=standing.changes)
            write_place(self._data, site, place)
        place = self._try_again(site, place, done)
        while not (place.is_complete and place.change >= standing.changes):
            with self.turn(site) as is_mine:
                if not is_mine:
                    return done
                heads = self._store.changed_shared_files(site, place.change, _AT_ONCE)
                failed = self._apply_all(site, heads, done, is_first=not place.is_complete, drops=place.is_complete)
                again = tuple(dict.fromkeys([*place.again, *failed]))
                _assert_few(again, done)
                is_last = len(heads) < _AT_ONCE
                change = max(place.change, *(head.change for head in heads[-1:]), standing.changes if is_last else 0)
                place = CopyPlace(place.journal, change, place.is_complete or is_last, again)
                write_place(self._data, site, place)
        say_heard(self._data, site)
        return done

    def _try_again(self, site: str, place: CopyPlace, done: Copied) -> CopyPlace:
        """Try one device again whose files could not be written: each may have to wait for a lock."""
        if not place.again:
            return place
        self._tried += 1
        serial = place.again[self._tried % len(place.again)]
        with self.turn(site) as is_mine:
            if is_mine:
                heads = [each for each in self._store.shared_heads(site, serial) if each.is_current]
                if not self._apply_all(site, heads, done, is_first=False, drops=False):
                    place = replace(place, again=tuple(each for each in place.again if each != serial))
                    write_place(self._data, site, place)
        return place

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
            known = [each for each in heads if each.change <= place.change and is_believed(each)]
            differing = [each for each in known if self._differs(site, each)]
            self._apply_all(site, differing, done, is_first=False, drops=False)
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
        self._apply_all(site, [head], done, is_first=is_first, drops=False)

    def _apply_all(
        self, site: str, heads: Sequence[SharedHead], done: Copied, *, is_first: bool, drops: bool
    ) -> list[str]:
        """Make this host's files as the database says.

        Args:
            site: The site's name.
            heads: Files that changed.
            done: What was done is added to it.
            is_first: Whether the files that are here may be from before the site shared them.
            drops: Whether this host had everything before these changes: what it has of a device is then from before
                that device was removed.

        Returns:
            The devices whose files this host could not write.
        """
        heads = [each for each in heads if self._tell_if_bad(each, done)]
        serials = list(dict.fromkeys(head.serial for head in heads))
        of_all = self._store.shared_heads_of(site, serials)
        ready = self._ready(site, heads)
        by_serial: dict[str, list[SharedHead]] = {serial: [] for serial in serials}
        for each in of_all:
            by_serial[each.serial].append(each)
        failed = list[str]()
        for serial, own in by_serial.items():
            kinds = {head.kind for head in heads if head.serial == serial}
            device = DeviceCopy(self._store, self._folders, site, serial, own, ready)
            try:
                self._apply_to(device, own, kinds, done, is_first=is_first, drops=drops)
            except (StoreNotUsable, StoreVersionMismatch):
                raise  # no fault of this device: all of them wait
            except BodyInvalid as error:
                done.faults.append((serial, f"{error.sentence}. This host keeps what it has. {error.next_step}"))
            except (NotPossible, OSError) as error:
                why = error.sentence if isinstance(error, NotPossible) else error.strerror
                done.faults.append((serial, f"its shared file cannot be copied to this host: {why}"))
                failed.append(serial)
        return failed

    def _apply_to(
        self,
        device: DeviceCopy,
        own: Sequence[SharedHead],
        kinds: set[str],
        done: Copied,
        *,
        is_first: bool,
        drops: bool,
    ) -> None:
        """Make one device's files as the database says.

        A removed device may have come back since, with other files. Then what it had before must go, too. A host that
        was away would give it a configuration that no other host has.
        """
        for each in own:
            assert_place(each)
        if all(each.kind == REMOVED for each in own):
            done.files += device.remove() if own else 0
            return
        if REMOVED in kinds and drops:
            device.drop_old(done)
        if kinds - {REMOVED}:
            device.make(kinds - {REMOVED}, done, is_first=is_first)

    @staticmethod
    def _tell_if_bad(head: SharedHead, done: Copied) -> bool:
        """Whether a row can be believed. If not, say so."""
        try:
            assert_place(head)
        except BodyInvalid as error:
            done.faults.append(("", f"{error.sentence}. This host keeps what it has. {error.next_step}"))
            return False
        return True

    def _ready(self, site: str, heads: Sequence[SharedHead]) -> Mapping[int, bytes]:
        """Contents that are read together. A long one is read for itself, when its turn has come."""
        wanted = list[int]()
        room = _READ_TOGETHER
        for head in heads:
            if head.kind != REMOVED and head.length <= room and self._differs(site, head):
                wanted.append(head.change)
                room -= head.length
        try:
            return self._store.shared_contents(site, wanted) if wanted else {}
        except SealBroken:  # one of them: each is read for itself, and only its device waits
            return {}

    def _differs(self, site: str, head: SharedHead) -> bool:
        path = self._folders.path(site, head.serial)
        if head.kind == REMOVED:
            return path.is_dir()
        name, digests = FILES[head.kind], read_copied(path)
        if digests.get(name) != head.digest:
            return True
        names = [each for each in digests if each == name or (name == DATABASE and "/" in each)]
        return any(digest_on_disk(path / each) != digests[each] for each in names)


def _assert_few(again: Sequence[str], done: Copied) -> None:
    """Stop if so many files cannot be written that it is no device's fault: the rest stays to be copied."""
    if len(again) > AGAIN_MOST:
        raise NotPossible(f"this host cannot write its copy of shared files: {done.faults[-1][1]}", "Fix that first.")
