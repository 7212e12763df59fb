"""Write files so that nobody ever sees half of one, and a secret is never readable for a moment.

Operators' commands may run as root. The service runs as another user and must read what they wrote. So whatever root
makes belongs, from its first moment, to the owner of the folder that holds it. Every file and folder of ours is
therefore made by this module. A test proves that no other module makes any.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engage_server.errors import Conflict, FileNotUsable

PUBLIC_MODE = 0o644
SECRET_MODE = 0o600
FOLDER_MODE = 0o700

RESTORE = "Restore it from its backup."  # the next step if something is lost
PIPE_SECONDS = 60  # what is computed and piped may take its time; nobody at all may not


def make_folder(path: Path, within: Path | None = None) -> None:
    """Make a folder with mode 0700, and its missing parents.

    A folder that exists is set to mode 0700 only while it holds nothing but a README, as in a fresh checkout. Any other
    may be shared on purpose and is left as it is.

    Args:
        path: The folder.
        within: A folder that must exist already. If it is gone, something was lost, and making it again would hide
            that.

    Raises:
        FileNotUsable: The folder cannot be made.
    """
    if within is not None and not within.is_dir():
        raise FileNotUsable(f"{within} is gone; nothing was made in its place", RESTORE)
    with _explained(path, "make it"):
        for each in reversed([each for each in (path, *path.parents) if not each.exists()]):
            _make_one_folder(each, each.parent)  # mkdir's own "parents" gives the parents another mode
        if _is_own(path) and {each.name for each in path.iterdir()} <= {"README.md"}:
            path.chmod(FOLDER_MODE)


def open_file(path: Path, flags: int, mode: int = SECRET_MODE, like: Path | None = None) -> int:
    """Open a file, and make it if it does not exist: :func:`os.open` for files that grow or are locked.

    Args:
        path: The file. Its folder must exist.
        flags: Flags of :mod:`os`. ``O_CREAT`` and ``O_CLOEXEC`` are added.
        mode: The mode of a file that is made.
        like: Whose owner a file gets that root makes. By default: its folder's.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        OSError: The file cannot be opened, or cannot be given to the owner of its folder.
    """
    flags |= os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    if not _acts_for_others():
        return os.open(path, flags, mode)
    try:
        return _given(os.open(path, flags | os.O_EXCL, mode), like or path.parent)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags, mode)


def write_new_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet: temporary file, fsync, link, fsync of the folder.

    Args:
        path: The file. Its folder must exist.
        content: The whole content.
        mode: The file's mode, from its first moment.

    Raises:
        Conflict: The file exists already. It is left as it is.
        FileNotUsable: The folder cannot be written, or the disk is full. Nothing is left behind.
    """
    temporary = _beside(path)
    with _explained(path, "write it"):
        try:
            _write_through(temporary, content, mode, path.parent)
            os.link(temporary, path)  # fails if the name is taken; a rename would replace the file
        except FileExistsError:
            raise Conflict(f"{path} exists already", "Choose another name; nothing was changed.") from None
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def replace_file(path: Path, content: bytes | Iterable[bytes], mode: int) -> None:
    """Write a file, or replace the one that exists: temporary file, fsync, rename.

    Args:
        path: The file. Its folder must exist.
        content: The whole content, or its parts, which are written one by one. If producing a part raises, the file
            stays as it was.
        mode: The file's mode, from its first moment.

    Raises:
        FileNotUsable: The folder cannot be written, or the disk is full. What was there is left as it was. Or there
            is a pipe or a device: a file put in its place would take it from everybody.
    """
    temporary = _beside(path)
    with _explained(path, "write it"):
        if _kind(path) not in (0, stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR):
            raise FileNotUsable(f"{path} is a pipe or a device, not a file", "Name a file.")
        try:
            _write_through(temporary, content, mode, path.parent)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def write_output(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write what somebody asked to have at a place that they named: a file as a whole, by :func:`replace_file`.

    What is no plain file (``/dev/stdout``, a pipe, a link) stays what it is, and gets the content. Not for a place in a
    folder that somebody else can write: a link there would lead root elsewhere.

    Args:
        path: Where. Its folder must exist.
        content: The whole content, or its parts. What raises in between leaves everything as it was.

    Raises:
        FileNotUsable: It is a folder, or cannot be written.
    """
    if _kind(path) in (0, stat.S_IFREG, stat.S_IFDIR):
        replace_file(path, content, PUBLIC_MODE)
        return
    whole = content if isinstance(content, bytes) else b"".join(content)
    with _explained(path, "write it"), path.open("wb") as file:
        file.write(whole)


def write_new_folder(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write a folder that must not hold anything yet: all of its files or none.

    Args:
        path: The folder. It may exist if it is empty.
        files: The content and the mode for each name, or name below one folder (``next/partner_CA.pem``).

    Raises:
        Conflict: The folder is not empty.
        FileNotUsable: The folder cannot be written, or the disk is full. Nothing is left behind.
    """
    temporary = _beside(path)
    with _explained(path, "write it"):
        make_folder(path.parent)
        try:
            _make_one_folder(temporary, path.parent)
            for name, (content, mode) in files.items():
                _make_one_folder((temporary / name).parent, path.parent)
                _write_through(temporary / name, content, mode, path.parent)
            for folder in {(temporary / name).parent for name in files} | {temporary}:
                _sync_folder(folder)
            _rename_onto_nothing(temporary, path)
        finally:
            _remove_folder(temporary)
        _sync_folder(path.parent)


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a small file.

    Args:
        path: The file. ``-`` is a file of that name, not standard input.
        limit: In bytes. A longer file is rejected unread: it is not what the caller expects.

    Raises:
        FileNotUsable: It cannot be read, or is too long. Or it is a pipe, and nothing comes out of it.
    """
    with _explained(path, "read it"):
        content = _read_pipe(path, limit + 1) if path.is_fifo() else _read_up_to(path, limit + 1)
    if len(content) > limit:
        raise FileNotUsable(f"{path} has more than {limit} bytes", "Check the path: such a long file is not expected.")
    return content


def _beside(path: Path) -> Path:
    """A name for a moment, in the folder of what is to be made."""
    if not path.name:
        raise FileNotUsable(f"{path} is a folder", "Name a file or folder in it.")
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _kind(path: Path) -> int:
    """What is there itself, not what a link leads to: one of :mod:`stat`'s kinds, 0 for nothing."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise FileNotUsable(f"{path}: cannot look at it: {error.strerror or error}", "Name another file.") from None


def _read_up_to(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _read_pipe(path: Path, most: int) -> bytes:
    """Up to the end that its writer makes. To open a pipe that nobody writes into would last for ever."""
    import select  # nothing else of ours waits like this, and every command reads files

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        pipe, content = select.poll(), b""
        pipe.register(descriptor, select.POLLIN)
        while len(content) < most:
            if not pipe.poll(PIPE_SECONDS * 1000):
                raise FileNotUsable(
                    f"{path} is a pipe, and nothing came out of it for {PIPE_SECONDS} s", "Let something write into it."
                )
            part = os.read(descriptor, most - len(content))
            if not part:
                break
            content += part
        return content
    finally:
        os.close(descriptor)


def _rename_onto_nothing(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)  # replaces an empty folder, and fails for any other
    except OSError as error:
        if path.exists():
            raise Conflict(f"{path} exists and is not an empty folder", "Name a new folder.") from None
        raise error from None


def owner_of(path: Path) -> tuple[int, int] | None:
    """Return the user and group that will own what root makes in a folder. None: root itself, or it does not matter.

    Args:
        path: A folder, or one that will be made. Then its first parent that exists counts.
    """
    existing = next((each for each in (path, *path.parents) if each.exists()), None)
    if existing is None or not _acts_for_others():
        return None
    found = existing.stat()
    return (found.st_uid, found.st_gid) if found.st_uid else None


def _make_one_folder(path: Path, like: Path) -> None:
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if path.is_dir():
            return
        raise
    if _acts_for_others():  # by a descriptor: the name could point at something else by now
        os.close(_given(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), like))


def _acts_for_others() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _given(descriptor: int, like: Path) -> int:
    """Give what was just made to the owner of a folder. If that fails, close the descriptor."""
    if not _acts_for_others():
        return descriptor
    try:
        folder = like.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write_through(path: Path, content: bytes | Iterable[bytes], mode: int, like: Path) -> None:
    descriptor = _given(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), like)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
        if hasattr(os, "fchmod"):  # Windows has none before Python 3.13, and no umask that removes permissions
            os.fchmod(descriptor, mode)
        file.writelines((content,) if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(descriptor)


def _is_own(path: Path) -> bool:
    return not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()  # without geteuid, modes mean little


def _sync_folder(path: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_folder(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)


@contextmanager
def _explained(path: Path, to_do: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileNotUsable(f"{path}: cannot {to_do}: {error.strerror or error}", what_to_do(error)) from None


def what_to_do(error: OSError) -> str:
    """Return the next step after an error with a file. Without the permission, another user must run the command."""
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        return "Run the command as a user who has the permission, such as root."
    return "Fix that and run the command again."
