"""The files of this host that go into a backup: of devices, waiting uploads, the settings, and the authority."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from engage_server.errors import FileNotUsable, NotPossible
from engage_server.file_locks import OPERATOR_SECONDS, locked
from engage_server.services.backup.archive.manifest import AuthorityKeys
from engage_server.services.backup.archive.names import MOST_BYTES, MOST_IN_A_NAME, Section
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.device_files.upload_journal import JOURNAL
from engage_server.services.disk_space.use import sites_on_disk

Member = tuple[str, bytes]
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}|[0-9a-f]{32}\.begun")  # what a process writes just now, or left behind
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----")
# A key of 32 bytes as text, marked or not: a copy that lies about is as good as the file that the settings name.
_BARE_KEY = re.compile(rb"\s*(?:[a-z-]+:)?[A-Za-z0-9+/]{43}=\s*")
_LOCKED_KEY = re.compile(rb"Proc-Type: 4,ENCRYPTED")


class HostFiles:
    """Those files.

    Args:
        data: The data folder, with the devices' folders.
        uploads: The folder of waiting uploads.
        settings: Contents of settings files by name, without secrets.
        authority: The authority's folder. None: it does not go into the backup.
        never: Files that never go into a backup, wherever they are: keys and passwords. Nor does any other file that
            holds nothing but a key of 32 bytes. A change of the key leaves such files beside it.
    """

    def __init__(
        self,
        data: Path,
        uploads: Path,
        settings: Mapping[str, bytes],
        authority: Path | None = None,
        never: Iterable[Path] = (),
    ) -> None:
        self._data = data
        self._uploads = uploads
        self._settings = settings
        self._authority = authority
        self._never = {found for each in never if (found := _identity(each)) is not None}

    def members(self) -> Iterator[Member]:
        """Yield all of them in the order of an archive. A file that is removed meanwhile is left out.

        Raises:
            FileNotUsable: A file cannot be read.
            NotPossible: A file is too large, or a device's folder is in use for too long.
        """
        sites = sites_on_disk(self._data, self._uploads)
        for site in sites:
            for serial in DeviceFolders(self._data).serials(site):
                yield from self._of_device(site, serial)
        for site in sites:
            yield from self._below(self._data / site / JOURNAL, f"{Section.JOURNALS}/{site}")
        for site in sites:
            yield from self._below(self._uploads / site, f"{Section.UPLOADS}/{site}")
        yield from ((f"{Section.SETTINGS}/{name}", content) for name, content in sorted(self._settings.items()))
        if self._authority is not None:
            yield from self._below(self._authority, str(Section.AUTHORITY))

    def authority_keys(self) -> AuthorityKeys:
        """Whether the authority's private keys go into the backup, and whether a passphrase protects all of them."""
        if self._authority is None:
            return AuthorityKeys.NONE
        contents = (content for _, content in self._below(self._authority, str(Section.AUTHORITY)))
        plain = any(_PRIVATE_KEY.search(content) and not _LOCKED_KEY.search(content) for content in contents)
        return AuthorityKeys.PLAIN if plain else AuthorityKeys.ENCRYPTED

    def _of_device(self, site: str, serial: str) -> Iterator[Member]:
        """One device's files as they are at one moment. The lock is held only while they are read."""
        folder = self._data / site / serial
        if not folder.is_dir():  # removed since its name was read
            return
        with locked(folder, OPERATOR_SECONDS):
            found = list(self._below(folder, f"{Section.DEVICES}/{site}/{serial}"))
        yield from found

    def _below(self, folder: Path, name: str) -> Iterator[Member]:
        """The plain files in a folder and below, in the order of their names' parts. No link is followed."""
        for entry in sorted(_entries(folder), key=lambda entry: entry.name):
            path, inner = Path(entry.path), f"{name}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(path, inner)
            elif entry.is_file(follow_symlinks=False) and not self._is_left_out(entry):
                with suppress(FileNotFoundError):
                    content = _read(path)
                    if _BARE_KEY.fullmatch(content) is None:
                        yield _name(inner, path), content

    def _is_left_out(self, entry: os.DirEntry[str]) -> bool:
        if _TEMPORARY.fullmatch(entry.name):
            return True
        with suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            return (found.st_dev, found.st_ino) in self._never
        return True


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _not_readable(folder, error) from None


def _read(path: Path) -> bytes:
    """Read a plain file. A name that became a link since it was listed is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _not_readable(path, error) from None
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotUsable(f"{path} became something else while it was read", "Make the backup again.")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise NotPossible(
            f"{path} has more than {MOST_BYTES >> 20} MiB, more than any file of this installation",
            "Move it to another folder, and make the backup again.",
        )
    return content


def _name(name: str, path: Path) -> str:
    if len(name.encode("utf-8", "replace")) > MOST_IN_A_NAME or not name.isprintable() or "\\" in name:
        raise NotPossible(
            f"{path}: its name cannot be in a backup: it is too long, or has unusual characters", "Rename the file."
        )
    return name


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _not_readable(path: Path, error: OSError) -> FileNotUsable:
    return FileNotUsable(f"{path}: cannot read it: {error.strerror or error}", "Check its owner: engage doctor")
