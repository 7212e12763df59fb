"""Limits on the disk for tests, and small disks of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engage_server.services.disk_space.room import DiskLimits, DiskRoom

PLENTY = 1 << 40


def room_in(
    data: Path,
    uploads: Path,
    *,
    device: int = PLENTY,
    site: int = PLENTY,
    total: int = PLENTY,
    waiting: int = PLENTY,
    reserve: int = 0,
    clock: Callable[[], float] = lambda: 0.0,
) -> DiskRoom:
    """Room on the disk, without limits but for those that are given, in bytes."""
    data.mkdir(parents=True, exist_ok=True)  # which is never made while devices are answered
    limits = DiskLimits(device, site, total, waiting, reserve)
    return DiskRoom(data, uploads, uploads.parent / "room.json", limits, clock)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own at this folder, which is made; skips the test where this user cannot mount one."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a file system")
    folder.mkdir(mode=0o700, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
