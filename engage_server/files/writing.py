"""Write one file so that nobody ever sees half of it, and a secret is never readable for a moment."""

import os
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from engage_server.errors import Conflict, FileNotUsable
from engage_server.files.failures import explained
from engage_server.files.ownership import PUBLIC_MODE, given


def write_new_file(path: Path, content: bytes | Iterable[bytes], mode: int, like: Path | None = None) -> None:
    """Write a file that must not exist yet: temporary file, fsync, link, fsync of the folder.

    Args:
        path: The file. Its folder must exist.
        content: The whole content, or its parts, which are written one by one. If producing a part raises, there is no
            file.
        mode: The file's mode, from its first moment.
        like: Whose owner the file gets if root makes it. By default: its folder's.

    Raises:
        Conflict: The file exists already. It is left as it is.
        FileNotUsable: The folder cannot be written, or the disk is full. Nothing is left behind.
    """
    temporary = beside(path)
    with explained(path, "write it"):
        try:
            write_through(temporary, content, mode, like or path.parent)
            os.link(temporary, path)  # fails if the name is taken; a rename would replace the file
        except FileExistsError:
            raise Conflict(f"{path} exists already", "Choose another name; nothing was changed.") from None
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def do_nothing() -> None:
    """Do what is done before most files are replaced."""


def replace_file(
    path: Path,
    content: bytes | Iterable[bytes],
    mode: int,
    before: Callable[[], None] = do_nothing,
    like: Path | None = None,
) -> None:
    """Write a file, or replace the one that exists: temporary file, fsync, rename.

    Args:
        path: The file. Its folder must exist.
        content: The whole content, or its parts, which are written one by one. If producing a part raises, the file
            stays as it was.
        mode: The file's mode, from its first moment.
        before: Called when the content is on the disk under another name, so that hardly anything can fail any more. If
            it raises, the file stays as it was.
        like: Whose owner the file gets if root makes it. By default: its folder's.

    Raises:
        FileNotUsable: The folder cannot be written, or the disk is full. The file stays as it was. Or the path is a
            pipe or a device: a file in its place would take it from everybody.
    """
    temporary = beside(path)
    with explained(path, "write it"):
        if kind_of(path) not in (0, stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR):
            raise FileNotUsable(f"{path} is a pipe or a device, not a file", "Name a file.")
        try:
            write_through(temporary, content, mode, like or path.parent)
            before()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def move_file(source: Path, target: Path) -> None:
    """Put a file in the place of another one in the same folder, at one moment.

    Args:
        source: The file. It is on the disk already.
        target: The file that it replaces.

    Raises:
        FileNotUsable: The folder cannot be written. Both files stay as they were.
    """
    with explained(target, "replace it"):
        source.replace(target)
        sync_folder(target.parent)


def write_output(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a command's output to the path that its user named. A plain file is replaced whole by :func:`replace_file`.

    Anything else (``/dev/stdout``, a pipe, a link) stays what it is, and gets the content. Do not use it for a path in
    a folder that another user can write: a link there would lead root elsewhere.

    Args:
        path: The file. Its folder must exist.
        content: The whole content, or its parts. If producing a part raises, everything stays as it was.

    Raises:
        FileNotUsable: The path is a folder, or cannot be written.
    """
    if kind_of(path) in (0, stat.S_IFREG, stat.S_IFDIR):
        replace_file(path, content, PUBLIC_MODE)
        return
    whole = content if isinstance(content, bytes) else b"".join(content)
    with explained(path, "write it"), path.open("wb") as file:
        file.write(whole)


def beside(path: Path) -> Path:
    """Return a temporary name in the same folder."""
    if not path.name:
        raise FileNotUsable(f"{path} is a folder", "Name a file or folder in it.")
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def kind_of(path: Path) -> int:
    """Return the kind of what exists at the path, not where a link leads: one of :mod:`stat`'s kinds, 0 for nothing."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise FileNotUsable(f"{path}: cannot check it: {error.strerror or error}", "Name another file.") from None


def write_through(path: Path, content: bytes | Iterable[bytes], mode: int, like: Path) -> None:
    """Write a file that does not exist, and return when it is on the disk. If that fails, part of it may be there."""
    descriptor = given(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), like)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
        if hasattr(os, "fchmod"):  # Windows has none before Python 3.13, and no umask that removes permissions
            os.fchmod(descriptor, mode)
        file.writelines((content,) if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk, too."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
