"""SenML packs, as RFC 8428 has them and in KPN's older form."""

import json
from datetime import timedelta
from typing import Any

import pytest

from engage_server.errors import BodyInvalid
from engage_server.links.kpn.senml.reading import RELATIVE_BELOW, Measurement, names_in, read_pack
from tests.support.chains import NOW

BN = "urn:dev:IMEI:490154203237518:"


def read(*records: dict[str, Any]) -> tuple[Measurement, ...]:
    """What a pack of these records holds."""
    return read_pack(json.dumps(records).encode(), NOW)


def test_the_form_of_the_document_is_read() -> None:
    found = read(
        {"bn": BN, "bt": 1_700_000_000}, {"n": "door", "vb": True}, {"n": "rssi", "v": -71, "u": "dBm", "t": -5}
    )
    assert [(each.name, each.value, each.unit, each.time) for each in found] == [
        (f"{BN}door", True, "", 1_700_000_000),
        (f"{BN}rssi", -71, "dBm", 1_699_999_995),
    ]
    assert names_in(found) == (BN,)


def test_the_form_of_the_rfc_means_the_same() -> None:
    older = read({"bn": BN, "bt": 1.7e9, "bu": "Cel"}, {"n": "a", "v": 1}, {"n": "b", "v": 2})
    assert read({"bn": BN, "bt": 1.7e9, "bu": "Cel", "n": "a", "v": 1}, {"n": "b", "v": 2}) == older


def test_base_values_apply_until_they_change() -> None:
    found = read(
        {"bn": "a:", "bt": 1.5e9, "bu": "V", "bv": 10, "bs": 100, "n": "x", "v": 1, "s": 5},
        {"n": "y"},
        {"bn": "b:", "bv": 0.5, "bu": "A", "n": "z", "v": 1},
        {"n": "w", "u": "W", "vs": "text", "ut": 60},
    )
    assert [(each.name, each.value, each.sum, each.unit) for each in found] == [
        ("a:x", 11, 105, "V"),
        ("a:y", 10, 100, "V"),
        ("b:z", 1.5, 100, "A"),
        ("b:w", "text", 100, "W"),
    ]
    assert found[-1].update_time == 60


def test_each_kind_of_value_is_read() -> None:
    found = read(
        {"n": "a", "v": 1},
        {"n": "b", "v": 1.5},
        {"n": "c", "vs": ""},
        {"n": "d", "vb": False},
        {"n": "e", "vd": "AQL_"},
    )
    assert [each.value for each in found] == [1, 1.5, "", False, b"\x01\x02\xff"]


def test_a_sum_needs_no_value() -> None:
    found = read({"n": "energy", "s": 7})[0]
    assert (found.value, found.sum) == (None, 7)


@pytest.mark.parametrize("stated", [{}, {"bt": 0}, {"t": 0}, {"bt": 0.0, "t": 0}])
def test_a_missing_time_is_the_moment_of_receipt(stated: dict[str, float]) -> None:
    found = read({"n": "a", "v": 1, **stated})[0]
    assert (found.time, found.is_absolute) == (NOW.timestamp(), False)


@pytest.mark.parametrize("seconds", [-10.5, 60, RELATIVE_BELOW - 1])
def test_times_below_2_to_the_28_are_relative(seconds: float) -> None:
    found = read({"n": "a", "v": 1, "t": seconds})[0]
    assert (found.time, found.is_absolute) == (NOW.timestamp() + seconds, False)


@pytest.mark.parametrize("stated", [{"bt": RELATIVE_BELOW}, {"t": RELATIVE_BELOW}, {"bt": RELATIVE_BELOW + 9, "t": -9}])
def test_from_2_to_the_28_on_they_are_absolute(stated: dict[str, float]) -> None:
    found = read({"n": "a", "v": 1, **stated})[0]
    assert (found.time, found.is_absolute) == (RELATIVE_BELOW, True)


def test_fractions_of_seconds_are_kept() -> None:
    assert read({"n": "a", "v": 1, "bt": 1.7e9, "t": 0.25})[0].time == 1_700_000_000.25


def test_unknown_fields_are_ignored() -> None:
    assert read({"n": "a", "v": 1, "ct": "60", "x": {"y": [1]}, "bx": 1})[0].value == 1


@pytest.mark.parametrize("label", ["x_", "_", "bx_", "v_"])
def test_unknown_fields_that_must_be_understood_are_not(label: str) -> None:
    with pytest.raises(BodyInvalid, match="must understand"):
        read({"n": "a", "v": 1, label: 1})


@pytest.mark.parametrize("versions", [(None, None), (10, None), (10, 10), (None, 10), (5, None)])
def test_versions_up_to_10_are_read(versions: tuple[int | None, int | None]) -> None:
    one, other = ({} if version is None else {"bver": version} for version in versions)
    assert read({"n": "a", "v": 1, **one}, {"n": "b", "v": 1, **other})


@pytest.mark.parametrize("version", [11, 26, 0, -1, 10.0, 10.5, True, "10", None])
def test_no_other_version_is(version: object) -> None:
    with pytest.raises(BodyInvalid):
        read({"n": "a", "v": 1, "bver": version})


def test_a_pack_has_one_version() -> None:
    with pytest.raises(BodyInvalid, match="another version"):
        read({"n": "a", "v": 1}, {"n": "b", "v": 1, "bver": 9})


BAD: dict[str, bytes] = {
    "no JSON": b"{",
    "empty": b"",
    "no list": b'{"n":"a","v":1}',
    "no records": b"[]",
    "a number": b"[1]",
    "null": b"[null]",
    "base values alone": b'[{"bn":"a"}]',
    "an empty record": b"[{}]",
    "base values alone in second place": b'[{"n":"a","v":1},{"bn":"b"}]',
    "no value": b'[{"n":"a"}]',
    "a time alone": b'[{"n":"a","t":1}]',
    "two values": b'[{"n":"a","v":1,"vs":"1"}]',
    "no name": b'[{"v":1}]',
    "a name with a space": b'[{"n":"a b","v":1}]',
    "a name that begins with a colon": b'[{"n":":a","v":1}]',
    "a name that is not ASCII": '[{"n":"\u00e9","v":1}]'.encode(),
    "a name with a line end": b'[{"n":"a\\n","v":1}]',
    "a name that is a number": b'[{"n":1,"v":1}]',
    "a name that is null": b'[{"n":null,"v":1}]',
    "a value that is a text": b'[{"n":"a","v":"1"}]',
    "a value that is true": b'[{"n":"a","v":true}]',
    "a value that is null": b'[{"n":"a","v":null}]',
    "a truth that is a number": b'[{"n":"a","vb":1}]',
    "a text that is a number": b'[{"n":"a","vs":1}]',
    "data with padding": b'[{"n":"a","vd":"AQ=="}]',
    "data in the other alphabet": b'[{"n":"a","vd":"A+/A"}]',
    "data of impossible length": b'[{"n":"a","vd":"AAAAA"}]',
    "a base time that is a text": b'[{"bt":"1","n":"a","v":1}]',
    "a duplicate name": b'[{"n":"a","v":1,"v":2}]',
    "a duplicate name in an unknown field": b'[{"n":"a","v":1,"x":{"y":1,"y":2}}]',
    "not a number": b'[{"n":"a","v":NaN}]',
    "infinite": b'[{"n":"a","v":Infinity}]',
    "too large": b'[{"n":"a","v":1e400}]',
    "an integer that no double holds": b'[{"n":"a","v":1' + b"0" * 400 + b"}]",
    "an integer of very many digits": b'[{"n":"a","v":' + b"9" * 60_000 + b"}]",
    "two numbers that are too large together": b'[{"bv":1.7e308,"n":"a","v":1.7e308}]',
    "a base value and an integer that are too large": b'[{"bv":1'
    + b"0" * 308
    + b',"n":"a","v":9'
    + b"0" * 307
    + b"0}]",
    "a time after the year 9999": b'[{"n":"a","v":1,"t":1e12}]',
    "a time before the year 1": b'[{"n":"a","v":1,"t":-1e12}]',
    "nested deep": b'[{"n":"a","v":1,"x":' + b"[" * 9 + b"]" * 9 + b"}]",
    "nested very deep": b"[" * 100_000,
    "half a surrogate pair": b'[{"n":"a","vs":"\\ud800"}]',
    "not UTF-8": b'[{"n":"a","vs":"\xff"}]',
    "two packs": b'[{"n":"a","v":1}][{"n":"a","v":1}]',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_what_is_no_pack_is_refused_and_told(body: bytes) -> None:
    with pytest.raises(BodyInvalid) as raised:
        read_pack(body, NOW)
    assert len(str(raised.value)) < 200
    assert raised.value.next_step


def test_the_moment_of_receipt_is_an_argument() -> None:
    pack = b'[{"n":"a","v":1}]'
    one, other = read_pack(pack, NOW)[0], read_pack(pack, NOW + timedelta(hours=1))[0]
    assert other.time - one.time == 3600
