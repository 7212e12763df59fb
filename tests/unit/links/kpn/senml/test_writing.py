"""Packs that are sent."""

import json

import pytest

from engage_server.errors import UsageError
from engage_server.links.kpn.device_name import DeviceName, NameKind
from engage_server.links.kpn.senml.reading import read_pack
from engage_server.links.kpn.senml.resolved import resolved_record
from engage_server.links.kpn.senml.writing import Reading, read_reading, write_pack
from tests.support.chains import NOW
from tests.support.kpn import IMEI

DEVICE = DeviceName(NameKind.IMEI, IMEI)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-71.5", -71.5),
        ("true", True),
        ("false", False),
        ("closed", "closed"),
        ("", ""),
        ("a=b", "a=b"),
        ('"1"', "1"),
        ("null", "null"),
        ("[1]", "[1]"),
        ("NaN", "NaN"),
        ("1e400", "1e400"),
        ("two words", "two words"),
        ("d\u00e9j\u00e0", "d\u00e9j\u00e0"),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: object) -> None:
    found = read_reading(f"door/1={text}")
    assert found == Reading("door/1", found.value)
    assert (type(found.value), found.value) == (type(value), value)


@pytest.mark.parametrize("text", ["door", "=1", "a b=1", "d\u00e9=1", "a\n=1", ""])
def test_what_has_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a name with a value"):
        read_reading(text)


def test_a_number_that_no_double_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="too large"):
        read_reading("a=" + "9" * 400)


def test_the_pack_is_the_document_s_without_white_space() -> None:
    body = write_pack(DEVICE, [Reading("door", "left open"), Reading("rssi", -71), Reading("ok", True)], NOW)
    assert body == (
        b'[{"bn":"urn:dev:IMEI:490154203237518:","bt":%d},' % NOW.timestamp()
        + b'{"n":"door","vs":"left open"},{"n":"rssi","v":-71},{"n":"ok","vb":true}]'
    )


def test_without_a_time_the_receiver_fills_it_in() -> None:
    body = write_pack(DEVICE, [Reading("a", 1)], None)
    assert "bt" not in json.loads(body)[0]
    assert read_pack(body, NOW)[0].time == NOW.timestamp()


def test_what_is_written_is_read_again() -> None:
    given = [Reading("a", 1), Reading("b", 1.5), Reading("c", '\u00e9\n"'), Reading("d", False)]
    found = read_pack(write_pack(DEVICE, given, NOW), NOW)
    assert [Reading(each.name.removeprefix(str(DEVICE)), each.value) for each in found] == given  # type: ignore[arg-type]  # no data values


def test_a_resolved_record_means_the_same() -> None:
    body = b'[{"bn":"x:","bt":1.7e9,"bu":"V","n":"a","v":1,"s":2,"ut":60},'
    body += b'{"n":"b","vd":"AQL_"},{"n":"c","vb":true,"u":"A"}]'
    found = read_pack(body, NOW)
    again = read_pack(json.dumps([resolved_record(each) for each in found]).encode(), NOW)
    fields = ("name", "unit", "value", "sum", "time", "update_time")
    assert [[getattr(each, name) for name in fields] for each in again] == [
        [getattr(each, name) for name in fields] for each in found
    ]
