"""Make folders that only their owner can enter, and write one with all of its files or not at all."""

import os
import shutil
from pathlib import Path

from engage_server.errors import Conflict, FileNotUsable
from engage_server.files.failures import RESTORE, explained
from engage_server.files.ownership import FOLDER_MODE, acts_for_others, given
from engage_server.files.writing import beside, sync_folder, write_through


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
    with explained(path, "make it"):
        for each in reversed([each for each in (path, *path.parents) if not each.exists()]):
            make_one_folder(each, each.parent)  # mkdir's own "parents" gives the parents another mode
        if _is_own(path) and {each.name for each in path.iterdir()} <= {"README.md"}:
            path.chmod(FOLDER_MODE)


def write_new_folder(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write a folder that must not hold anything yet: all of its files or none.

    Args:
        path: The folder. It may exist if it is empty.
        files: The content and the mode for each name, or name below one folder (``next/partner_CA.pem``).

    Raises:
        Conflict: The folder is not empty.
        FileNotUsable: The folder cannot be written, or the disk is full. Nothing is left behind.
    """
    temporary = beside(path)
    with explained(path, "write it"):
        make_folder(path.parent)
        try:
            make_one_folder(temporary, path.parent)
            for name, (content, mode) in files.items():
                make_one_folder((temporary / name).parent, path.parent)
                write_through(temporary / name, content, mode, path.parent)
            for folder in {(temporary / name).parent for name in files} | {temporary}:
                sync_folder(folder)
            _rename_onto_nothing(temporary, path)
        finally:
            _remove_folder(temporary)
        sync_folder(path.parent)


def _rename_onto_nothing(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)  # replaces an empty folder, and fails for any other
    except OSError as error:
        if path.exists():
            raise Conflict(f"{path} exists and is not an empty folder", "Name a new folder.") from None
        raise error from None


def make_one_folder(path: Path, like: Path) -> None:
    """Make a folder in one that exists, for the owner of ``like``. One that exists already is left as it is."""
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if path.is_dir():
            return
        raise
    if acts_for_others():  # by a descriptor: the name could point at something else by now
        os.close(given(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), like))


def _is_own(path: Path) -> bool:
    return not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()  # without geteuid, modes mean little


def _remove_folder(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
