"""Reads an archive once, and holds every member against the list of digests and the manifest."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engage_server.errors import Refused
from engage_server.services.backup.archive.manifest import FORMAT_NAME, FORMAT_VERSION, Manifest, read_manifest
from engage_server.services.backup.archive.names import CODE, DIGESTS, FORMAT, MANIFEST, Section, damaged, part_of

Members = Callable[[], Iterator[tuple[str, bytes]]]
_MOST_FORMAT_BYTES = 4096  # nobody has shown a key yet: what is read here must cost little
_UPGRADE = "Install that version or a later one, and try again. The backup was not changed."


def digest_line(name: str, content: bytes) -> bytes:
    """Return a member's line in the list of digests, in the form of ``sha256sum``."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


@dataclass(frozen=True, slots=True)
class Found:
    """What an archive holds, as it was read.

    Attributes:
        manifest: The manifest.
        manifest_bytes: The same as it is written.
        code: Its code.
        table_bytes: How long the rows of all tables are together.
    """

    manifest: Manifest
    manifest_bytes: bytes = field(repr=False)
    code: bytes = field(repr=False)
    table_bytes: int


def look_through(members: Members) -> Found:
    """Read everything, and compare.

    Args:
        members: Reads the archive from its beginning. Called again if something differs, to find out what.

    Raises:
        Refused: It is damaged. The sentence names the member.
    """
    course = _Course()
    try:
        for name, content in members():
            course.follow(name, content)
    except (
        Refused
    ):  # a changed bit of what is compressed may show at the end of all alone: the digests know where it is
        if course.is_listed and course.own.hexdigest() != course.listed.hexdigest():
            raise _difference(lambda: _as_far_as(members), course, None) from None
        raise
    found = course.found()
    manifest = found.manifest
    if course.listed.hexdigest() != manifest.digests or course.own.hexdigest() != manifest.digests:
        raise _difference(members, course, manifest)
    for table in sorted(course.rows.keys() | manifest.rows.keys()):
        if course.rows.get(table) != manifest.rows.get(table):
            has, wanted = course.rows.get(table, "no"), manifest.rows.get(table, "no")
            raise damaged(f"tables/{table}", f"it has {has} rows, and {MANIFEST} says {wanted}")  # either was changed
    if course.files != manifest.files:
        raise damaged(MANIFEST, f"it says {manifest.files} files, and the archive has {course.files}")
    return found


class _Course:
    """What was read so far."""

    def __init__(self) -> None:
        self.own = hashlib.sha256()
        self.listed = hashlib.sha256()
        self.rows: dict[str, int] = {}
        self.files = 0
        self.table_bytes = 0
        self.is_listed = False
        self._last: dict[str, bytes] = {}

    def follow(self, name: str, content: bytes) -> None:
        if name == FORMAT:
            _assert_format(content)
        section, part = name.split("/")[0], part_of(name)
        if section == DIGESTS:
            self.is_listed = True
            self.listed.update(content)
            return
        if name in (MANIFEST, CODE):
            self._last[name] = content
            return
        self.own.update(digest_line(name, content))
        self.files += section in list(Section)
        if part is not None:
            self.table_bytes += len(content)
            self.rows[part[0]] = self.rows.get(part[0], 0) + content.count(b"\n")

    def found(self) -> Found:
        for name in (MANIFEST, CODE):
            if name not in self._last:
                raise damaged(name, "it is missing: the archive is not complete")
        content = self._last[MANIFEST]
        return Found(read_manifest(content), content, self._last[CODE], self.table_bytes)


def _assert_format(content: bytes) -> None:
    try:
        if len(content) > _MOST_FORMAT_BYTES:
            raise ValueError
        value: Any = json.loads(content)
        name, version = value["format"], int(value["version"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        name, version = "", 0
    if name != FORMAT_NAME:
        raise damaged(FORMAT, "it does not say that this is a backup of engage-server")
    if version > FORMAT_VERSION:
        raise Refused(
            f"the backup was made by a newer version (format {version})", _UPGRADE, code="backup.newer_format"
        )


def _as_far_as(members: Members) -> Iterator[tuple[str, bytes]]:
    """What can be read."""
    with suppress(Refused):
        yield from members()


def _difference(members: Members, course: _Course, manifest: Manifest | None) -> Refused:
    """Name the member that differs from the list, or say that the list or the manifest was edited."""
    if course.own.hexdigest() == course.listed.hexdigest():
        return damaged(MANIFEST, "it does not fit the members: it was edited, or is of another backup")
    if manifest is not None and course.own.hexdigest() == manifest.digests:
        return damaged(DIGESTS, "the list of digests was changed")
    listed = [line for name, content in members() if name.startswith(f"{DIGESTS}/") for line in content.splitlines()]
    wanted = {line[66:].decode("utf-8", "replace"): line[:64] for line in listed}
    for name, content in members():
        if name.startswith(f"{DIGESTS}/") or name in (MANIFEST, CODE):
            continue
        expected = wanted.pop(name, None)
        if expected is None:
            return damaged(name, "it is not in the list of digests: it was added")
        if expected != digest_line(name, content)[:64]:
            return damaged(name, "its content was changed")
    missing = next(iter(wanted), "")
    return damaged(missing, "it is missing") if missing else damaged(DIGESTS, "the list of digests was changed")
