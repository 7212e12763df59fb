"""Reads lists of devices, as people and spreadsheets write them: serial numbers, with names and places beside them."""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from engage_server.errors import EngageError, UsageError
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import DeviceLabel
from engage_server.services.sites.naming import read_device_label

_SEPARATORS = "\t;,"
_SEPARATOR_OF_EXCEL = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are wide ones
_BETWEEN_CELLS = re.compile(rf"([;\t])(?=[\s']*[{re.escape(''.join(_FORMULAS))}])")
_FAULTS_SHOWN = 20
_SERIAL = frozenset({"serial", "serialnumber", "serialno", "serialnr", "device", "deviceserial", "deviceserialnumber"})
_COLUMNS = {
    "name": frozenset({"name", "door", "doorname", "devicename"}),
    "place": frozenset({"place", "location"}),
}


@dataclass(frozen=True, slots=True)
class DeviceList:
    """What stands in a list.

    Attributes:
        serials: The serial numbers, each once: 32 upper-case hexadecimal digits.
        labels: What people call them, of those that have a name or a place in the list.
        unused: The headings of columns that are not read.
    """

    serials: Sequence[str]
    labels: Mapping[str, DeviceLabel] = field(default_factory=dict)
    unused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where what stands in a row."""

    serial: int = 0
    name: int | None = None
    place: int | None = None


def text_of_list(content: bytes) -> str | None:
    """The text of a list, as spreadsheets write it: in UTF-8, or in UTF-16 with a mark. None if it is no text."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as Excel writes "Unicode text"
    try:
        return content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def read_device_list(text: str, source: str) -> DeviceList:
    """Read a list: one device on each line, or CSV with commas, semicolons or tabs.

    A heading may name the columns, in any order. Without one, serial numbers stand in the first column, and no other
    column is read.

    Args:
        text: The content. Empty lines and lines that begin with ``#`` are skipped.
        source: The name of the list in errors.

    Raises:
        UsageError: A line has no serial number (``serial.invalid``), or something else is wrong with lines
            (``device_list.lines``). The error names all such lines. Or no line is left (``device_list.empty``).
    """
    rows = list(_rows(text, source))
    columns, heading = _columns(rows[0][1]) if rows else (_Columns(), ())
    if heading or (rows and _is_unknown_heading(rows[0])):
        rows = rows[1:]
    labels: dict[str, DeviceLabel] = {}
    seen: dict[str, int] = {}
    faults: dict[int, UsageError] = {}
    for number, row in rows:
        try:
            serial, label = _read_row(row, columns)
            before = labels.get(serial)
            if before and label and before != label:
                raise UsageError(f"line {seen[serial]} calls {serial} something else", code="device_list.lines")
            seen.setdefault(serial, number)
            labels[serial] = before or label
        except UsageError as error:
            faults[number] = error
    if faults:
        raise _not_usable(source, faults)
    if not seen:
        raise UsageError(f"{source} lists no device", "Write a serial number on each line.", code="device_list.empty")
    known = {columns.serial, columns.name, columns.place}
    unused = tuple(each for at, each in enumerate(heading) if at not in known and each)
    return DeviceList(tuple(seen), {serial: label for serial, label in labels.items() if label}, unused)


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold something, each with the number of its first line."""
    lines = StringIO(text, newline="").readlines()  # splitlines() would also divide cells
    number = 1
    told = _SEPARATOR_OF_EXCEL.fullmatch(lines[0]) if lines else None
    if told:
        lines[0] = "\n"
    try:
        reader = csv.reader(lines, delimiter=told.group(1) if told else _separator(lines), strict=True)
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(
            f"{source}: line {number} is no CSV: {error}",
            "A field that begins with a quotation mark must end with one. Nothing was imported.",
            code="device_list.lines",
        ) from None


def _separator(lines: Sequence[str]) -> str:
    """What separates the columns: that by which the first line is a heading, or begins with a serial number."""
    first = next((each for each in lines if each.strip() and not each.lstrip().startswith("#")), "")
    for separator in _SEPARATORS:
        cells = next(csv.reader(StringIO(first), delimiter=separator), [])
        if len(cells) > 1 and (_columns(cells)[1] or decode_serial(cells[0].strip()) is not None):
            return separator
    return ","


def _columns(cells: Sequence[str]) -> tuple[_Columns, Sequence[str]]:
    """The columns by their headings, and the headings; none if it is no heading."""
    words = ["".join(each for each in cell.casefold() if each.isalnum()) for cell in cells]
    at = {what: next((n for n, word in enumerate(words) if word in known), None) for what, known in _COLUMNS.items()}
    serial = next((n for n, word in enumerate(words) if word in _SERIAL), None)
    if serial is None and at["name"] is None and at["place"] is None:
        return _Columns(), ()
    if serial is None:
        serial = next((n for n in range(len(cells)) if n not in at.values()), 0)
    return _Columns(serial, at["name"], at["place"]), cells


def _is_unknown_heading(row: tuple[int, Sequence[str]]) -> bool:
    """Whether the first line has other words above serial numbers."""
    number, cells = row
    return number == 1 and decode_serial(cells[0]) is None and not any(each.isdigit() for each in cells[0])


def _read_row(row: Sequence[str], columns: _Columns) -> tuple[str, DeviceLabel]:
    text = _cell(row, columns.serial)
    serial = decode_serial(text)
    if serial is None:
        raise UsageError(f"{text[:40]!r} is not a serial number", code="serial.invalid")
    return serial, read_device_label(_as_typed(_cell(row, columns.name)), _as_typed(_cell(row, columns.place)))


def _cell(row: Sequence[str], at: int | None) -> str:
    return row[at] if at is not None and at < len(row) else ""


def _as_typed(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from calculating it: see :func:`harmless_cell`."""
    return cell[1:] if cell.startswith("'") and _is_calculated(cell[1:]) else cell


def harmless_cell(text: str) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula. :func:`read_device_list` reads it as it was.

    Only before a formula after a semicolon, there is a space more.
    """
    apart = _BETWEEN_CELLS.sub(r"\1 ", text)  # where lists are separated by semicolons, cells begin there
    return f"'{apart}" if _is_calculated(apart) else apart


def _is_calculated(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULAS)


def _not_usable(source: str, faults: Mapping[int, EngageError]) -> UsageError:
    """One error for all lines."""
    numbers = ", ".join(map(str, [*faults][:10])) + (" ..." if len(faults) > 10 else "")
    if all(each.code == "serial.invalid" for each in faults.values()):
        return UsageError(
            f"{source}: no serial number on line {numbers}",
            "Write one on each line, as 32 hexadecimal digits, or Base64 as devices send it. Nothing was imported.",
            code="serial.invalid",
        )
    rest = len(faults) - _FAULTS_SHOWN
    rows = [f"  line {number}: {error.sentence}" for number, error in [*faults.items()][:_FAULTS_SHOWN]]
    return UsageError(
        f"{source}: {len(faults)} lines cannot be used:" if len(faults) > 1 else f"{source}: one line cannot be used:",
        "Correct them, and import the list again. Nothing was imported.",
        code="device_list.lines",
        rows=[*rows, *([f"  and {rest} more"] if rest > 0 else [])],
    )
