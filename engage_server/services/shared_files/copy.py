"""This host's copy of the files that operators give to devices: devices get it, so no call waits for the database.

The copy lies in the devices' folders, as files do that this host alone has. ``.shared`` beside them says how far it has
come. Only what changed is read, a page at a time, whatever the number of devices. A process that is killed does the
last part again. The copy never goes back to an older file: a host whose database was restored keeps what its devices
have.

Who changes or removes a copy on the disk changes nothing for long. All copies are compared with the database, one page
after the other, and what differs is copied again.

A file that cannot be copied stops no other one. If this host is at fault, its device is tried again. If the row is, a
new row has to come.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from engage_server.errors import (
    BodyInvalid,
    EngageError,
    NotPossible,
    SealBroken,
    StoreNotUsable,
    StoreVersionMismatch,
)
from engage_server.file_locks import locked
from engage_server.files import make_folder
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.device_files.copied import digest_on_disk, forget_missing, read_copied
from engage_server.services.device_files.folder import DATABASE, EARLIER, DeviceFolders
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
from engage_server.services.shared_files.row_checks import assert_place
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
        self._tried = 0
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
            # what comes now must be copied, even if its number is not above all that were ever given
            place = replace(place, change=standing.changes)
            write_place(self._data, site, place)
        with self.turn(site) as is_mine:
            if not is_mine:
                return done
            place = self._try_again(site, place, done)
        while not (place.is_complete and place.change >= standing.changes):
            with self.turn(site) as is_mine:
                if not is_mine:
                    return done
                place = self._follow_page(site, place, standing, done)
        say_heard(self._data, site)
        return done

    def _follow_page(self, site: str, place: CopyPlace, standing: SharedStanding, done: Copied) -> CopyPlace:
        heads = self._store.changed_shared_files(site, place.change, _AT_ONCE)
        again = list(place.again)
        for serial in self._apply_all(site, heads, done, is_follower=place.is_complete):
            if serial not in again:
                again.append(serial)
                _assert_few(again, done)
        is_last = len(heads) < _AT_ONCE
        change = max(place.change, *(head.change for head in heads[-1:]), standing.changes if is_last else 0)
        place = CopyPlace(place.journal, change, place.is_complete or is_last, tuple(again))
        write_place(self._data, site, place)
        return place

    def has_all(self, site: str, standing: SharedStanding) -> bool:
        """Whether the copy has come as far as the site."""
        place = read_place(self._data, site)
        is_far = place.is_complete and place.change >= standing.changes
        return is_far and place.journal == standing.journal and not place.again

    def end(self, site: str) -> None:
        """The site does not share its files any more: what is here may change, and the next copy is a first one."""
        (self._data / site / STATE).unlink(missing_ok=True)

    def check(self, site: str) -> Copied:
        """Compare the next page of copies with the database, and copy again what differs.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        done, place = Copied(), read_place(self._data, site)
        with self.turn(site) as is_mine:
            if not is_mine or not place.is_complete:
                return done
            heads = self._store.changed_shared_files(site, self._checked.get(site, 0), _AT_ONCE)
            self._checked[site] = heads[-1].change if len(heads) == _AT_ONCE else 0
            wanted = [each for each in heads if each.change <= place.change and self._differs(site, each)]
            self._apply_all(site, wanted, done, is_follower=True)
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

    def _apply_all(self, site: str, heads: Sequence[SharedHead], done: Copied, *, is_follower: bool) -> list[str]:
        """Apply rows. Return the devices that this host must try again."""
        ready = self._read_together(site, heads)
        return [
            head.serial
            for head in heads
            if not self._apply_or_tell(site, head, done, is_follower=is_follower, ready=ready)
        ]

    def _read_together(self, site: str, heads: Sequence[SharedHead]) -> Mapping[int, bytes]:
        """Contents that are read in one query. A long one is read for itself, when its turn has come."""
        wanted, room = list[int](), _READ_TOGETHER
        for head in heads:
            if head.length <= room and self._differs(site, head):
                wanted.append(head.change)
                room -= head.length
        with suppress(SealBroken):  # each for itself then: one of them is bad
            return self._store.shared_contents(site, wanted) if wanted else {}
        return {}

    def _differs(self, site: str, head: SharedHead) -> bool:
        """Whether this host's copy is another one. Rows that cannot be believed are left to who applies them."""
        try:
            assert_place(head)
        except BodyInvalid:
            return False
        if head.kind == REMOVED:
            return False
        path = self._folders.path(site, head.serial)
        name, digests = FILES[head.kind], read_copied(path)
        if digests.get(name) != head.digest:
            return True
        names = [each for each in digests if each == name or (name == DATABASE and "/" in each)]
        return any(digest_on_disk(path / each) != digests[each] for each in names)

    def _try_again(self, site: str, place: CopyPlace, done: Copied) -> CopyPlace:
        """Try one device again whose files could not be written: each may have to wait for a lock."""
        if not place.again:
            return place
        self._tried += 1
        serial = place.again[self._tried % len(place.again)]
        heads = [each for each in self._store.shared_heads(site, serial) if each.is_current]
        if not all(self._apply_or_tell(site, head, done, is_follower=True) for head in heads):
            return place
        place = replace(place, again=tuple(each for each in place.again if each != serial))
        write_place(self._data, site, place)
        return place

    def _apply_or_tell(
        self,
        site: str,
        head: SharedHead,
        done: Copied,
        *,
        is_follower: bool,
        ready: Mapping[int, bytes] | None = None,
    ) -> bool:
        """Apply a row. False if this host could not, and must try again."""
        try:
            self.apply(site, head, done, is_follower=is_follower, ready=ready)
        except (StoreNotUsable, StoreVersionMismatch):
            raise  # no fault of this file: all of them wait
        except (BodyInvalid, SealBroken) as error:
            done.faults.append(_bad_row(head, error))
        except NotPossible as error:
            done.faults.append((head.serial, f"its shared file cannot be copied to this host: {error.sentence}"))
            return False
        except OSError as error:
            done.faults.append((head.serial, f"its shared file cannot be copied to this host: {error.strerror}"))
            return False
        return True

    def apply(
        self,
        site: str,
        head: SharedHead,
        done: Copied,
        *,
        is_follower: bool = False,
        ready: Mapping[int, bytes] | None = None,
    ) -> None:
        """Make this host's file as the database says, unless this host has a newer one.

        Args:
            site: The site's name.
            head: The row.
            done: What was done is added to it.
            is_follower: Whether this host had everything before this row was written.
            ready: Contents that were read already, by number.

        Raises:
            BodyInvalid: The row cannot be believed. The device keeps what it has.
            NotPossible, OSError: This host cannot do it.
            StoreNotUsable: The database does not answer.
        """
        assert_place(head)
        heads = self._store.shared_heads(site, head.serial)
        present = next((each for each in heads if each.kind == head.kind and each.is_current), None)
        if present is None:  # something else happened to it meanwhile, which has a greater number
            return
        if present.kind == REMOVED:
            done.files += self._remove(site, head.serial, heads, is_follower=is_follower)
            return
        assert_place(present)
        device = DeviceCopy(self._store, self._folders, site, head.serial, heads, ready or {})
        device.make({present.kind}, done, is_first=not is_follower)

    def _remove(self, site: str, serial: str, heads: Sequence[SharedHead], *, is_follower: bool) -> bool:
        """Remove what a removed device had here.

        A device may have come back since, with other files. Then what it had before must go, too. A host that was away
        would give it a configuration that no other host has. A host that has just begun to copy cannot
        know what is from before, and removes nothing.
        """
        live = {each.kind: each.digest for each in heads if each.is_current and each.kind in FILES}
        if not live:
            return self._folders.remove(site, serial)
        path = self._folders.path(site, serial)
        old = [path / name for kind, name in FILES.items() if digest_on_disk(path / name) not in ("", live.get(kind))]
        if not is_follower or not old:
            return False
        with self._folders.open(site, serial):
            for each in (*old, *(path / EARLIER).glob("0x*.json")):
                each.unlink(missing_ok=True)
            forget_missing(path)
        return True


def _bad_row(head: SharedHead, error: EngageError) -> tuple[str, str]:
    serial = head.serial if decode_serial(head.serial) == head.serial else ""
    return serial, f"{error.sentence}. This host keeps what it has. {error.next_step}"


def _assert_few(again: Sequence[str], done: Copied) -> None:
    """Stop if so many files cannot be written that it is no device's fault: the rest stays to be copied."""
    if len(again) > AGAIN_MOST:
        raise NotPossible(f"this host cannot write its copy of shared files: {done.faults[-1][1]}", "Fix that first.")
