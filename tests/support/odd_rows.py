"""Rows of every kind of column, with the values that copies get wrong: for pictures of databases."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Integer, LargeBinary, SmallInteger, Table
from sqlalchemy.types import BigInteger, Boolean, DateTime, Float, TypeEngine

from engage_server.store.interface.copying import Picture, TableRows
from engage_server.store.partial_indexes import whole_schema
from engage_server.store.tables import EpochSeconds

_TEXTS = ("", " ", "é", "ß\u0301", "\U0001f510", "a\nb", "\\", '"', "\\u0000", "\x7f", "\t", "%s", "'", "{}", "null")
_JSONS = (
    *("null", "{}", "[]", '"\\u0000"', '"\\ud800"', '{"b": 1, "a": 2}', '{ "spaced" :  1}', "5", '"\\u00e9"'),
    *(f"[{10**300}]", "[true, false, null]", '{"a":{"b":[{}]}}', "[-0, 1e400]", '"é"'),
)
_TIMES = (
    *("1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"),
    *("0001-01-01T00:00:00.000000Z", "2026-03-29T01:30:00.000001Z", "1900-01-01T00:00:00.000000Z"),
)
_BYTES = (b"", b"\0", b"\n", bytes(range(256)), b"'\\")
_FLOATS = (0.0, 1e16, 1e15, 0.1, 5e-324, 1.7976931348623157e308, -1.5)
_BITS = ((SmallInteger, 15), (BigInteger, 63), (EpochSeconds, 63), (Integer, 31))
_PLAIN = (  # tables that refer to no other one
    *("audit_events", "people", "sightings", "backup_runs", "alert_recipients", "alert_outbox", "spool_offsets"),
    *("link_standings", "path_events", "device_histories", "sim_polls", "keyed_requests", "kpn_devices"),
)


def odd_rows(picture: Picture, seed: int, count: int = 12) -> list[TableRows]:
    """Rows for every table of a picture: none for those that refer to others."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return [
        TableRows(name, list(_rows(whole_schema.tables[name], chance, count)) if name in _PLAIN else [])
        for name in picture.tables()
    ]


def line_of(row: dict[str, Any]) -> bytes:
    """A row as pictures have it."""
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _rows(table: Table, chance: random.Random, count: int) -> Iterator[bytes]:
    made = [_row(table, chance, number) for number in range(1, count + 1)]
    key = [column.name for column in table.primary_key]
    yield from map(line_of, sorted(made, key=lambda row: [_in_order(row[name]) for name in key]))


def _in_order(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _row(table: Table, chance: random.Random, number: int) -> dict[str, Any]:
    unique = {column.name for column in table.primary_key} | {"identity", "period", "key"}
    return {
        column.name: _key(column, number, chance) if column.name in unique else _value(column, chance)
        for column in table.columns
    }


def _key(column: Column[Any], number: int, chance: random.Random) -> Any:
    return number if isinstance(column.type, Integer | BigInteger) else f"{number}{chance.choice(_TEXTS)}"


def _value(column: Column[Any], chance: random.Random) -> Any:
    if column.nullable and chance.random() < 0.3:
        return None
    kind: TypeEngine[Any] = getattr(column.type, "impl_instance", column.type)
    if isinstance(kind, Boolean):
        return chance.random() < 0.5
    for of_kind, bits in _BITS:
        if isinstance(column.type, of_kind) or isinstance(kind, of_kind):
            return chance.choice((0, 1, -1, 2**bits - 1, -(2**bits)))
    for pool, of in ((_JSONS, sa.JSON), (_TIMES, DateTime), (_FLOATS, Float)):
        if isinstance(kind, of):
            return chance.choice(pool)
    if isinstance(kind, LargeBinary):
        return base64.b64encode(chance.choice(_BYTES)).decode()
    return chance.choice(_TEXTS)
