"""The room on a file system that is reserved for operators. On a full disk they could not even abort a rotation.

Whatever loses least is refused first. Below the reserve uploads are refused, and devices keep them. Below half of it
sightings are lost, and none is moved into a database on the same file system. They come last because rotations are
judged by them and they cannot be repeated.
"""

import os
from itertools import chain
from pathlib import Path

from engage_server.errors import NotPossible

_SMALL_DISK_SHARE = 10  # on a small file system the reserve is at most a tenth
_INODES = 1024  # a file system without free inodes is as full as one without free blocks
_MIB = 1024 * 1024


class DiskReserve:
    """Decides whether devices may still write.

    Args:
        folder: Any folder on the file system; it need not exist yet.
        reserve_bytes: The bytes that must stay free, at most a tenth of the file system; 0 for no reserve.
        part: Divides the reserve, so that only a part of it is kept.
    """

    def __init__(self, folder: Path, reserve_bytes: int, part: int = 1) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._part = part

    def half(self) -> "DiskReserve":
        """A reserve that is half as large, for sightings, which may continue when uploads must stop."""
        return DiskReserve(self._folder, self._reserve_bytes, 2 * self._part)

    def shortage(self, count: int = 0) -> str:
        """Why a device may not write this many bytes now; "" if it may. Costs one system call."""
        found = self._file_system()
        if found is None or not self._reserve_bytes:
            return ""
        free = found.f_bavail * found.f_frsize
        reserve = min(self._reserve_bytes, found.f_blocks * found.f_frsize // _SMALL_DISK_SHARE) // self._part
        if free - count < reserve:
            left, kept = free / _MIB, reserve / _MIB
            return f"the disk of {self._folder} has {left:.1f} MiB left, and {kept:.1f} are for operators"
        if found.f_files and found.f_favail < min(_INODES, found.f_files // _SMALL_DISK_SHARE):
            return f"the disk of {self._folder} has {found.f_favail} inodes left"
        return ""

    def assert_room(self, count: int) -> None:
        """Check that a device may write this many bytes.

        Raises:
            NotPossible: They would use the reserve. The answer must let the device call again.
        """
        shortage = self.shortage(count)
        if shortage:
            raise NotPossible(
                shortage,
                "Make room, or lower the setting disk_reserve_mib. Devices get 503 and call again.",
                code="disk.reserve",
            )

    def free_bytes(self) -> int | None:
        """The free bytes; None if unknown."""
        found = self._file_system()
        return None if found is None else found.f_bavail * found.f_frsize

    def _file_system(self) -> os.statvfs_result | None:
        for folder in chain((self._folder,), self._folder.parents):
            try:
                return os.statvfs(folder)
            except FileNotFoundError:
                continue
            except OSError:  # the next write will report the error
                return None
        return None


def allocated(length: int) -> int:
    """The bytes that a file of this length uses on the disk: whole blocks. A million files of one byte fill a disk."""
    return -(-length // _BLOCK) * _BLOCK


_BLOCK = 4096
