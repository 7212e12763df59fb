"""Databases that an access-control system gave to doors, and that these have not fetched yet."""

from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.errors import EngageError
from engage_server.files import read_file
from engage_server.protocol.json_body import FILE_DEPTH, read_json
from engage_server.records import Page
from engage_server.services.device_files.folder import DATABASE, MAX_FILE_BYTES, DeviceFolder, DeviceFolders
from engage_server.services.device_files.given_database import GIVEN, read_given

_MOST_LOOKED_AT = 2000  # folders in one page


@dataclass(frozen=True, slots=True)
class WaitingDatabase:
    """A database that its door has not fetched.

    Attributes:
        serial: The door.
        version: Its ``nxtDbVerTS``.
        put_at: Since when it waits, by its file; aware, UTC.
        fetched: The version that the door fetched last. "" for none.
    """

    serial: str
    version: str
    put_at: datetime
    fetched: str


def waiting_databases(folders: DeviceFolders, site: str, after: str | None, limit: int) -> Page[WaitingDatabase]:
    """A page of them, by serial number. It may hold fewer than its limit, even none, before the last page.

    Args:
        folders: The devices' folders on this host.
        site: The site's name.
        after: Where the page before ended. None for the first page.
        limit: The most databases of the page.
    """
    serials = folders.serials(site)
    first = bisect_right(serials, after or "")
    found: list[WaitingDatabase] = []
    for place in range(first, min(len(serials), first + _MOST_LOOKED_AT)):
        waiting = _waiting(folders, site, serials[place])
        if waiting is not None:
            found.append(waiting)
        if len(found) == limit and place + 1 < len(serials):
            return Page(tuple(found), serials[place])
    last = first + _MOST_LOOKED_AT
    return Page(tuple(found), serials[last - 1] if last < len(serials) else None)


def _waiting(folders: DeviceFolders, site: str, serial: str) -> WaitingDatabase | None:
    """Compared by time first: reading each database would cost too much."""
    folder = folders.path(site, serial)
    with suppress(OSError, EngageError, ValueError):
        put = (folder / DATABASE).stat().st_mtime
        with suppress(FileNotFoundError):
            if (folder / GIVEN).stat().st_mtime > put:
                return None
        value = read_json(read_file(folder / DATABASE, limit=MAX_FILE_BYTES), FILE_DEPTH)
        version = str(value.get("nxtDbVerTS", "")) if isinstance(value, dict) else ""
        given = read_given(DeviceFolder(folder, None, 0))
        fetched = given.version if given else ""
        if fetched != version:
            return WaitingDatabase(serial, version, datetime.fromtimestamp(put, UTC), fetched)
    return None
