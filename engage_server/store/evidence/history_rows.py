"""Rows of ``device_histories`` for a batch: read as plain numbers, and written back by changed columns.

A night changes a dozen of the forty columns. Only these are sent, and SQLite leaves indexes without them alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, RowMapping, select, type_coerce

from engage_server.records import DeviceHistory, ReleaseHistory
from engage_server.records.history import restored
from engage_server.store.database.batches import update_all, upsert
from engage_server.store.interface import Place
from engage_server.store.tables import EpochSeconds, device_histories

NAMES = tuple(column.name for column in device_histories.columns if column.name not in ("id", "standing"))
_KEY = ("identity", "site")
_FLAGS = ("is_shared_address", "is_contested")  # stored as small numbers, so that both databases can index them
_columns = device_histories.c
_TIMES = frozenset(name for name in NAMES if isinstance(_columns[name].type, EpochSeconds))
_values = attrgetter(*NAMES)
SELECTED = select(
    _columns.id,
    _columns.standing,
    *(type_coerce(_columns[name], BigInteger) if name in _TIMES else _columns[name] for name in NAMES),
)


class Times(dict[int, datetime | None]):
    """The moments of whole seconds. A row holds the same moment several times, and other rows hold it, too."""

    def __missing__(self, seconds: int) -> datetime | None:
        """Convert one that was not asked for before."""
        found = self[seconds] = datetime.fromtimestamp(seconds, UTC) if seconds else None
        return found


@dataclass(frozen=True, slots=True)
class Known:
    """What a row holds.

    Attributes:
        id: The row's id.
        standing: The stored :class:`engage_server.store.evidence.standing.Standing`.
        history: The history, with the releases that the batch needs.
    """

    id: int
    standing: int
    history: DeviceHistory


def known_rows(
    rows: Sequence[Row[Any]], releases: Mapping[int, Mapping[int, ReleaseHistory]], times: Times
) -> Iterator[tuple[Place, Known]]:
    """Build them from rows of :data:`SELECTED`, with the releases of each row's id: column by column."""
    if not rows:
        return
    ids, standings, *columns = map(list, zip(*rows, strict=True))
    for at in _TIMES_AT:
        columns[at] = list(map(times.__getitem__, columns[at]))
    for at in _FLAGS_AT:
        columns[at] = list(map(bool, columns[at]))
    for number, standing, values in zip(ids, standings, zip(*columns, strict=True), strict=True):
        reached = ("releases", releases.get(number, {}))
        found = restored([*zip(NAMES, values, strict=True), reached])
        yield (found.site, found.identity), Known(number, standing, found)


def history(row: RowMapping | Mapping[str, Any]) -> DeviceHistory:
    """Build a history from a row of ``device_histories`` as SQLAlchemy gives it, without its releases."""
    fields = {name: row[name] for name in NAMES} | {name: bool(row[name]) for name in _FLAGS}
    return DeviceHistory(**fields, releases={})


def insert_rows(connection: Connection, added: Sequence[tuple[DeviceHistory, int]]) -> None:
    """Add rows, each with its standing."""
    rows = [(*_stored(each), standing) for each, standing in added]
    upsert(connection, device_histories, (*NAMES, "standing"), _KEY, rows)


def update_rows(connection: Connection, changes: Sequence[tuple[Known, DeviceHistory, int]]) -> None:
    """Change rows that exist: each from what it holds to a history and its standing."""
    if not changes:
        return
    before = zip(*(_values(known.history) for known, _, _ in changes), strict=True)
    after = zip(*(_values(now) for _, now, _ in changes), strict=True)
    columns: dict[str, Sequence[Any]] = {"id": [known.id for known, _, _ in changes]}
    for name, old, new in zip(NAMES, before, after, strict=True):
        if old != new:
            columns[name] = list(map(int, new)) if name in _FLAGS else new
    standings = [standing for _, _, standing in changes]
    if standings != [known.standing for known, _, _ in changes]:
        columns["standing"] = standings
    update_all(connection, device_histories, "id", columns)


def _stored(of: DeviceHistory) -> list[Any]:
    values = list(_values(of))
    for at in _FLAGS_AT:
        values[at] = int(values[at])
    return values


_TIMES_AT = tuple(at for at, name in enumerate(NAMES) if name in _TIMES)
_FLAGS_AT = tuple(map(NAMES.index, _FLAGS))
