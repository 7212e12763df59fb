"""The contents of shared files in rows: compressed, and sealed (decision 75).

Each device has its own key, derived from the installation key. So no key seals more than one device sends in its life,
and the content of one device cannot be opened as that of another.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, select, update

from engage_server.errors import SealBroken
from engage_server.records import SealedValues, Secret
from engage_server.store.sealing import DerivingKey, SealingKey
from engage_server.store.shared_files.tables import shared_files, shared_reports, shared_uploads

SINCE = "0031"  # the first schema that seals them
_UNDER_KEY_OF_DEVICE = b"\x06"
_AT_ONCE = 200
_LEVEL = 6


class _KeyOfDevice(SealingKey):
    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        return SealBroken(
            f"{purpose}: it was not sealed for this device of this installation", "Restore the database from a backup."
        )


class ContentSeal:
    """Seals and opens contents.

    Args:
        sealer: Has the installation key.
    """

    def __init__(self, sealer: DerivingKey) -> None:
        self._sealer = sealer

    def seal(self, row_id: int, serial: str, what: str, content: bytes) -> bytes:
        """Seal a content.

        Args:
            row_id: The row of its site. The name of a site may change.
            serial: Its device.
            what: What makes it another content of the same device: its kind, and its digest if it has one.
            content: Its bytes.
        """
        secret = Secret(zlib.compress(content, _LEVEL))
        return self._key(row_id, serial).seal(secret, _purpose(serial, what))

    def open(self, row_id: int, serial: str, what: str, sealed: bytes) -> bytes:
        """Open a content.

        Raises:
            SealBroken: It was sealed for something else, or has changed since.
        """
        return zlib.decompress(self._key(row_id, serial).open(sealed, _purpose(serial, what)).reveal())

    def _key(self, row_id: int, serial: str) -> SealingKey:
        key = Secret(self._sealer.derived_key(f"shared files {row_id}/{serial}"))
        return _KeyOfDevice(key, _UNDER_KEY_OF_DEVICE)


def _purpose(serial: str, what: str) -> str:
    return f"shared file of {serial}: {what}"


def what_of_file(kind: str, digest: str) -> str:
    """What a file is sealed as."""
    return f"{kind} {digest}"


def what_of_upload(collection: str, digest: str) -> str:
    """What an upload is sealed as."""
    return f"{collection} {digest}"


def what_of_report(kind: str) -> str:
    """What a report is sealed as. It has no digest: the next one of its kind takes its place."""
    return f"report {kind}"


@dataclass(frozen=True, slots=True)
class SharedContent:
    """The sealed content of one row.

    Attributes:
        purpose: What it is for.
        row: Its row.
        table: Its table.
    """

    purpose: str
    row: Any
    table: Table

    def opened(self, sealer: DerivingKey) -> Secret:
        """Open it.

        Raises:
            SealBroken: It does not open.
        """
        row = self.row
        content = ContentSeal(sealer).open(row.site_id, row.serial, _what(self.table, row), bytes(row.content_sealed))
        return Secret(content)


def shared_contents(connection: Connection) -> Iterator[SharedContent]:
    """Yield each sealed content. Rows of removed devices have none."""
    for table, row in _rows(connection):
        yield SharedContent(_purpose(row.serial, _what(table, row)), row, table)


def open_contents(connection: Connection, sealer: DerivingKey) -> SealedValues:
    """Open each of them, and say which do not open."""
    count, broken = 0, []
    for each in shared_contents(connection):
        count += 1
        try:
            each.opened(sealer)
        except SealBroken:
            broken.append(each.purpose)
    return SealedValues(count, tuple(broken))


def seal_plain(connection: Connection, sealer: DerivingKey) -> int:
    """Seal the contents of a database of a version that did not seal them. Return how many."""
    seal, count = ContentSeal(sealer), 0
    for table, row in _rows(connection):
        sealed = seal.seal(row.site_id, row.serial, _what(table, row), bytes(row.content_sealed))
        keys = [column == getattr(row, column.name) for column in table.primary_key]
        connection.execute(update(table).where(*keys).values(content_sealed=sealed))
        count += 1
    return count


def _rows(connection: Connection) -> Iterator[tuple[Table, Any]]:
    for table in (shared_files, shared_uploads, shared_reports):
        keys = list(table.primary_key)
        query = select(table).order_by(*keys).limit(_AT_ONCE)
        rows = connection.execute(query).all()
        while rows:
            yield from ((table, row) for row in rows if row.content_sealed)
            rows = connection.execute(query.where(_after(keys, rows[-1]))).all()


def _after(keys: list[Column[Any]], row: Any) -> Any:
    """The condition for rows after this one, in the order of these columns."""
    first, *rest = keys
    value = getattr(row, first.name)
    return (first > value) | ((first == value) & _after(rest, row)) if rest else first > value


def _what(table: Table, row: Any) -> str:
    if table is shared_files:
        return what_of_file(row.kind, row.digest)
    return what_of_upload(row.collection, row.digest) if table is shared_uploads else what_of_report(row.kind)
