"""Writes an archive: its members, the list of their digests, and the manifest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile

from engage_server.errors import NotPossible
from engage_server.services.backup.archive.look_through import digest_line
from engage_server.services.backup.archive.manifest import Manifest, format_bytes, manifest_bytes
from engage_server.services.backup.archive.names import CODE, FORMAT, MANIFEST, MOST_BYTES, part_name
from engage_server.services.backup.archive.tar_blocks import packed

Member = tuple[str, bytes]
PART_BYTES = 4 * 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024


def archive_bytes(
    members: Iterable[Member],
    manifest: Callable[[str], Manifest],
    code: Callable[[bytes], bytes],
    at: datetime,
) -> Iterator[bytes]:
    """Yield an archive in pieces. Nothing but one member is in memory.

    Args:
        members: Parts of tables, and files, in their order: see :mod:`.names`.
        manifest: Returns the manifest for the digest of the list of digests. Called when all members were read.
        code: Computes the code of the manifest.
        at: The time that the members get.
    """
    yield from packed(_with_list(members, manifest, code), int(at.timestamp()))


def table_parts(table: str, rows: Iterable[bytes], count: Callable[[int], None]) -> Iterator[Member]:
    """Yield the parts of a table. An empty table has an empty part, because a missing one is damage.

    Args:
        table: Its name.
        rows: Each ends with a line feed.
        count: Called with the number of rows of each part.

    Raises:
        NotPossible: A single row is too long for a member.
    """
    for number, lines in enumerate(in_pieces(rows), 1):
        name = part_name(table, number)
        content = b"".join(lines)
        if len(content) > MOST_BYTES:
            raise NotPossible(f"{name}: a row has {len(content)} bytes, too many for a backup", "Report this.")
        count(len(lines))
        yield name, content


def in_pieces(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Divide lines into lists of a few mebibytes. There is at least one list."""
    piece: list[bytes] = []
    length, is_first = 0, True
    for line in lines:
        if piece and length + len(line) > PART_BYTES:
            yield piece
            piece, length, is_first = [], 0, False
        piece.append(line)
        length += len(line)
    if piece or is_first:
        yield piece


def _with_list(
    members: Iterable[Member], manifest: Callable[[str], Manifest], code: Callable[[bytes], bytes]
) -> Iterator[Member]:
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as lines:
        digest = hashlib.sha256()
        for name, content in _with_format(members):
            line = digest_line(name, content)
            digest.update(line)
            lines.write(line)
            yield name, content
        lines.seek(0)
        yield from table_parts("", lines, lambda number: None)
    content = manifest_bytes(manifest(digest.hexdigest()))
    yield MANIFEST, content
    yield CODE, code(content)


def _with_format(members: Iterable[Member]) -> Iterator[Member]:
    yield FORMAT, format_bytes()
    yield from members
