"""Limits how much of the disk devices may use: for each site, for all sites, and for uploads that wait.

All processes of a host share one book, a small file: ``<spool>/room.json``. It is checked under a lock before anything
is written, so many workers at once also stay below the limit. Its figures are upper bounds, because a killed process
leaves bytes counted that it did not write. Only writes during a measurement may be missing. The disk is measured
again if the book says that a limit is reached, and every hour. Measurements take at most a twentieth of the time,
however full the disk is.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engage_server.errors import FileNotUsable, NotPossible
from engage_server.file_locks import hold
from engage_server.files import make_folder, open_file
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.disk_space.use import SiteUse, device_bytes, measure, sites_on_disk

_MEASURE_AGAIN_SECONDS = 3600.0
_SHARE_OF_TIME = 20  # a measurement that took one second is not repeated for this many
_MAX_BOOK_BYTES = 16 * 1024 * 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """The limits in bytes, as used on the disk: whole blocks.

    Attributes:
        device: For one device's files, and again for its uploads that wait or were rejected.
        site: For all devices of a site: files and uploads together.
        total: For all sites.
        uploads: For uploads that wait for partners' systems or were rejected.
        reserve: The bytes that must stay free on the file system.
    """

    device: int
    site: int
    total: int
    uploads: int
    reserve: int = 0


@dataclass(slots=True)
class _Account:
    """The entry of a site in the book."""

    files: int = 0
    uploads: int = 0
    refused: int = 0
    measured_at: float = 0.0
    took: float = 0.0

    @property
    def used(self) -> int:
        return self.files + self.uploads

    def may_be_measured(self, now: float) -> bool:
        return not self.measured_at <= now < self.measured_at + _SHARE_OF_TIME * self.took

    def is_old(self, now: float) -> bool:
        return not self.measured_at <= now < self.measured_at + _MEASURE_AGAIN_SECONDS


_Book = dict[str, _Account]


class DiskRoom:
    """Grants or refuses devices room on the disk.

    Args:
        data: The folder of devices' files, with a folder for each site.
        uploads: The folder of uploads, with a folder for each site.
        book: The file that processes share.
        limits: The limits.
        clock: Gives the seconds since 1970.

    Attributes:
        data, uploads, limits, clock: As given.
        reserve: The room that must stay free.
    """

    def __init__(self, data: Path, uploads: Path, book: Path, limits: DiskLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.reserve = DiskReserve(data, limits.reserve)
        self.data = data
        self.uploads = uploads
        self._book = book
        self.clock = clock

    def take(self, site: str, *, files: int = 0, uploads: int = 0) -> None:
        """Take room before something is written.

        Args:
            site: The site's name.
            files: How many more bytes its devices' files will use.
            uploads: How many more bytes its uploads will use.

        Raises:
            NotPossible: A limit or the reserve is reached. The answer must let the device call again.
        """
        self.reserve.assert_room(files + uploads)
        with self._opened() as book:
            self._look_after(book, site)
            problem = self._problem(book, site, files, uploads)
            if problem is not None and self._measure_something(book, site):
                problem = self._problem(book, site, files, uploads)
            if problem is not None:
                raise problem
            book[site].files += files
            book[site].uploads += uploads

    def assert_within_device_limit(self, folder: Path, more: int) -> None:
        """Check the limit of one device.

        Args:
            folder: Its folder.
            more: How many more bytes its files will use.

        Raises:
            NotPossible: They would use too many.
        """
        limit = self.limits.device
        if more > 0 and device_bytes(folder) + more > limit:
            raise NotPossible(
                f"{folder} fills the {limit // _MIB} MiB of a device (setting device_disk_mib)",
                "Find out what sends so much. Export the files and move them away, or raise the setting.",
                code="device.full",
            )

    def give_back(self, site: str, *, files: int = 0, uploads: int = 0, refused: int = 0) -> None:
        """Give room back: files were removed or not written, or the share of rejected uploads changed.

        Never raises. Bytes that stay counted are corrected by a later measurement.
        """
        with suppress(NotPossible), self._opened() as book:
            account = book.get(site)
            if account is not None:
                account.files = max(0, account.files - files)
                account.uploads = max(0, account.uploads - uploads)
                account.refused = max(0, account.refused - refused)

    def use(self) -> dict[str, SiteUse]:
        """How much each site uses, from the book; measured if the book has no entry.

        Raises:
            NotPossible: The book cannot be read.
        """
        with self._opened() as book:
            for site in sites_on_disk(self.data, self.uploads):
                self._look_after(book, site)
            return {site: SiteUse(each.files, each.uploads, each.refused) for site, each in sorted(book.items())}

    def _problem(self, book: _Book, site: str, files: int, uploads: int) -> NotPossible | None:
        wanted = files + uploads
        total = sum(each.used for each in book.values()) + wanted
        waiting = (sum(each.uploads for each in book.values()) + uploads) if uploads else 0
        for used, limit, what, setting in (
            (book[site].used + wanted, self.limits.site, f"the devices of {site} fill", "site_disk_mib"),
            (total, self.limits.total, "the devices of all sites fill", "devices_disk_mib"),
            (waiting, self.limits.uploads, "uploads for partners' systems fill", "upstream_spool_max_mib"),
        ):
            if used > limit:
                return NotPossible(
                    f"{what} their {limit // _MIB} MiB of the disk (setting {setting})",
                    f"Export old files and move them away, check refused/, or raise the setting {setting}.",
                    code="disk.full",
                )
        return None

    def _look_after(self, book: _Book, site: str) -> None:
        """Measure a site that is not in the book, or was measured long ago."""
        now = self.clock()
        if not book:
            for each in sites_on_disk(self.data, self.uploads):
                book[each] = self._measured(each)
        known = book.get(site)
        if known is None or (known.is_old(now) and known.may_be_measured(now)):
            book[site] = self._measured(site)

    def _measure_something(self, book: _Book, site: str) -> bool:
        """Measure this site, and the one that was measured longest ago, because that one may have been emptied."""
        now = self.clock()
        wanted = {site, min(book, key=lambda each: book[each].measured_at)}
        due = [each for each in wanted if book[each].may_be_measured(now)]
        for each in due:
            book[each] = self._measured(each)
        return bool(due)

    def _measured(self, site: str) -> _Account:
        begun = self.clock()
        found = measure(self.data / site, self.uploads / site, begun)
        now = self.clock()
        return _Account(found.files, found.uploads, found.refused, now, max(0.0, now - begun))

    @contextmanager
    def _opened(self) -> Iterator[_Book]:
        """Open the book under its lock. Changes are written at the end, even after an error."""
        try:
            if not self._book.parent.is_dir():
                make_folder(self._book.parent, within=self.data)
            descriptor = open_file(self._book, os.O_RDWR)
        except OSError as error:
            raise FileNotUsable(f"{self._book}: {error.strerror}", "Make the folder writable.") from None
        try:
            hold(descriptor, str(self._book))
            before = os.pread(descriptor, _MAX_BOOK_BYTES, 0)
            book = _read(before)
            try:
                yield book
            finally:
                self._write(descriptor, before, book)
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, before: bytes, book: _Book) -> None:
        content = json.dumps({site: asdict(each) for site, each in book.items()}).encode("ascii")
        try:
            os.pwrite(descriptor, content, 0)
            if len(content) != len(before):
                os.ftruncate(descriptor, len(content))
        except OSError as error:
            raise FileNotUsable(f"{self._book}: {error.strerror}", "Make room on the disk.") from None


def _read(content: bytes) -> _Book:
    """Parse the book; empty if it is damaged, so that everything is measured."""
    try:
        value: dict[str, dict[str, Any]] = json.loads(content or b"{}")
        return {site: _Account(**each) for site, each in value.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
