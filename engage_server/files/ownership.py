"""Give what root makes to the owner of the folder that holds it, from its first moment.

Operators' commands may run as root. The service runs as another user and must read what they wrote.
"""

import os
from pathlib import Path

PUBLIC_MODE = 0o644
SECRET_MODE = 0o600
FOLDER_MODE = 0o700


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
    if not acts_for_others():
        return os.open(path, flags, mode)
    try:
        return given(os.open(path, flags | os.O_EXCL, mode), like or path.parent)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags, mode)


def owner_of(path: Path) -> tuple[int, int] | None:
    """Return the user and group that will own what root makes in a folder. None: root itself, or it does not matter.

    Args:
        path: A folder, or one that will be made. Then its first parent that exists counts.
    """
    existing = next((each for each in (path, *path.parents) if each.exists()), None)
    if existing is None or not acts_for_others():
        return None
    found = existing.stat()
    return (found.st_uid, found.st_gid) if found.st_uid else None


def acts_for_others() -> bool:
    """Whether root runs this. Nobody else can give a file away."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def given(descriptor: int, like: Path) -> int:
    """Give what was just made to the owner of a folder. If that fails, close the descriptor."""
    if not acts_for_others():
        return descriptor
    try:
        folder = like.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
