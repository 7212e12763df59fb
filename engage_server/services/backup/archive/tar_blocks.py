"""The tar archive itself: plain files alone, each small enough to be read whole.

Python's own ``tarfile`` would remember every member, and read a header of any length. So its headers are used, and the
loop is here.
"""

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from gzip import BadGzipFile, GzipFile
from typing import BinaryIO

from engage_server.services.backup.archive.names import MOST_BYTES, Order, assert_name, damaged

_BLOCK = 512
_MODE = 0o600
_LEVEL = 1  # JSON gets hardly smaller with more, and the processor is for devices
_GZIP = 31  # window bits of zlib for gzip
_EXPECTED_END = _BLOCK * 20  # tar programs fill up their last record with zeros


def packed(members: Iterable[tuple[str, bytes]], made_at: int) -> Iterator[bytes]:
    """Pack members, in their order.

    Args:
        members: Names and contents.
        made_at: The time that each member gets, in seconds since 1970.
    """
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for name, content in members:
        header = tarfile.TarInfo(assert_name(name))
        header.size, header.mode, header.mtime = len(content), _MODE, made_at
        for piece in (header.tobuf(tarfile.USTAR_FORMAT), content, b"\0" * (-len(content) % _BLOCK)):
            if part := stream.compress(piece):
                yield part
    yield stream.compress(b"\0" * 2 * _BLOCK) + stream.flush()


def unpacked(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Read an archive from its beginning to its end, one member in memory at a time.

    Raises:
        Refused: It is damaged, or is no archive of ours.
    """
    stream, order, name = GzipFile(fileobj=file), Order(), ""
    try:
        while (header := _header(stream, name)) is not None:
            name = header.name
            order.follow(name)
            content = _exactly(stream, header.size, name)
            _exactly(stream, -header.size % _BLOCK, name)
            yield name, content
        _assert_ends(stream)
    except EOFError:
        raise damaged(name, "the archive is cut off in it or behind it") from None
    except (BadGzipFile, zlib.error) as error:
        if not name:
            raise damaged("", "it is no gzip archive") from None
        why = "its compressed data was changed, in it or behind it"
        raise damaged(name, f"{why} ({error})" if isinstance(error, BadGzipFile) else why) from None


def _header(stream: GzipFile, before: str) -> tarfile.TarInfo | None:
    block = _exactly(stream, _BLOCK, before)
    if not any(block):
        return None
    try:
        found = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError):
        raise damaged(before, "what follows it is no member: the archive was changed") from None
    name = assert_name(found.name)
    if found.type != tarfile.REGTYPE:
        raise damaged(name, "it is a link, a folder or a device. A backup has plain files only")
    if not 0 <= found.size <= MOST_BYTES:
        raise damaged(name, f"it has {found.size} bytes, more than any member of a backup")
    return found


def _exactly(stream: GzipFile, count: int, name: str) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise EOFError(name)
    return content


def _assert_ends(stream: GzipFile) -> None:
    rest = stream.read(_EXPECTED_END + 1)
    if any(rest) or len(rest) > _EXPECTED_END:
        raise damaged("", "something was added behind its end")
