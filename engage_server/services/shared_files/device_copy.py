"""Makes the copy of one device's shared files."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.services.device_files.copied import digest_on_disk, is_plain, read_copied, write_copied
from engage_server.services.device_files.folder import DATABASE, EARLIER, MAX_FILE_BYTES, DeviceFolders
from engage_server.services.shared_files.contents import FILES, digest_of, rank_in
from engage_server.services.shared_files.row_checks import assert_content
from engage_server.store.interface.shared_files import SharedFileStore, SharedHead

_CHANGED = ".changed"  # a copy that a person changed is kept under this name
_KEPT = "this host has a newer database than the shared one, and keeps it"
_REPLACED = "{name} was changed on the disk of this host, and was copied again. What was there is {name}" + _CHANGED


@dataclass(slots=True)
class Copied:
    """What one run did.

    Attributes:
        files: How many files changed here.
        faults: A device, and why its file was left as it is, or was replaced.
    """

    files: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


class DeviceCopy:
    """The copy of one device.

    Args:
        store: The database.
        folders: The devices' folders.
        site: The site's name.
        serial: The device.
        heads: All its files in the database.
        ready: Contents that were read already, by number.
    """

    def __init__(
        self,
        store: SharedFileStore,
        folders: DeviceFolders,
        site: str,
        serial: str,
        heads: Sequence[SharedHead],
        ready: Mapping[int, bytes],
    ) -> None:
        self._store = store
        self._folders = folders
        self._site = site
        self._serial = serial
        self._heads = heads
        self._ready = ready
        self._path = folders.path(site, serial)
        self._digests = dict(read_copied(self._path))

    def remove(self) -> bool:
        """Remove all that this host has of a removed device. Return whether there was anything."""
        return self._folders.remove(self._site, self._serial)

    def drop_old(self, done: Copied) -> None:
        """Remove what is not from the database: what the device had before it was removed and came back."""
        if not self._path.is_dir():
            return
        current = {FILES[each.kind]: each.digest for each in self._heads if each.is_current and each.kind in FILES}
        kept = current | {f"{EARLIER}/{each.version}.json": each.digest for each in self._earlier()}
        with self._folders.open(self._site, self._serial):
            here = [*FILES.values(), *(f"{EARLIER}/{each.name}" for each in (self._path / EARLIER).glob("0x*.json"))]
            old = [name for name in here if digest_on_disk(self._path / name) not in ("", kept.get(name))]
            for name in old:
                (self._path / name).unlink(missing_ok=True)
            self._digests = {name: each for name, each in self._digests.items() if name not in old}
            if self._digests != read_copied(self._path):
                write_copied(self._path, self._digests)
        done.files += len(old)

    def make(self, kinds: Collection[str], done: Copied, *, is_first: bool) -> None:
        """Make the files of these kinds as the database says.

        The database is read before the lock is taken: a device waits only for the disk.

        Args:
            kinds: ``database``, ``configuration``.
            done: What was done is added to it.
            is_first: Whether the files that are here may be from before the site shared them. Then a newer database
                stays. Later, one that this host did not copy was changed by a person.
        """
        current = [each for each in self._heads if each.is_current and each.kind in kinds]
        wanted: dict[str, SharedHead] = {}
        for head in current:
            if head.kind == "database":
                if self._stays(head, is_first=is_first):
                    done.faults.append((self._serial, _KEPT))
                    continue
                wanted |= {f"{EARLIER}/{each.version}.json": each for each in self._earlier()}
            wanted[FILES[head.kind]] = head
        found = {name: self._content(name, head) for name, head in wanted.items()}
        contents = {name: content for name, content in found.items() if content is not None}
        digests = self._digests | {name: head.digest for name, head in wanted.items()}
        for name, head in wanted.items():
            if name not in contents and digest_on_disk(self._path / name) != head.digest:
                return  # it was replaced in the database just now: that change comes next
        self._write(contents, digests, has_database=DATABASE in wanted, done=done, is_first=is_first)

    def _write(
        self, contents: dict[str, bytes], digests: dict[str, str], *, has_database: bool, done: Copied, is_first: bool
    ) -> None:
        kept = {f"{EARLIER}/{each.version}.json" for each in self._earlier()}
        if has_database:
            digests = {name: each for name, each in digests.items() if "/" not in name or name in kept}
        with self._folders.open(self._site, self._serial):
            for name, content in contents.items():
                if not is_first:
                    self._set_aside(name, done)
                if "/" in name:
                    make_folder(self._path / EARLIER)
                replace_file(self._path / name, content, SECRET_MODE)
            if has_database:  # every host must answer a device in the same way
                for path in (self._path / EARLIER).glob("0x*.json"):
                    if f"{EARLIER}/{path.name}" not in kept:
                        path.unlink(missing_ok=True)
            if digests != read_copied(self._path):
                write_copied(self._path, digests)
        self._digests = digests
        done.files += len(contents)

    def _set_aside(self, name: str, done: Copied) -> None:
        """Keep what a person wrote in the place of a copy."""
        path = self._path / name
        present = digest_on_disk(path)
        if present and present not in {self._digests.get(name), *(each.digest for each in self._heads)}:
            path.replace(path.with_name(path.name + _CHANGED))
            done.faults.append((self._serial, _REPLACED.format(name=name)))

    def _stays(self, head: SharedHead, *, is_first: bool) -> bool:
        """Whether this host has a newer database, which its device may have, too."""
        content = _read(self._path / DATABASE)
        if content is None or rank_in(content) <= head.version:
            return False
        is_copied = digest_of(content) == self._digests.get(DATABASE)
        if is_first and not is_copied:
            with self._folders.open(self._site, self._serial):
                self._digests[DATABASE] = digest_of(content)
                write_copied(self._path, self._digests)
        return is_first or is_copied

    def _earlier(self) -> list[SharedHead]:
        return [each for each in self._heads if each.kind == "database" and not each.is_current]

    def _content(self, name: str, head: SharedHead) -> bytes | None:
        """The content, if this host does not have it and the database still has it."""
        if digest_on_disk(self._path / name) == head.digest:
            return None
        content = self._ready.get(head.change) or self._store.shared_content(self._site, head.change)
        if content is not None:
            assert_content(head, content)
        return content


def _read(path: Path) -> bytes | None:
    with suppress(FileNotUsable):
        return read_file(path, limit=MAX_FILE_BYTES) if is_plain(path) else None
    return None
