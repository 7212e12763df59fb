"""Measures how much of the disk devices use, and removes old files of killed processes on the way.

Only files that devices cause count: their audits, alerts, credentials and parameters, the journal of these, and their
waiting uploads.
Databases and configurations come from operators.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engage_server.services.disk_space.reserve import allocated

WAITING_FOLDERS = ("pending", "for-database")  # of uploads, beside "refused" and "devices"

OURS = frozenset({"spool", "metrics"})  # folders in the data folder that are not sites'

_FROM_DEVICES = re.compile(
    r"(audits|alerts|credentials)(\.[0-9]{6})?\.json|parameters\.json|[0-9]{12}\.[0-9a-f]{8}\.uploads"
)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}|[0-9a-f]{32}\.begun")  # of durable_files, and of the sightings' spool
_DEAD_AFTER_SECONDS = 3600.0  # no process takes this long for one file


@dataclass(frozen=True, slots=True)
class SiteUse:
    """How much one site's devices use, in bytes.

    Attributes:
        files: Their files.
        uploads: Uploads that wait or were rejected, and the state of each device.
        refused: The part of ``uploads`` that was rejected.
    """

    files: int
    uploads: int
    refused: int


def sites_on_disk(data: Path, uploads: Path) -> list[str]:
    """The sites that have a folder."""
    found = {entry.name for entry in _scan(data) if entry.is_dir() and entry.name not in OURS}
    return sorted(found | {entry.name for entry in _scan(uploads) if entry.is_dir()})


def measure(files: Path, uploads: Path, now: float) -> SiteUse:
    """Measure all files of a site.

    Args:
        files: The folder with its devices' folders.
        uploads: Its folder of uploads.
        now: Seconds since 1970. Files of killed processes that are old by then are removed.
    """
    folders = [Path(device.path) for device in _scan(files) if device.is_dir()]
    own = sum(allocated(1) + _bytes_in(folder, now, only_devices=True) for folder in folders)
    refused = _bytes_in(uploads / "refused", now)
    waiting = sum(_bytes_in(uploads / name, now) for name in WAITING_FOLDERS)
    folders = [Path(device.path) for device in _scan(uploads / "devices") if device.is_dir()]
    known = sum(allocated(1) + _bytes_in(folder, now) for folder in folders)
    return SiteUse(own, waiting + refused + known, refused)


def device_bytes(folder: Path) -> int:
    """The bytes of a device's files that the device itself caused."""
    return _bytes_in(folder, 0.0, only_devices=True)


def upload_bytes(uploads: Path, device: str) -> int:
    """The bytes of a device's uploads that wait or were rejected.

    Args:
        uploads: Its site's folder of uploads.
        device: The name of the device in file names.
    """
    total = 0
    for name in (*WAITING_FOLDERS, "refused"):
        for entry in _scan(uploads / name):
            if entry.name.startswith(f"{device}~"):
                total += _size(entry)
    return total


def sweep(folder: Path, now: float) -> int:
    """Remove old files of killed processes in a folder and below, and return how many.

    A file that a running process is writing is at most seconds old.
    """
    swept = 0
    for entry in _scan(folder):
        if entry.is_dir(follow_symlinks=False):
            swept += sweep(Path(entry.path), now)
        else:
            swept += _is_swept(entry, now)
    return swept


def _bytes_in(folder: Path, now: float, *, only_devices: bool = False) -> int:
    total = 0
    for entry in _scan(folder):
        is_temporary = _TEMPORARY.fullmatch(entry.name) is not None
        if is_temporary and now and _is_swept(entry, now):
            continue
        if is_temporary or not only_devices or _FROM_DEVICES.fullmatch(entry.name):
            total += _size(entry)
    return total


def _is_swept(entry: os.DirEntry[str], now: float) -> bool:
    if not _TEMPORARY.fullmatch(entry.name):
        return False
    with suppress(OSError):  # another process was faster, or this one may not remove it
        if now - entry.stat(follow_symlinks=False).st_mtime > _DEAD_AFTER_SECONDS:
            Path(entry.path).unlink()
            return True
    return False


def _size(entry: os.DirEntry[str]) -> int:
    with suppress(FileNotFoundError):  # removed in between
        if entry.is_file(follow_symlinks=False):
            return allocated(entry.stat(follow_symlinks=False).st_size)
    return 0


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from entries
