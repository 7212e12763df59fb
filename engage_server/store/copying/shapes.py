"""What the columns of a database's tables hold, as the database itself says it.

Not as ``tables`` says it: a copy of an earlier version has the columns of that version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, DateTime, Float, Integer, LargeBinary, String, inspect


class Kind(Enum):
    """What a column holds, whatever the database calls it."""

    INTEGER = auto()
    NUMBER = auto()
    TRUTH = auto()
    TEXT = auto()
    TIME = auto()
    BYTES = auto()
    JSON = auto()


# JSON and the times come first: some of their types are also texts
_KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (JSON, Kind.JSON),
    (LargeBinary, Kind.BYTES),
    (Boolean, Kind.TRUTH),
    (DateTime, Kind.TIME),
    (Integer, Kind.INTEGER),
    (Float, Kind.NUMBER),
    (String, Kind.TEXT),
)


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column.

    Attributes:
        name: Its name.
        kind: What it holds.
        is_nullable: Whether it may hold NULL.
    """

    name: str
    kind: Kind
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table.

    Attributes:
        name: Its name.
        columns: Its columns, in the database's order. Two databases may differ in it.
        key: The names of the primary key's columns.
    """

    name: str
    columns: tuple[ColumnShape, ...]
    key: tuple[str, ...]

    @property
    def in_order(self) -> tuple[ColumnShape, ...]:
        """The columns in the order in which they stand in a line: by name, so that all databases agree."""
        return tuple(sorted(self.columns, key=lambda column: column.name))


def shapes_of(connection: Connection, tables: Iterable[str]) -> Mapping[str, TableShape]:
    """Read the shapes of these tables, which exist."""
    known = inspect(connection)
    return {
        name: TableShape(
            name,
            tuple(ColumnShape(each["name"], _kind_of(each["type"]), bool(each["nullable"])) for each in columns),
            tuple(known.get_pk_constraint(name)["constrained_columns"]),
        )
        for name in tables
        for columns in (known.get_columns(name),)
    }


def _kind_of(of_column: object) -> Kind:
    return next(kind for of_kind, kind in _KINDS if isinstance(of_column, of_kind))
