"""What devices uploaded to a site with shared files: the same lists as of one host's files, from the database.

Numbers are given while the site's row is locked. So a reader that has seen one has seen all before it.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engage_server.errors import EngageError, Refused, UsageError
from engage_server.protocol.json_body import FILE_DEPTH, read_json
from engage_server.records import Page
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.device_files.upload_feed import SiteUpload, UploadFeed, UploadPage, readable
from engage_server.services.shared_files.contents import PAGE_BYTES, is_shared
from engage_server.store.interface import SharedFileStore, SiteStore
from engage_server.store.interface.shared_files import SharedUpload

_CURSOR = re.compile(r"(?P<journal>[0-9a-f]{8})-(?P<number>[0-9]{1,18})|begin", re.ASCII)
_OF_DEVICE = re.compile(r"(?P<collection>audits|alerts|credentials)\.row\.(?P<row>[0-9]{1,18})", re.ASCII)


class FeedStore(SharedFileStore, SiteStore, Protocol):
    """The part of the store that this needs."""


class EitherFeed(UploadFeed):
    """See :class:`engage_server.services.device_files.upload_feed.UploadFeed`, whose docstrings apply.

    Args:
        root: The data folder.
        folders: The devices' folders in it.
        store: Knows where each site has its files.
    """

    def __init__(self, root: Path, folders: DeviceFolders, store: FeedStore) -> None:
        super().__init__(root, folders)
        self._store = store
        self._noted: dict[tuple[str, str], str] = {}

    def note_reader(self, site: str, token: str, cursor: str) -> None:
        """Record how far a reader has come. If the database is away, the next page records it."""
        if self._noted.get((site, token)) == cursor or not is_shared(self._store, site):
            return
        journal, number = _place(cursor)
        if not journal:
            return
        with suppress(EngageError):
            self._store.note_shared_reader(site, token, journal, number)
            self._noted[site, token] = cursor

    def page(self, site: str, cursor: str | None, limit: int, only: Collection | None = None) -> UploadPage:
        """A page of the uploads of a site."""
        if not is_shared(self._store, site):
            return super().page(site, cursor, limit, only)
        standing = self._store.shared_standing(site)
        journal, number = _place(cursor)
        newest = 0 if standing is None else standing.uploads
        if journal and (standing is None or journal != standing.journal or number > newest):
            raise Refused(
                "this cursor is of the files of one host, or of a database that was restored since",
                "Begin again without a cursor. Compare digests: some uploads will come a second time.",
                code="uploads.forgotten",
            )
        found = self._store.shared_uploads_after(site, number, limit, PAGE_BYTES)
        last = found[-1].number if found else number
        items = tuple(_shown(each) for each in found if only in (None, each.collection))
        name = "begin" if standing is None else f"{standing.journal}-{last or 0}"
        return UploadPage(items, name, (last or 0) < newest)


@dataclass(frozen=True, slots=True)
class _Begin:
    collection: Collection
    row: int


def shared_device_page(
    store: SharedFileStore, site: str, serial: str, cursor: str | None, limit: int, only: Collection | None
) -> Page[SiteUpload]:
    """A page of the uploads of a device: kind by kind, and of each kind in the order in which they were stored.

    Raises:
        UsageError: It is no cursor of this list (``cursor.invalid``).
    """
    begin = None if cursor is None else _begin(cursor, only)
    kinds = [each for each in Collection if only in (None, each)]
    items, read = list[SiteUpload](), 0
    for kind in kinds[kinds.index(begin.collection) if begin else 0 :]:
        row = begin.row if begin is not None and begin.collection is kind else 0
        while len(items) < limit and read < PAGE_BYTES:
            some = store.shared_uploads_of(site, serial, str(kind), row, limit - len(items), PAGE_BYTES)
            if not some:
                break
            items += map(_shown, some)
            read += sum(len(each.content) for each in some)
            row = some[-1].row
        if len(items) >= limit or read >= PAGE_BYTES:
            return Page(tuple(items), f"{kind}.row.{row}")
    return Page(tuple(items), None)


def _shown(upload: SharedUpload) -> SiteUpload:
    value = read_json(upload.content, FILE_DEPTH)
    collection = Collection(upload.collection)
    if not isinstance(value, dict):
        return SiteUpload(upload.serial, collection, None, "it is damaged in the database: restore a backup")
    return readable(upload.serial, collection, value)


def _place(cursor: str | None) -> tuple[str, int]:
    found = _CURSOR.fullmatch(cursor or "begin")
    if found is None:
        raise UsageError(
            "the cursor cannot be used: no page of uploads gave it",
            "Use the cursor exactly as the page before gave it. Or begin again without one.",
            code="cursor.invalid",
        )
    return (found["journal"], int(found["number"])) if found["journal"] else ("", 0)


def _begin(cursor: str, only: Collection | None) -> _Begin:
    found = _OF_DEVICE.fullmatch(cursor)
    if found is None or only not in (None, found["collection"]):
        raise UsageError(
            "the cursor of the page cannot be used: it was changed, or belongs to another list",
            "Use the cursor exactly as the page before gave it, with the same filters. Or begin again without one.",
            code="cursor.invalid",
        )
    return _Begin(Collection(found["collection"]), int(found["row"]))
