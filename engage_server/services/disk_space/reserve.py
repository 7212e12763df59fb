"""The room on a file system that is operators' alone: with a full disk they could not even abort a rotation.

Who gives way first is who loses least. Uploads are refused below the whole reserve: devices keep what was refused.
Sightings are no longer kept, nor moved into a database on the same file system, below half of it: they cannot be made
again, and evidence is what a rotation is judged by.
"""

import os
from itertools import chain
from pathlib import Path

from engage_server.errors import NotPossible

_SMALL_DISK_SHARE = 10  # of a small file system the reserve is a tenth at most
_INODES = 1024  # a file system without free inodes is as full as one without free blocks
_MIB = 1024 * 1024


class DiskReserve:
    """Says whether devices may still write.

    Args:
        folder: Any folder on the file system; it may not exist yet.
        reserve_bytes: What has to stay free, at most a tenth of the file system; 0: nothing is kept.
        part: Only one part of so many of it.
    """

    def __init__(self, folder: Path, reserve_bytes: int, part: int = 1) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._part = part

    def half(self) -> "DiskReserve":
        """One that keeps half as much free: sightings may go on where uploads have to stop."""
        return DiskReserve(self._folder, self._reserve_bytes, 2 * self._part)

    def shortage(self, count: int = 0) -> str:
        """Why a device may not write so many bytes now; "" when it may. One call of the system."""
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
        """Let a device write so many bytes.

        Raises:
            NotPossible: They would be taken from the reserve: the device must be told to come again.
        """
        shortage = self.shortage(count)
        if shortage:
            raise NotPossible(
                shortage,
                "Make room, or lower the setting disk_reserve_mib. Devices are told to call again.",
                code="disk.reserve",
            )

    def free_bytes(self) -> int | None:
        """What is free; None where that is not known."""
        found = self._file_system()
        return None if found is None else found.f_bavail * found.f_frsize

    def _file_system(self) -> os.statvfs_result | None:
        for folder in chain((self._folder,), self._folder.parents):
            try:
                return os.statvfs(folder)
            except FileNotFoundError:
                continue
            except OSError:  # whoever writes will hear what is wrong
                return None
        return None


def allocated(length: int) -> int:
    """What a file of so many bytes takes: whole blocks. A million files of one byte fill a disk, too."""
    return -(-length // _BLOCK) * _BLOCK


_BLOCK = 4096
