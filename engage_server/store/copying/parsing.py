"""Reads lines as rows, many at a time, and judges each value: what a line says is not trusted."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any

from engage_server.errors import ContentNotUsable
from engage_server.store.copying.lines import Row
from engage_server.store.copying.shapes import ColumnShape, Kind, TableShape

AT_ONCE = 1000  # lines
_TYPES: dict[Kind, frozenset[type]] = {
    Kind.INTEGER: frozenset({int}),
    Kind.NUMBER: frozenset({int, float}),
    Kind.TRUTH: frozenset({bool}),
}
_TEXT = frozenset({str})
_LEAST, _MOST = -(2**63), 2**63 - 1
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)

_NEXT = "The copy is damaged, or not of this program. Take another one. Nothing was kept of this one."


def rows_of(shape: TableShape, lines: Iterable[bytes]) -> Iterator[tuple[int, Sequence[Row]]]:
    """Yield some rows at a time, and the number of the first one's line. Values are in the order of ``in_order``.

    Args:
        shape: The table.
        lines: A row each, as :class:`engage_server.store.interface.copying.Picture` says.

    Raises:
        ContentNotUsable: A line is not a row of this table. The sentence names the table and the line.
    """
    rest, number = iter(lines), 1
    while some := list(islice(rest, AT_ONCE)):
        yield number, _parsed(shape, some, number)
        number += len(some)


def refused(table: str, what: str, number: int, last: int = 0) -> ContentNotUsable:
    """The error for a line, or for one of several lines."""
    where = f"line {number}" if last <= number else f"one of the lines {number} to {last}"
    return ContentNotUsable(f"table {table}, {where}: {what}", _NEXT, code="copy.bad_line")


def _parsed(shape: TableShape, lines: Sequence[bytes], number: int) -> Sequence[Row]:
    try:
        return _rows(shape, lines)
    except ValueError:
        for at, line in enumerate(lines):
            _assert_row(shape, line, number + at)
        raise refused(shape.name, "it cannot be read", number, number + len(lines) - 1) from None


def _assert_row(shape: TableShape, line: bytes, number: int) -> None:
    try:
        _rows(shape, [line])
    except ValueError as error:
        raise refused(shape.name, str(error), number) from None


def _rows(shape: TableShape, lines: Sequence[bytes]) -> Sequence[Row]:
    found = _objects(lines)
    columns = shape.in_order
    names = [column.name for column in columns]
    if set(map(len, found)) != {len(names)}:
        raise ValueError("it does not have exactly the columns of its table")
    try:
        values = zip(*map(itemgetter(*names, names[0]), found), strict=True)  # one more: always a tuple
    except KeyError as error:
        raise ValueError(f"the column {error.args[0]} is missing") from None
    return list(zip(*map(_values, columns, values), strict=True))


def _objects(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    whole = b",".join(lines)
    is_whole = whole.startswith(b"{") and whole.endswith(b"}\n") and whole.count(b"}\n,{") == len(lines) - 1
    if not is_whole or whole.count(b"\n") != len(lines):
        raise ValueError("it is not one JSON object in one line")
    try:
        found = json.loads(b"[" + whole + b"]")
    except (ValueError, RecursionError):  # the parser's own sentence may quote a value
        raise ValueError("it is not JSON") from None
    if len(found) != len(lines) or set(map(type, found)) != {dict}:
        raise ValueError("it is not one JSON object in one line")
    return list(found)


def _values(column: ColumnShape, values: Sequence[Any]) -> Iterable[Any]:
    """Return the values of one column as the drivers take them, after judging them."""
    held: Sequence[Any] = values
    if column.is_nullable and None in values:
        held = [value for value in values if value is not None]
    if not set(map(type, held)) <= _TYPES.get(column.kind, _TEXT):
        raise ValueError(f"the column {column.name} has a value of another kind")
    try:
        _JUDGES[column.kind](held)
    except (ValueError, RecursionError):
        raise ValueError(f"the column {column.name} has a value that it cannot hold") from None
    if column.kind is Kind.BYTES:
        return [None if value is None else b64decode(value) for value in values]
    return values


def _judge_integers(values: Sequence[int]) -> None:
    if values and not (min(values) >= _LEAST and max(values) <= _MOST):
        raise ValueError


def _judge_numbers(values: Sequence[float]) -> None:
    if any(number != number or number in (float("inf"), float("-inf")) for number in map(float, values)):
        raise ValueError


def _judge_texts(values: Sequence[str]) -> None:
    "".join(values).encode()  # half of a surrogate pair is no text


def _judge_times(values: Sequence[str]) -> None:
    if not all(map(_TIME.fullmatch, values)):
        raise ValueError
    for _ in map(datetime.fromisoformat, values):
        pass


def _judge_bytes(values: Sequence[str]) -> None:
    for _ in map(partial(b64decode, validate=True), values):
        pass


def _judge_json(values: Sequence[str]) -> None:
    _judge_texts(values)
    for _ in map(json.loads, values):
        pass


_JUDGES: dict[Kind, Callable[[Sequence[Any]], None]] = {
    Kind.INTEGER: _judge_integers,
    Kind.NUMBER: _judge_numbers,
    Kind.TRUTH: lambda values: None,
    Kind.TEXT: _judge_texts,
    Kind.TIME: _judge_times,
    Kind.BYTES: _judge_bytes,
    Kind.JSON: _judge_json,
}
