"""Uploads that a partner's system refused: listed, tried again, or discarded. Each act is in the audit log."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engage_server.errors import FileNotUsable, NotFound
from engage_server.records import AuditAction, Occasion, Page
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.store.interface import AuditStore

_NAME = re.compile(r"(?P<device>[A-Za-z0-9._-]{1,80})~(?P<number>[0-9]{10})\.(?P<status>[0-9]{3})(\.[0-9]+)?\.json")
_MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class RefusedUpload:
    """An upload that the partner's system refused for good.

    Attributes:
        name: The name of its file, which identifies it.
        device: Its serial number; without one, ``at-`` and its address.
        status: What the system answered.
        refused_at: When it was written; aware, UTC.
        bytes: How long its file is.
    """

    name: str
    device: str
    status: int
    refused_at: datetime
    bytes: int


class RefusedUploads:
    """Those of this host.

    Args:
        store: Holds the audit log.
        spool: Holds the uploads.
    """

    def __init__(self, store: AuditStore, spool: UpstreamSpool) -> None:
        self._store = store
        self._spool = spool

    def page(self, site: str, after: str | None, limit: int) -> Page[RefusedUpload]:
        """A page of them, by device and number.

        Args:
            site: The site's name.
            after: The name of the last one of the page before. None for the first page.
            limit: The most uploads of the page.
        """
        names = [path for path in self._spool.refused_files(site) if path.name > (after or "")]
        found = [each for path in names[:limit] if (each := _read(path)) is not None]
        return Page(tuple(found), names[limit - 1].name if len(names) > limit else None)

    def try_again(self, site: str, names: Sequence[str] | None, occasion: Occasion) -> int:
        """Let the partner's system get them once more, each before the later uploads of its device.

        An upload whose place is taken stays refused.

        Args:
            site: The site's name.
            names: Their files. None for all, at most a thousand at once.
            occasion: Who, when, and why.

        Returns:
            How many wait now.

        Raises:
            NotFound: There is no such upload (``upload.not_found``).
            Conflict: It is the only one, and its place is taken (``upload.waits``).
            NotPossible: It cannot be moved.
        """
        wanted = self._wanted(site, names)
        moved = [(each, self._spool.try_again(site, each)) for each in wanted if not self._is_taken(site, each, wanted)]
        if not moved:
            return 0
        fact = {"upload": moved[0][0].name} if len(moved) == 1 else {"uploads": str(len(moved))}
        try:
            self._store.record(occasion.event(AuditAction.UPLOADS_TRIED_AGAIN, site, **fact))
        except BaseException:
            for _, pending in moved:  # what is not recorded is not done
                pending.unlink(missing_ok=True)
            raise
        for refused, _ in moved:
            self._spool.drop_refused(site, refused, waits=True)
        return len(moved)

    def discard(self, site: str, name: str, occasion: Occasion) -> None:
        """Remove one for good. What the door reported is lost then.

        Raises:
            NotFound: There is no such upload (``upload.not_found``).
            NotPossible: It cannot be removed.
        """
        (path,) = self._wanted(site, [name])
        self._store.record(occasion.event(AuditAction.UPLOAD_DISCARDED, site, upload=name))
        try:
            self._spool.drop_refused(site, path, waits=False)
        except OSError as error:
            raise FileNotUsable(
                f"{path}: {error.strerror}", "Make the folder writable, and discard it again."
            ) from None

    def _wanted(self, site: str, names: Sequence[str] | None) -> list[Path]:
        found = {path.name: path for path in self._spool.refused_files(site) if _NAME.fullmatch(path.name)}
        if names is None:
            return list(found.values())[:_MOST_AT_ONCE]
        missing = next((name for name in names if name not in found), None)
        if missing is not None:
            raise NotFound(
                f"site '{site}' has no refused upload {missing[:120]!r} on this host",
                "It may wait again, or be delivered. See which there are.",
                code="upload.not_found",
            )
        return [found[name] for name in names]

    def _is_taken(self, site: str, refused: Path, wanted: Sequence[Path]) -> bool:
        """Of several, one whose place is taken is left out. One alone is refused with the reason."""
        if len(wanted) == 1:
            return False
        stem = refused.name.partition(".")[0]
        earlier = wanted[: wanted.index(refused)]
        return self._spool.is_waiting(site, stem) or any(each.name.startswith(f"{stem}.") for each in earlier)


def _read(path: Path) -> RefusedUpload | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    with suppress(FileNotFoundError):  # somebody moved it just now
        known = path.stat()
        at = datetime.fromtimestamp(known.st_ctime, UTC)
        return RefusedUpload(path.name, found["device"], int(found["status"]), at, known.st_size)
    return None
