"""Lists of devices as people and spreadsheets write them."""

import csv
from io import StringIO

import pytest

from engage_server.errors import UsageError
from engage_server.records import DeviceLabel
from engage_server.services.sites.device_list import harmless_cell, read_device_list
from tests.support.world import serial_of

ONE, TWO = serial_of(1), serial_of(2)
BASE64 = "AAAAAAAAAACgsQAAAAACBg=="
NORTH = DeviceLabel("North entrance", "Building 3, ground floor")


def faults_of(text: str) -> str:
    with pytest.raises(UsageError) as refused:
        read_device_list(text, "x.csv")
    assert "Nothing was imported." in refused.value.next_step or refused.value.code == "device_list.empty"
    return refused.value.sentence


def test_without_a_heading_the_first_column_counts() -> None:
    text = f'{ONE},front\n\n# a note, "of" mine\n{ONE.lower()}\n{BASE64},back\n'
    found = read_device_list(text, "x.csv")
    assert (found.serials, found.labels) == ((ONE, "0000000000000000A0B1000000000206"), {})
    assert read_device_list(f"doors of mine\n{ONE}\n", "x.csv").serials == (ONE,)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("heading", [("serial", "name", "place"), ("Serial number", "Door name", "Location")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_heading_names_the_columns(separator: str, heading: tuple[str, ...], end: str) -> None:
    rows = [heading, (ONE, NORTH.name, f'"{NORTH.place}"'), (TWO, "", "")]
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        text = "".join(separator.join(row[at] for at in order) + end for row in rows)
        found = read_device_list(text, "x.csv")
        assert (found.serials, found.labels) == ((ONE, TWO), {ONE: NORTH}), order


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_first_column_may_end_with_what_excel_writes(separator: str) -> None:
    assert read_device_list(f"{ONE}{separator}front, left\n{TWO}{separator}back\n", "x.csv").serials == (ONE, TWO)
    told = read_device_list(f"sep={separator}\nserial{separator}name\n{ONE}{separator}front, left\n", "x.csv")
    assert told.labels == {ONE: DeviceLabel("front, left")}


def test_a_semicolon_in_a_name_separates_nothing() -> None:
    assert read_device_list(f"serial,name\n{ONE},front; left\n", "x.csv").labels == {ONE: DeviceLabel("front; left")}


def test_a_name_without_a_known_heading_for_the_serial_number() -> None:
    found = read_device_list(f"Name;Ger\u00e4t;Etage\nFront;{ONE};2\n", "x.csv")
    assert found.labels == {ONE: DeviceLabel("Front")}
    assert found.unused == ("Etage",)


def test_a_cell_of_several_lines_becomes_one() -> None:
    found = read_device_list(f'serial,name\n{ONE},"North\nentrance"\n12,x\n'.replace("12,x\n", ""), "x.csv")
    assert found.labels == {ONE: DeviceLabel("North entrance")}


def test_all_wrong_lines_are_named_at_once() -> None:
    assert faults_of(f"{ONE}\nnothing\n12\n") == "x.csv: no serial number on line 2, 3"
    text = f'serial;name\n{ONE};"a\nb"\nnothing;x\n{TWO};\u202eevil\n{serial_of(3)};{"x" * 81}\n{ONE};another\n'
    told = faults_of(text)
    assert told.startswith("x.csv: 4 lines cannot be used:\n")
    assert "line 4: 'nothing' is not a serial number" in told, "the number is that of the file"
    assert "line 5: the name has the character U+202E" in told
    assert "line 6: the name has 81 characters" in told
    assert f"line 7: line 2 calls {ONE} something else" in told


def test_many_wrong_lines_are_counted() -> None:
    text = "serial,name\n" + "".join(f"{serial_of(n)},{'x' * 99}\n" for n in range(30))
    assert faults_of(text).endswith("\n  and 10 more")


def test_a_quotation_mark_without_an_end() -> None:
    assert faults_of(f'serial,name\n{ONE},"North\n{TWO},South\n').startswith("x.csv: line 2 is no CSV: ")


@pytest.mark.parametrize("text", ["A" * 200_000, '"' + "A" * 200_000, f"{ONE},{'A' * 200_000}"])
def test_a_cell_that_nobody_writes_is_said(text: str) -> None:
    """Python's reader refuses it, also where only the separator is looked for."""
    assert faults_of(text).startswith("x.csv: line 1 is no CSV: ")


@pytest.mark.parametrize(
    "name", ["foo;=cmd|' /C calc'!A0", "a;b; +1", "x;'=1", "x;\uff1dcmd", ";-1", "a;b"], ids=range(6)
)
def test_where_semicolons_separate_cells_none_is_a_formula(name: str) -> None:
    """Spreadsheets of many countries divide a file with commas at its semicolons."""
    line = StringIO()
    csv.writer(line).writerow([ONE, harmless_cell(name), harmless_cell("=1")])
    for cell in line.getvalue().split(";"):
        assert not cell.lstrip("'\"").startswith(("=", "+", "-", "@", "\uff1d"))


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "serial,name\n", ";;;\n"])
def test_a_list_of_nothing_is_refused(text: str) -> None:
    assert faults_of(text) == "x.csv lists no device"


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\uff1dcmd", "'=x", "''-y", "'plain", "plain", ""]
)
def test_no_cell_is_a_formula_and_all_come_back(name: str) -> None:
    cell = harmless_cell(name)
    assert not cell.startswith(("=", "+", "-", "@", "\uff1d", "\t", "\r"))
    written = StringIO()
    csv.writer(written).writerows([["serial", "name"], [ONE, cell]])
    found = read_device_list(written.getvalue(), "x.csv")
    assert found.labels.get(ONE, DeviceLabel()) == DeviceLabel(name)
