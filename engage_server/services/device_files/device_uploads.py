"""The uploads of one device, a page at a time: all that its files hold, imported ones too."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engage_server.errors import BodyInvalid, Conflict, UsageError
from engage_server.records import Page
from engage_server.services.device_files.folder import Collection, DeviceFolder
from engage_server.services.device_files.upload_feed import SiteUpload, number_of, readable

_CURSOR = re.compile(
    r"(?P<collection>audits|alerts|credentials)\.(?P<file>[0-9]{1,7})\.(?P<index>[0-9]{1,9})\.(?P<digest>\w{1,40})",
    re.ASCII,
)
_MOST_BYTES = 8 * 1024 * 1024  # of files that one page reads


@dataclass(frozen=True, slots=True)
class _Place:
    """Behind which upload a page begins.

    Attributes:
        collection: Its kind.
        file: The number of the last full file before its file. Its own file may become a full one meanwhile.
        index: Its place in its file.
        digest: Its digest, by which its file is found again.
    """

    collection: Collection
    file: int
    index: int
    digest: str

    def __str__(self) -> str:
        return f"{self.collection}.{self.file}.{self.index}.{self.digest}"


def device_page(
    folder: DeviceFolder, cursor: str | None, limit: int, only: Collection | None = None
) -> Page[SiteUpload]:
    """A page of the uploads of a device: kind by kind, and of each kind the oldest first.

    Args:
        folder: Its folder, with its lock held.
        cursor: The page. None for the first.
        limit: The most uploads of the page.
        only: Only this kind.

    Raises:
        UsageError: It is no cursor of this list (``cursor.invalid``).
        Conflict: A file is damaged (``device_files.damaged``).
    """
    after = None if cursor is None else _place(cursor, only)
    kinds = [each for each in Collection if only in (None, each)]
    items, last = list[SiteUpload](), None
    try:
        for place, entry in _from(folder, kinds[kinds.index(after.collection) if after else 0 :], after):
            if entry is None or len(items) == limit:
                return Page(tuple(items), str(last or after))
            items.append(readable(folder.path.name, place.collection, entry))
            last = place
    except BodyInvalid as error:
        raise Conflict(
            f"a file with uploads of device {folder.path.name} is damaged",
            "Restore it from a backup, or move it away.",
            code="device_files.damaged",
        ) from error
    return Page(tuple(items), None)


def _from(
    folder: DeviceFolder, kinds: Sequence[Collection], after: _Place | None
) -> Iterator[tuple[_Place, dict[str, Any] | None]]:
    """The uploads after a place. An upload that is None says that enough was read, if there was any."""
    read, given = 0, False
    for kind in kinds:
        full = 0
        for name in folder.files_of(kind):
            number = number_of(name)
            if after is None or after.collection is not kind or number > after.file:
                entries = folder.entries(name, kind)
                read += (folder.path / name).stat().st_size
                first = 0
                if after is not None and after.collection is kind:
                    if not _is_there(entries, after):
                        full = number
                        continue
                    first, after = after.index + 1, None
                for index in range(first, len(entries)):
                    entry = entries[index]
                    yield _Place(kind, full, index, str(entry["digest"])[:40]), entry
                    given = True
                if given and read > _MOST_BYTES:
                    yield _Place(kind, full, 0, ""), None
            full = number
        if after is not None and after.collection is kind:
            raise _invalid()


def _is_there(entries: Sequence[dict[str, Any]], place: _Place) -> bool:
    return place.index < len(entries) and str(entries[place.index]["digest"])[:40] == place.digest


def _place(cursor: str, only: Collection | None) -> _Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None or only not in (None, found["collection"]):
        raise _invalid()
    return _Place(Collection(found["collection"]), int(found["file"]), int(found["index"]), found["digest"])


def _invalid() -> UsageError:
    return UsageError(
        "the cursor of the page cannot be used: it was changed, or belongs to another list",
        "Use the cursor exactly as the page before gave it, with the same filters. Or begin again without a cursor.",
        code="cursor.invalid",
    )
