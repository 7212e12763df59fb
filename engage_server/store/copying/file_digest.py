"""A digest of a SQLite file, in the file itself: SQLite has none, so one wrong bit would be read as it is.

SQLite's header has two fields for the program that uses it: the user version and the application ID (section 1.3 of the
SQLite file format). They mean nothing to SQLite. They take the first 8 octets of a SHA-256 over all the rest. It finds
damage. A person who may write the file can write another digest, too.
"""

import hashlib
import hmac
import os
from pathlib import Path

from engage_server.errors import StoreNotUsable

_HEADER = 100
_FIELDS = ((60, 64), (68, 72))
_PIECE = 1 << 20
_NEXT = "Make the database answer. Then a new one is written."


def write_digest(path: Path) -> None:
    """Write the digest into a file that no program has open.

    Raises:
        OSError: The file cannot be written.
    """
    digest = _digest(path)
    with path.open("r+b") as file:
        for begin, end in _FIELDS:
            file.seek(begin)
            file.write(digest[: end - begin])
            digest = digest[end - begin :]
        file.flush()
        os.fsync(file.fileno())


def assert_undamaged(path: Path) -> None:
    """Read all of a file, and compare its digest.

    Raises:
        StoreNotUsable: It is not there, cannot be read, or is not what was written. The message does not name it.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
        is_right = hmac.compare_digest(b"".join(header[begin:end] for begin, end in _FIELDS), _digest(path))
    except OSError as error:
        raise StoreNotUsable(f"it cannot be read: {error.strerror}", _NEXT) from None
    if not is_right:
        raise StoreNotUsable("it is damaged, or an earlier version wrote it", _NEXT)


def _digest(path: Path) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as file:
        header = bytearray(file.read(_HEADER))
        for begin, end in _FIELDS:
            header[begin:end] = bytes(max(0, min(end, len(header)) - begin))
        found.update(header)
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.digest()[: sum(end - begin for begin, end in _FIELDS)]
