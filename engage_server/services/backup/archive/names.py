"""The names of an archive's members, and the order in which they come. Pure.

A gzip-compressed tar archive with plain files alone, in this order:

1. ``format.json`` says what it is, so that another archive is found at its beginning.
2. ``tables/<table>/000001.jsonl``, ``000002.jsonl`` and so on. Tables come in an order in which they can be filled.
3. ``devices/<site>/<serial>/``, ``journals/<site>/``, ``uploads/<site>/``, ``settings/``, ``authority/``, each sorted
   by the parts of its names. A journal comes after its devices: it may then name an upload that is not there, which
   does no harm. An upload that no journal names would be read by nobody.
4. ``digests/000001.txt`` and so on: the SHA-256 of each member so far, in their order, as ``sha256sum --check`` reads.
5. ``manifest.json``, and ``manifest.hmac`` with its code under a key that is derived from the key-encryption key.

The manifest comes last, so that an archive is written and read in one pass. Without it, an archive was cut off.
"""

import re
from enum import StrEnum

from engage_server.errors import Refused

FORMAT = "format.json"
DIGESTS = "digests"
MANIFEST = "manifest.json"
CODE = "manifest.hmac"
TABLES = "tables"
MOST_IN_A_NAME = 255  # a tar header has no room for more
MOST_BYTES = 64 * 1024 * 1024  # of one member, which is read whole

_PART = re.compile(r"(?:tables/(?P<table>[a-z][a-z0-9_]{0,62})/|digests/)(?P<number>[0-9]{6})\.(?:jsonl|txt)")
_ALONE = (FORMAT, MANIFEST, CODE)


class Section(StrEnum):
    """The folders of members that are files of the installation, in their order."""

    DEVICES = "devices"
    JOURNALS = "journals"
    UPLOADS = "uploads"
    SETTINGS = "settings"
    AUTHORITY = "authority"


_FLOORS = (FORMAT, TABLES, *Section, DIGESTS, MANIFEST, CODE)


def part_name(table: str, number: int) -> str:
    """Return the name of the part of a table with this number, from 1. "" stands for the list of digests."""
    return f"{TABLES}/{table}/{number:06}.jsonl" if table else f"{DIGESTS}/{number:06}.txt"


def part_of(name: str) -> tuple[str, int] | None:
    """Return the table and the number of a part, as :func:`part_name` takes them. None for any other member."""
    found = _PART.fullmatch(name)
    part = (found["table"] or "", int(found["number"])) if found else None
    return part if part and part_name(*part) == name else None


def damaged(member: str, why: str) -> Refused:
    """Return the error for a damaged member.

    Args:
        member: The member's name. "" for the archive as a whole.
        why: What is wrong with it.
    """
    return Refused(
        f"the backup is damaged: {member}: {why}" if member else f"the backup is damaged: {why}",
        "Use an older backup. List them by their time, and check them: engage backup verify FILE",
        code="backup.damaged",
    )


def assert_name(name: str) -> str:
    """Return a member's name if no program could unpack it to a place outside of its folder.

    Raises:
        Refused: The name climbs out of the folder, or is none that a backup has.
    """
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise damaged(name, "its name leads out of the folder to which it would be unpacked")
    if len(name.encode()) > MOST_IN_A_NAME or not name.isprintable():
        raise damaged(name[:80], "its name is too long, or has characters that no name has")
    if parts[0] not in _FLOORS or (parts[0] in _ALONE) != (len(parts) == 1):
        raise damaged(name, "no backup has such a member: it was added")
    if parts[0] in (TABLES, DIGESTS) and part_of(name) is None:
        raise damaged(name, "no backup has such a part")
    return name


class Order:
    """Checks that members come in their order, each only once."""

    def __init__(self) -> None:
        self._last = ""
        self._tables: set[str] = set()

    def follow(self, name: str) -> None:
        """Check the next name.

        Raises:
            Refused: It may not come after the one before.
        """
        before, self._last = self._last, name
        if not before and name != FORMAT:
            raise damaged("", f"it begins with {name} instead of {FORMAT}")
        if name == before:
            raise damaged(name, "it is there twice")
        floor, floor_before = _floor(name), _floor(before)
        if floor < floor_before or (floor == floor_before and not self._is_next(name, before)):
            raise damaged(name, f"it comes after {before}: members are missing, twice, or in another order")
        if floor != floor_before and (part := part_of(name)) is not None and not self._is_new(*part):
            raise damaged(name, "the part before it is missing")

    def _is_next(self, name: str, before: str) -> bool:
        part, part_before = part_of(name), part_of(before)
        if part is None or part_before is None:
            return name.split("/") > before.split("/")
        if part[0] == part_before[0]:
            return part[1] == part_before[1] + 1
        return self._is_new(*part)

    def _is_new(self, table: str, number: int) -> bool:
        is_new = number == 1 and table not in self._tables
        self._tables.add(table)
        return is_new


def _floor(name: str) -> int:
    return _FLOORS.index(name.split("/")[0]) if name else -1
