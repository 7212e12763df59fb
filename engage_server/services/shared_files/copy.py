"""This host's copy of the files that operators give to devices: devices get it, so no call waits for the database.

The copy lies in the devices' folders, as files do that this host alone has. ``.shared`` beside them says how far it has
come. Only what changed is read, one file at a time, whatever the number of devices. A process that is killed does the
last part again. The copy never goes back to an older file: a host whose database was
restored keeps what its devices have.

A file that cannot be copied stops no other one. If this host is at fault, its device is tried again. If the row is, a
new row has to come.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from engage_server.errors import (
    BodyInvalid,
    EngageError,
    FileNotUsable,
    NotPossible,
    SealBroken,
    StoreNotUsable,
    StoreVersionMismatch,
)
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.device_files.folder import DATABASE, EARLIER, MAX_FILE_BYTES, DeviceFolders
from engage_server.services.shared_files.contents import FILES, rank_in
from engage_server.services.shared_files.place import (
    AGAIN_MOST,
    CopyPlace,
    is_plain,
    read_place,
    say_heard,
    write_place,
)
from engage_server.services.shared_files.row_checks import assert_content, assert_place
from engage_server.store.interface.shared_files import REMOVED, SharedFileStore, SharedHead, SharedStanding

_OLDER = (
    "the database has older files than the copy of this host: it was restored. Give it the newer ones: "
    "engage site call-in {site} --shared"
)
_AT_ONCE = 200  # files between two writes of the state


@dataclass(slots=True)
class Copied:
    """What one run did.

    Attributes:
        files: How many files changed here.
        faults: A device, and why its file was left as it is.
    """

    files: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


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
            # what comes now must be copied, even if its number is not above all that were ever given
            place = replace(place, change=standing.changes)
            write_place(self._data, site, place)
        place = self._try_again(site, place, done)
        while not (place.is_complete and place.change >= standing.changes):
            heads = self._store.changed_shared_files(site, place.change, _AT_ONCE)
            again = list(place.again)
            for head in heads:
                if (
                    not self._apply_or_tell(site, head, done, is_follower=place.is_complete)
                    and head.serial not in again
                ):
                    again.append(head.serial)
                    _assert_few(again, done)
            is_last = len(heads) < _AT_ONCE
            change = max(place.change, *(head.change for head in heads[-1:]), standing.changes if is_last else 0)
            place = CopyPlace(place.journal, change, place.is_complete or is_last, tuple(again))
            write_place(self._data, site, place)
        say_heard(self._data, site)
        return done

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

    def _apply_or_tell(self, site: str, head: SharedHead, done: Copied, *, is_follower: bool) -> bool:
        """Apply a row. False if this host could not, and must try again."""
        try:
            self.apply(site, head, done, is_follower=is_follower)
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

    def apply(self, site: str, head: SharedHead, done: Copied, *, is_follower: bool = False) -> None:
        """Make this host's file as the database says, unless this host has a newer one.

        Args:
            site: The site's name.
            head: The row.
            done: What was done is added to it.
            is_follower: Whether this host had everything before this row was written.

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
        path = self._folders.path(site, head.serial)
        is_database = present.kind == "database"
        earlier = [each for each in heads if each.kind == present.kind and not each.is_current] if is_database else []
        if is_database and (rank_in(_content(path / DATABASE)) or "") > present.version:
            done.faults.append((head.serial, "this host has a newer database than the shared one, and keeps it"))
            return
        for each in earlier:
            assert_place(each)
            done.files += self._copy(site, each, path / EARLIER / f"{each.version}.json")
        done.files += self._copy(site, present, path / FILES[present.kind])
        if is_database:
            self._forget(site, head.serial, earlier)

    def _remove(self, site: str, serial: str, heads: Sequence[SharedHead], *, is_follower: bool) -> bool:
        """Remove what a removed device had here.

        A device may have come back since, with other files. Then what it had before must go, too: a host that was away
        all the time would give it a configuration that no other host has. A host that has just begun to copy cannot
        know what is from before, and removes nothing.
        """
        live = {each.kind: each.digest for each in heads if each.is_current and each.kind in FILES}
        if not live:
            return self._folders.remove(site, serial)
        path = self._folders.path(site, serial)
        old = [path / name for kind, name in FILES.items() if _digest(path / name) not in ("", live.get(kind))]
        if not is_follower or not old:
            return False
        with self._folders.open(site, serial):
            for each in old:
                each.unlink(missing_ok=True)
        self._forget(site, serial, ())
        return True

    def _copy(self, site: str, head: SharedHead, path: Path) -> bool:
        """Write one file as a whole. The database is read before the lock: a device waits only for the disk."""
        if _digest(path) == head.digest:
            return False
        content = self._store.shared_content(site, head.change)
        if content is None:
            return False  # it was replaced just now
        assert_content(head, content)
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


def _bad_row(head: SharedHead, error: EngageError) -> tuple[str, str]:
    serial = head.serial if decode_serial(head.serial) == head.serial else ""
    return serial, f"{error.sentence}. This host keeps what it has. {error.next_step}"


def _assert_few(again: Sequence[str], done: Copied) -> None:
    """Stop if so many files cannot be written that it is no device's fault: the rest stays to be copied."""
    if len(again) > AGAIN_MOST:
        raise NotPossible(f"this host cannot write its copy of shared files: {done.faults[-1][1]}", "Fix that first.")


def _content(path: Path) -> bytes | None:
    """None for anything that is no file of ours, such as a link or a pipe: it is replaced."""
    with suppress(FileNotUsable):
        return read_file(path, limit=MAX_FILE_BYTES) if is_plain(path) else None
    return None


def _digest(path: Path) -> str:
    content = _content(path)
    return "" if content is None else hashlib.sha256(content).hexdigest()
