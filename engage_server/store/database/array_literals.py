"""Writes PostgreSQL's array literals: one text for a whole column.

The driver can do it, too. But it looks at each value by itself, which takes a third of the CPU of storing a sighting.
Here the type of the column is known, so its values are joined in one step.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Dialect, Integer, SmallInteger, String

from engage_server.store.tables import EpochSeconds, UtcDateTime

Literal = Callable[[Sequence[Any]], str]
_NULL = "NULL"


@lru_cache(maxsize=1024)
def literal_of(column: Column[Any], dialect: Dialect) -> tuple[str, Literal]:
    """Return the array's type, and the function that writes such an array.

    A text column's array is of ``text``: a cast to a shorter type would cut values off, where an insert refuses them.

    Raises:
        TypeError: Columns of this type are not written in batches.
    """
    kind = column.type
    if isinstance(kind, EpochSeconds):
        return "bigint[]", lambda values: _plain(str(kind.process_bind_param(value, dialect)) for value in values)
    if isinstance(kind, UtcDateTime):
        return "timestamptz[]", lambda values: _plain(_moment(kind, value, dialect) for value in values)
    if isinstance(kind, Boolean):
        return "boolean[]", lambda values: _plain(_NULL if value is None else str(bool(value)) for value in values)
    if isinstance(kind, (SmallInteger, Integer, BigInteger)):
        return "bigint[]", lambda values: _plain(_NULL if value is None else str(int(value)) for value in values)
    if isinstance(kind, String):
        return "text[]", _texts
    if isinstance(kind, JSON):
        return "json[]", lambda values: _texts([json.dumps(value) for value in values])
    raise TypeError(f"{column}: its type cannot be written in batches")


def _plain(parts: Iterable[str]) -> str:
    return "{" + ",".join(parts) + "}"


def _moment(kind: UtcDateTime, value: datetime | None, dialect: Dialect) -> str:
    if value is None:
        return _NULL
    utc = kind.process_bind_param(value, dialect)
    return f'"{utc.isoformat()}"' if utc else _NULL


def _texts(values: Sequence[str | None]) -> str:
    """Quote each text. Nearly all have no character that needs an escape: one look at all of them says so."""
    if None in values:
        return _plain(_NULL if value is None else _quoted(value) for value in values)
    joined = '","'.join(values)  # type: ignore[arg-type]  # none of them is None
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return _plain(_quoted(value) for value in values if value is not None)
    return '{"' + joined + '"}'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
