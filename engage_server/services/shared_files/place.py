"""How far this host's copy of a site's shared files has come, and when it last heard that it is the newest.

``.shared`` in the site's folder says the first. The time of that file says the second: only one process copies, and all
others have to know whether it still does.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.device_files.copied import is_plain

STATE = ".shared"  # in the site's folder; no device's folder has such a name
HEARD_WITHIN_SECONDS = 30.0  # the copying process looks every second, and at a busy time within some seconds
AGAIN_MOST = 100  # devices; more than that is a fault of the whole host, such as a full disk
_STATE_BYTES = 16 * 1024
_GREATEST = 2**63 - 1  # that a database has as a number


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """How far a copy has come.

    Attributes:
        journal: Of which journal. "" for none.
        change: The number of the last change that is in it.
        is_complete: Whether it had everything at least once.
        again: Devices whose files could not be written. They are tried again with each look.
    """

    journal: str = ""
    change: int = 0
    is_complete: bool = False
    again: tuple[str, ...] = ()


def read_place(data: Path, site: str) -> CopyPlace:
    """How far the copy of a site has come on this host. Without a usable file, it begins again."""
    with suppress(FileNotUsable, BodyInvalid, KeyError, TypeError, ValueError, OverflowError):
        path = data / site / STATE
        if not is_plain(path):
            return CopyPlace()
        value: Any = read_json(read_file(path, limit=_STATE_BYTES))
        change = int(value["change"])
        if 0 <= change <= _GREATEST:
            again = tuple(map(str, value.get("again", ())))[:AGAIN_MOST]
            return CopyPlace(str(value["journal"]), change, value["complete"] is True, again)
    return CopyPlace()


def write_place(data: Path, site: str, place: CopyPlace) -> None:
    """Write down how far the copy has come.

    Raises:
        FileNotUsable: It cannot be written.
    """
    folder = data / site
    if not folder.is_dir():
        make_folder(folder, within=data)
    value = {
        "journal": place.journal,
        "change": place.change,
        "complete": place.is_complete,
        "again": list(place.again),
    }
    replace_file(folder / STATE, write_json(value), SECRET_MODE)


def say_heard(data: Path, site: str) -> None:
    """Say that the database was asked just now, and that the copy has all that it has."""
    with suppress(OSError):
        os.utime(data / site / STATE)


def has_heard_lately(data: Path, site: str, now: float) -> bool:
    """Whether this host's copy was compared with the database a moment ago.

    If the clock of this host was set since, the answer is no, until the next look.

    Args:
        data: The data folder.
        site: The site's name.
        now: The seconds since 1970.
    """
    try:
        ago = now - (data / site / STATE).stat().st_mtime
    except OSError:
        return False
    return -HEARD_WITHIN_SECONDS <= ago <= HEARD_WITHIN_SECONDS
