"""What travels when devices call in: read leniently, sent exactly, and never what would hurt a device."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.errors import BodyInvalid
from engage_server.protocol.caller_serial import serial_from_authorization, serial_from_body
from engage_server.protocol.configuration import read_parameters
from engage_server.protocol.database_answer import answer_since, assert_harmless, version_of
from engage_server.protocol.device_audits import events_in, read_event
from engage_server.protocol.event_codes import MEANINGS, sentence_of
from engage_server.protocol.json_body import (
    content_digest,
    read_device_json,
    read_json,
    without_secrets,
    write_json,
)
from engage_server.protocol.serial_number import encode_serial
from tests.support.device_bodies import database

SERIAL = "0000000000000000A0B1000000000206"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=20,
)


def nothing(_version: int) -> None:
    """No earlier database."""


class TestBodies:
    @given(values)
    def test_what_is_json_comes_back_as_it_was(self, value: Any) -> None:
        assert read_json(write_json(value)) == value

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"NaN",
            b'{"a": Infinity}',
            b"1e999",
            b"1" * 5000,
            b"[" * 100_000,
            b"[" * 40 + b"]" * 40,
        ],
    )
    def test_what_is_none_is_refused_and_not_repeated(self, body: bytes) -> None:
        with pytest.raises(BodyInvalid) as caught:
            read_json(body)
        assert "Infinity" not in str(caught.value)

    @pytest.mark.parametrize(
        ("body", "value"),
        [
            (b'{"a":[1,2,],"b":{"c":3,},}', {"a": [1, 2], "b": {"c": 3}}),
            (b'\xef\xbb\xbf{"a":1 ,\r\n\t}', {"a": 1}),
            (b'{"a":",]","b":"\\",}",}', {"a": ",]", "b": '",}'}),
            (b'{"a":1,"a":2}', {"a": 2}),
        ],
    )
    def test_a_device_may_end_a_list_or_an_object_with_a_comma(self, body: bytes, value: Any) -> None:
        """As the vendor's own printed examples do."""
        assert read_device_json(body) == value

    @pytest.mark.parametrize(
        "body",
        [b"[,]", b"{ ,}", b"[1,,]", b'{"a":1,', b'["a,]', b"[1],", b'["\\",]', b"['a',]", b"[1 2,]", b'"\\"' * 90_000],
    )
    def test_but_not_with_anything_else(self, body: bytes) -> None:
        with pytest.raises(BodyInvalid):
            read_device_json(body)

    @given(values)
    def test_what_is_right_is_read_the_same(self, value: Any) -> None:
        assert read_device_json(write_json(value)) == value

    def test_only_what_a_device_sends(self) -> None:
        with pytest.raises(BodyInvalid):
            read_json(b"[1,]")

    @pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"a":{"b":1,"c":2,"b":3}}]'])
    def test_names_can_be_asked_to_stand_once(self, body: bytes) -> None:
        assert read_json(body)
        with pytest.raises(BodyInvalid, match="a duplicate name"):
            read_json(body, strict=True)

    def test_a_byte_order_mark_does_no_harm(self) -> None:
        assert read_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}

    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "wifiPassword",
            "WIFI_PASSWORD",
            "wlan-passwd",
            "pwd",
            "psk",
            "preSharedKey",
            "passphrase",
            "WPA Key",
        ],
    )
    def test_a_password_is_taken_out_wherever_it_stands(self, name: str) -> None:
        value = {"a": [{"ssid": "lobby", name: "hunter2"}], name: {"x": "hunter2"}, "z": 1}
        assert without_secrets(value) == {"a": [{"ssid": "lobby"}], "z": 1}
        assert "hunter2" in json.dumps(value)  # the caller's own is not changed

    @given(values)
    def test_without_passwords_nothing_changes(self, value: Any) -> None:
        if "hunter2" not in str(value):
            kept = without_secrets(value)
            assert without_secrets(kept) is kept

    def test_parameters_must_be_an_object(self) -> None:
        assert read_parameters({"b": 1, "a": {"Password": "x"}}) == {"b": 1, "a": {}}
        with pytest.raises(BodyInvalid):
            read_parameters([1])

    def test_the_digest_does_not_know_the_order_of_children(self) -> None:
        assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1}) != content_digest({"a": 1, "b": 3})


class TestWhoseCall:
    @pytest.mark.parametrize(
        "body",
        [
            {"serialNumber": SERIAL},
            {"serialNumber": encode_serial(SERIAL)},
            {"x": 1, "Serial-Number": SERIAL.lower()},
            {"device": {"info": {"SN": SERIAL}}},
        ],
    )
    def test_the_body_says(self, body: Any) -> None:
        assert serial_from_body(body) == SERIAL

    @pytest.mark.parametrize(
        "body", [None, [], {"serialNumber": 7}, {"serialNumber": "door 7"}, {"usrID": SERIAL}, "x"]
    )
    def test_or_it_does_not(self, body: Any) -> None:
        assert serial_from_body(body) is None

    def test_the_token_may(self) -> None:
        assert serial_from_authorization(f"Device {SERIAL}") == SERIAL
        assert serial_from_authorization(f"device {SERIAL}:abc") == SERIAL
        assert serial_from_authorization(f"Basic {SERIAL}") is None
        assert serial_from_authorization("Device \udcff") is None


class TestDatabase:
    def test_a_right_one_passes_as_it_is(self) -> None:
        answer = database()
        assert assert_harmless(answer, "x") is answer
        assert list(answer["db"]) == ["usrRcrd", "schedules", "holidays", "autoUnlock"]

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            ({}, "db: it is missing; it must be an object, such as"),
            ([], "x cannot be sent to a device: it: it must be an object, such as"),
            ({"db": 7}, 'db: it must be an object, such as {"schedules": [...]}'),
            ({"db": {}}, "db.schedules: it is missing; it must be a list of at least one schedule"),
            ({"db": {"schedules": []}}, "db.schedules: it must be a list of at least one schedule, or the door"),
            ({"db": {"schedules": [1], "usrRcrd": []}}, 'db.usrRcrd: it must be an object, such as {"deleteAll": 1,'),
            ({"db": {"schedules": [1], "usrRcrd": {"add": 5}}}, "db.usrRcrd.add: it must be a list, such as []"),
            ({"db": {"schedules": [1], "usrRcrd": {"deleteAll": []}}}, "db.usrRcrd.deleteAll: it must be 1 or 0"),
            ({"db": {"schedules": [1], "holidays": "x"}}, "db.holidays: it must be a list, such as []"),
            ({"db": {"schedules": [1]}, "dbDwnLdTm": "x"}, "dbDwnLdTm: it must be YYYYMMDDHHMMSS: 14 digits, such as"),
            ({"db": {"schedules": [1]}, "dbDwnLdTm": []}, "dbDwnLdTm: it must be YYYYMMDDHHMMSS"),
            ({"db": {"schedules": [1]}}, 'nxtDbVerTS: it is missing; it must be a text of "0x" and up to 16 hex'),
            ({"db": {"schedules": [1]}, "nxtDbVerTS": 5}, 'nxtDbVerTS: it must be a text of "0x"'),
            ({"db": {"schedules": [1]}, "nxtDbVerTS": "5"}, 'nxtDbVerTS: it must be a text of "0x"'),
        ],
    )
    def test_what_is_wrong_is_said_in_plain_words(self, answer: Any, why: str) -> None:
        with pytest.raises(BodyInvalid) as caught:
            assert_harmless(answer, "x")
        assert why in caught.value.sentence

    def test_the_forms_that_errors_name_are_accepted(self) -> None:
        """The control: whoever writes what an error says gets no error."""
        records = {"deleteAll": 1, "delete": [], "update": [], "add": []}
        full = {"db": {"usrRcrd": records, "schedules": [{}], "holidays": []}, "dbDwnLdTm": "20261126010203"}
        assert assert_harmless(full | {"nxtDbVerTS": "0x00000000000000AB"}, "x")
        assert assert_harmless({"db": {"schedules": [{}]}, "nxtDbVerTS": "0x1"}, "x")

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"nxtDbVerTS": "10"}, "nxtDbVerTS"),
            ({"nxtDbVerTS": "0x12345678901234567"}, "nxtDbVerTS"),
            ({"nxtDbVerTS": "0x10\n"}, "nxtDbVerTS"),
            ({"nxtDbVerTS": 16}, "nxtDbVerTS"),
            ({"dbDwnLdTm": "yesterday"}, "dbDwnLdTm"),
            ({"db": {"usrRcrd": None}}, "db.schedules"),
            ({"db": {"schedules": []}}, "db.schedules"),
            ({"db": {"schedules": {}}}, "db.schedules"),
            ({"db": {"schedules": [1], "usrRcrd": {"add": "all"}}}, "db.usrRcrd.add"),
            ({"db": 7}, "db"),
        ],
    )
    def test_one_that_would_hurt_is_refused_with_the_place(self, change: dict[str, Any], place: str) -> None:
        with pytest.raises(BodyInvalid, match=place):
            assert_harmless(database() | change, "x")

    @pytest.mark.parametrize("value", [None, [], "x", {}])
    def test_one_that_is_none_is_refused(self, value: Any) -> None:
        with pytest.raises(BodyInvalid):
            assert_harmless(value, "x")

    @pytest.mark.parametrize("change", [{"dbDwnLdTm": 20261121000000}, {"config": None}, {"more": [1]}])
    def test_types_may_vary(self, change: dict[str, Any]) -> None:
        assert assert_harmless(database() | change, "x")

    def test_versions(self) -> None:
        assert [version_of(text) for text in ("0", "0x0", "0x10", "0X1f", "00", "")] == [0, 0, 16, 31, 0, None]
        assert version_of("16") is None

    def test_all_for_zero(self) -> None:
        assert answer_since(database(), nothing, "0") == database()

    @pytest.mark.parametrize("since", ["0x10", "0x00000010", "0X10"])
    def test_who_holds_this_version_gets_no_users_but_schedules(self, since: str) -> None:
        answer = answer_since(database(), nothing, since)
        assert answer["db"]["usrRcrd"] == {"deleteAll": 0, "delete": [], "update": [], "add": []}
        assert answer["db"]["schedules"] == [{"days": ["Mo"]}]
        assert list(answer) == list(database())

    def test_who_holds_an_earlier_one_gets_what_was_added_and_changed(self) -> None:
        now = database("0x11", (1, 2, 3))
        now["db"]["usrRcrd"]["add"][1]["fnctn"] = "toggle"
        records = answer_since(now, {16: database()}.get, "0x10")["db"]["usrRcrd"]
        assert records == {
            "deleteAll": 0,
            "delete": [],
            "update": [{"usrID": 2, "fnctn": "toggle"}],
            "add": [{"usrID": 3, "fnctn": "norm"}],
        }

    @pytest.mark.parametrize("since", ["0x9", "garbage", "0x10"])
    def test_all_where_somebody_was_taken_off_or_the_version_is_not_known(self, since: str) -> None:
        now = database("0x11", (1,))
        assert answer_since(now, {16: database()}.get, since) == now

    def test_an_increment_of_the_partners_own_goes_out_as_it_is(self) -> None:
        now = database("0x11", (3,), delete_all=0)
        assert answer_since(now, {16: database()}.get, "0x10") == now

    @pytest.mark.parametrize(("sample", "no"), [(1, 0), (True, False), ("true", "false"), ("1", "0")])
    def test_no_is_written_as_this_firmware_does(self, sample: object, no: object) -> None:
        found = answer_since(database(delete_all=sample), nothing, "0x10")["db"]["usrRcrd"]["deleteAll"]
        assert (found, type(found)) == (no, type(no))

    @given(st.lists(st.integers(1, 6), unique=True), st.lists(st.integers(1, 6), unique=True), st.integers(1, 6))
    def test_a_device_that_does_as_it_is_told_holds_the_present_users(
        self, before: list[int], now: list[int], changed: int
    ) -> None:
        """The judge is a device that knows the four lists and nothing of how they came about."""
        old, new = database("0x10", tuple(before)), database("0x11", tuple(now))
        for user in new["db"]["usrRcrd"]["add"]:
            user["fnctn"] = "toggle" if user["usrID"] == changed else "norm"
        held = {user["usrID"]: user for user in old["db"]["usrRcrd"]["add"]}
        records = answer_since(new, {16: old}.get, "0x10")["db"]["usrRcrd"]
        if records["deleteAll"]:
            held.clear()
        held |= {user["usrID"]: user for user in (*records["update"], *records["add"])}
        assert held == {user["usrID"]: user for user in new["db"]["usrRcrd"]["add"]}


class TestAudits:
    @pytest.mark.parametrize(
        ("upload", "codes"),
        [
            ({"audits": [{"event": "0B07", "eventData": "0000"}, {"event": "1101"}]}, ["0B07", "1101"]),
            ([{"eventCode": "0x0B0C0194"}, {"event": 0x1100}], ["0B0C", "1100"]),
            ({"Events": [{"code": "b05"}]}, ["0B05"]),
            ({"event": "1202", "timestamp": 20261121}, ["1202"]),
        ],
    )
    def test_both_shapes_are_read(self, upload: Any, codes: list[str]) -> None:
        found = [read_event(event) for event in events_in(upload)]
        assert [event.code for event in found if event] == codes

    def test_code_and_data_in_one_number_are_parted(self) -> None:
        event = read_event({"eventCode": "0x0B0C0194"})
        assert event is not None
        assert (event.code, event.data) == ("0B0C", "0194")

    @pytest.mark.parametrize(
        "event", [None, 7, "x", {}, {"event": "door"}, {"event": None}, {"event": True}, {"event": -1}]
    )
    def test_what_can_not_be_read_is_none(self, event: Any) -> None:
        assert read_event(event) is None

    @given(values)
    def test_nothing_breaks_it(self, value: Any) -> None:
        for event in events_in(value):
            read_event(event)

    def test_every_row_is_a_sentence(self) -> None:
        assert set(MEANINGS) == {"0B05", "0B07", "0B08", "0B0C", "1100", "1101", "1202", "1203", "1206"}
        assert sentence_of("0B0C", "0194").endswith(": 404")
        assert sentence_of("0B0C", "0503").endswith(": 503")
        assert "not published" in sentence_of("0F01", "AA")
