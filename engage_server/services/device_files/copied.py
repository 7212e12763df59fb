"""Which files of a device's folder are copies of shared ones, with their digests.

A copy that a person changed on the disk is recognized by its digest. A device never gets it. ``.copied`` in the folder
has the digests, and is written under the folder's lock.
"""

import hashlib
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible
from engage_server.files import SECRET_MODE, read_file, replace_file
from engage_server.protocol.database_answer import version_of
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.device_files.folder import CONFIGURATION, DATABASE, EARLIER, MAX_FILE_BYTES

COPIED = ".copied"
_COPIED_BYTES = 64 * 1024


def read_copied(folder: Path) -> Mapping[str, str]:
    """The digest of each copy in a device's folder, by its path there. Empty without a usable list."""
    with suppress(FileNotUsable, BodyInvalid):
        value: Any = read_json(read_file(folder / COPIED, limit=_COPIED_BYTES))
        if isinstance(value, dict):
            return {str(name): str(digest) for name, digest in value.items()}
    return {}


def write_copied(folder: Path, digests: Mapping[str, str]) -> None:
    """Write the list. The folder's lock must be held."""
    replace_file(folder / COPIED, write_json(dict(sorted(digests.items()))), SECRET_MODE)


def is_plain(path: Path) -> bool:
    """Whether this is a file itself. Not a link, and no pipe that somebody would have to wait for."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def digest_on_disk(path: Path) -> str:
    """SHA-256 of a file's bytes. "" if it is missing, cannot be read, or is no file itself."""
    with suppress(FileNotUsable):
        return "" if not is_plain(path) else hashlib.sha256(read_file(path, limit=MAX_FILE_BYTES)).hexdigest()
    return ""


def assert_as_copied(folder: Path, since: str) -> None:
    """Check what a device is about to be given. The folder's lock must be held.

    Args:
        folder: The device's folder.
        since: The version that the device has: its increment is made from that earlier database.

    Raises:
        NotPossible: A file is not as it was copied. It will be replaced within minutes (``device_files.changed``).
    """
    digests = read_copied(folder)
    since_version = version_of(since)
    names = [DATABASE, CONFIGURATION]
    if since_version:
        on_disk = {f"{EARLIER}/{each.name}" for each in (folder / EARLIER).glob("0x*.json")}
        earlier = on_disk.union(each for each in digests if "/" in each)
        names += [each for each in earlier if version_of(Path(each).stem) == since_version]
    for name in names:
        if digest_on_disk(folder / name) != digests.get(name, ""):
            raise NotPossible(
                f"{folder / name} is not as the other hosts have it: it was changed or removed on the disk",
                "Nothing to do: this host copies it again within minutes. If it is a file that no host shares: "
                "engage site call-in SITE --shared",
                code="device_files.changed",
            )
