"""Writes rows as lines, many at a time: one call for each column, none for each value.

A million devices have some hundred million values.
"""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import Any

from engage_server.store.copying.shapes import ColumnShape, Kind, TableShape

Row = tuple[Any, ...]

_NULL = "null"
_TRUTHS = ("false", "true")
_TYPES: dict[Kind, frozenset[type]] = {
    Kind.INTEGER: frozenset({int}),
    Kind.NUMBER: frozenset({int, float}),
    Kind.TRUTH: frozenset({int, bool}),  # SQLite has no truth values
    Kind.TEXT: frozenset({str}),
    Kind.TIME: frozenset({str}),
    Kind.BYTES: frozenset({bytes, memoryview}),
    Kind.JSON: frozenset({str}),
}


def _base64(value: bytes) -> str:
    return f'"{b2a_base64(value, newline=False).decode()}"'


def _number(value: float) -> str:
    return repr(float(value))


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.INTEGER: int.__repr__,
    Kind.NUMBER: _number,
    Kind.TRUTH: _TRUTHS.__getitem__,
    Kind.TEXT: encode_basestring_ascii,
    Kind.TIME: encode_basestring_ascii,
    Kind.BYTES: _base64,
    Kind.JSON: encode_basestring_ascii,
}


def lines_of(shape: TableShape, batches: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """Return a line for each row. They are read as they are taken.

    Args:
        shape: The table.
        batches: Some rows at a time, with the values in the order of ``shape.in_order``. Times are texts, as they stand
            in a line.

    Raises:
        ValueError: A value is not of its column's kind. The sentence names the column, never the value.
    """
    columns = shape.in_order
    template = "{" + ",".join(f"{encode_basestring_ascii(column.name)}:%s" for column in columns) + "}\n"
    return chain.from_iterable(map(partial(_lines, columns, template), batches))


def _lines(columns: Sequence[ColumnShape], template: str, rows: Sequence[Row]) -> Sequence[bytes]:
    """Return the lines of some rows. No value has a line break: they are escaped, so the lines can be parted again."""
    written = map(_written, columns, zip(*rows, strict=True))
    return "".join(map(template.__mod__, zip(*written, strict=True))).encode("ascii").splitlines(keepends=True)


def _written(column: ColumnShape, values: Sequence[Any]) -> Iterable[Any]:
    """Return the values of one column as they stand in lines."""
    kinds = set(map(type, values))
    is_open = column.is_nullable and type(None) in kinds
    kinds -= {type(None)} if is_open else set()
    if not kinds <= _TYPES[column.kind]:
        raise ValueError(f"a value of the column {column.name} is of another kind than the column")
    if column.kind is Kind.INTEGER and not is_open:
        return values  # the template writes a number as Python does
    write = _WRITERS[column.kind]
    if is_open:
        return [_NULL if value is None else write(value) for value in values]
    return map(write, values)
