"""What commands see of this machine and print, made the same on each: a folder, a user, and room on a disk.

Messages are wrapped at the width of a terminal. A longer path or name would put other words on other lines.
"""

import os
import pwd
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engage_server.cli import session

SHOWN_FOLDER = "/srv/engage"
_PARENT = Path("/tmp")
_USER = "engage"
_OPERATOR = "anna"
_FREE_GIB = 64
_GIB = 2**30
_look_up, _measure = pwd.getpwuid, os.statvfs


@contextmanager
def folder_as_wide() -> Iterator[Path]:
    """A fresh folder whose name is as wide as the shown one's; removed at the end."""
    folder = _PARENT / secrets.token_hex(8)[: len(SHOWN_FOLDER) - len(f"{_PARENT}/")]
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def same_everywhere() -> Iterator[None]:
    """One operator's process runs as the service's user meanwhile, as far as it says so. Disks have the same room."""
    with ExitStack() as undone:
        undone.enter_context(patch.object(pwd, "getpwuid", _named))
        undone.enter_context(patch.object(session, "account", lambda: _OPERATOR))
        undone.enter_context(patch.object(os, "statvfs", _with_room))
        yield


def _named(user: int) -> Any:
    return pwd.struct_passwd((_USER, *_look_up(user)[1:]))


def _with_room(path: Any) -> os.statvfs_result:
    found = list(_measure(path))
    found[0], found[1] = 4096, 4096  # sizes of a block and of a fragment
    found[2], found[3], found[4] = 2 * _FREE_GIB * _GIB // 4096, _FREE_GIB * _GIB // 4096, _FREE_GIB * _GIB // 4096
    return os.statvfs_result(found)
