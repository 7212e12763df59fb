"""Writing files so that nobody ever sees half of one, and a secret is never readable for a moment."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engage_server.errors import Conflict, FileNotUsable

PUBLIC_MODE = 0o644
SECRET_MODE = 0o600
FOLDER_MODE = 0o700


def make_folder(path: Path) -> None:
    """Make a folder, with mode 0700, and those above it.

    One that exists is closed to others too while it holds nothing but a README, as in a fresh checkout; any other may
    be shared on purpose, and is left as it is.

    Raises:
        FileNotUsable: It can not be made.
    """
    with _explained(path, "make it"):
        for each in reversed([each for each in (path, *path.parents) if not each.exists()]):
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)  # mkdir's own "parents" gives those above another mode
        if _is_own(path) and {each.name for each in path.iterdir()} <= {"README.md"}:
            path.chmod(FOLDER_MODE)


def write_new_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet: temporary file, fsync, link, fsync of the folder.

    Args:
        path: Where. Its folder must exist.
        content: The whole content.
        mode: The file's mode, from its first moment on.

    Raises:
        Conflict: There is a file already; it is left as it is.
        FileNotUsable: The folder can not be written, or the disk is full. Nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _explained(path, "write it"):
        try:
            _write_through(temporary, content, mode)
            os.link(temporary, path)  # fails when the name is taken, where a rename would replace
        except FileExistsError:
            raise Conflict(f"{path} exists already", "Choose another name; nothing was changed.") from None
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def replace_file(path: Path, content: bytes | Iterable[bytes], mode: int) -> None:
    """Write a file, in place of one that may be there: temporary file, fsync, rename.

    Args:
        path: Where. Its folder must exist.
        content: The whole content, or its parts, which are written as they come. What raises in between leaves the
            file as it was.
        mode: The file's mode, from its first moment on.

    Raises:
        FileNotUsable: The folder can not be written, or the disk is full. What was there is left as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _explained(path, "write it"):
        try:
            _write_through(temporary, content, mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def write_new_folder(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write a folder that must not hold anything yet, all of its files or none.

    Args:
        path: Where. It may exist if it is empty.
        files: For each name, or name below one folder (``next/partner_CA.pem``), the content and the mode.

    Raises:
        Conflict: There is something in the folder already.
        FileNotUsable: It can not be written, or the disk is full. Nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _explained(path, "write it"):
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        try:
            temporary.mkdir(mode=FOLDER_MODE)
            for name, (content, mode) in files.items():
                (temporary / name).parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
                _write_through(temporary / name, content, mode)
            for folder in {(temporary / name).parent for name in files} | {temporary}:
                _sync_folder(folder)
            _rename_onto_nothing(temporary, path)
        finally:
            _remove_folder(temporary)
        _sync_folder(path.parent)


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a small file.

    Args:
        path: Which; ``-`` is a file of that name, not standard input.
        limit: In bytes. A longer file is refused unread: it is not what the caller takes it for.

    Raises:
        FileNotUsable: It can not be read, or is too long.
    """
    with _explained(path, "read it"), path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise FileNotUsable(f"{path} has more than {limit} bytes", "It can not be what is expected here.")
    return content


def _rename_onto_nothing(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)  # replaces an empty folder, refuses any other
    except OSError as error:
        if path.exists():
            raise Conflict(f"{path} exists and is not an empty folder", "Name a new folder.") from None
        raise error from None


def _write_through(path: Path, content: bytes | Iterable[bytes], mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
        if hasattr(os, "fchmod"):  # Windows has none before Python 3.13, and no umask that takes anything away
            os.fchmod(descriptor, mode)
        file.writelines((content,) if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(descriptor)


def _is_own(path: Path) -> bool:
    return not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()  # where there is none, modes mean little


def _sync_folder(path: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folder
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
        raise FileNotUsable(
            f"{path}: can not {to_do}: {error.strerror or error}", "Mend that and run the command again."
        ) from None
