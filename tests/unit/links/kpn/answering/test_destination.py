"""KPN's HTTPS destination: what is accepted, what is refused, and what is an event."""

import json
import logging
from datetime import timedelta

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.links.ingress.call import Answer, Call
from engage_server.links.kpn.answering.destination import Destinations
from engage_server.records import PathSays, Secret
from tests.support.chains import NOW
from tests.support.kpn import (
    DEPOT,
    DESTINATION_SECRET,
    DEVICE_SECRET,
    IMEI,
    OTHER_IMEI,
    PLANT,
    FixedTables,
    KeptEvents,
    bn,
    call,
    pack,
    token_of,
)


class Desk:
    """Destinations with everything around them."""

    def __init__(self) -> None:
        self.journal, self.tables = KeptEvents(), FixedTables()
        self.destinations = Destinations([DEPOT, PLANT], self.journal, self.tables)

    def answer(self, made: Call, destination: str = "doors") -> Answer:
        """Answer a call."""
        return self.destinations.answer(made, {"destination": destination})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_genuine_message_is_an_event_of_the_link(desk: Desk) -> None:
    body = pack({"n": "door", "vs": "closed"}, {"n": "rssi", "v": -71, "u": "dBm"})
    fields = [("things-plug-uuid", "0f8f-uuid"), ("things-message-token", token_of(body, DESTINATION_SECRET))]
    answer = desk.answer(call(body, fields=fields))
    assert (answer.status, answer.body) == (200, b"")
    (event,) = desk.journal.events
    assert (event.site, event.link, event.at, event.kind) == ("depot", "depot-kpn", NOW, "kpn_message")
    assert event.says is PathSays.WORKS
    assert event.detail == {
        "bn": bn(),
        "measured_at": "2023-11-14T22:13:20+00:00",
        "time_stated": "yes",
        "measurements": "door=closed; rssi=-71 dBm",
        "body_sha256": token_of(body, Secret(b"")),
        "proof": "message token",
        "plug_uuid": "0f8f-uuid",
    }


def test_each_destination_has_its_secret_and_its_success(desk: Desk) -> None:
    assert PLANT.secret is not None
    assert desk.answer(call(pack(), PLANT.secret), "plant").status == 201
    assert desk.journal.events[-1].link == "plant-kpn"
    assert desk.answer(call(pack(), DESTINATION_SECRET), "plant").status == 401


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param([], "0 message tokens", id="missing"),
        pytest.param([("things-message-token", "0" * 64)], "token is wrong", id="wrong"),
        pytest.param([("things-message-token", token_of(pack(), DEVICE_SECRET))], "is wrong", id="of another secret"),
        pytest.param([("things-message-token", token_of(pack(), DESTINATION_SECRET))] * 2, "2 message", id="doubled"),
        pytest.param([("things_message_token", token_of(pack(), DESTINATION_SECRET))], "0 message", id="underscores"),
    ],
)
def test_without_the_one_right_token_nothing_happens(
    desk: Desk, fields: list[tuple[str, str]], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = desk.answer(call(pack(), fields=fields))
    assert (answer.status, json.loads(answer.body)) == (401, {"error": "unauthorized"})
    assert desk.journal.events == []
    (line,) = caplog.messages
    assert reason in line and "depot-kpn" in line and "192.0.2.7" in line
    assert token_of(pack(), DESTINATION_SECRET) not in line


def test_an_unknown_destination_is_404_whatever_comes_with_it(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    assert desk.answer(call(pack(), DESTINATION_SECRET), "gates\r\nforged").status == 404
    assert desk.answer(call(pack(), DESTINATION_SECRET), "").status == 404
    assert desk.journal.events == []
    assert all(line.isprintable() for line in caplog.messages)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'[{"n":"a"}]', b'[{"n":"a","v":1,"v":2}]', b"\xff"])
def test_bad_senml_is_400_but_only_for_whom_the_token_proves(desk: Desk, body: bytes) -> None:
    assert desk.answer(call(body, DESTINATION_SECRET)).status == 400
    assert desk.answer(call(body, DEVICE_SECRET)).status == 401
    assert desk.journal.events == []


def test_a_pack_of_two_devices_is_400(desk: Desk) -> None:
    body = pack({"n": "a", "v": 1}, {"bn": bn(OTHER_IMEI), "n": "b", "v": 1})
    answer = desk.answer(call(body, DESTINATION_SECRET))
    assert answer.status == 400
    assert b"two devices" in answer.body


def test_when_the_event_cannot_be_kept_kpn_shall_try_again(desk: Desk) -> None:
    desk.journal.is_full = True
    assert desk.answer(call(pack(), DESTINATION_SECRET)).status == 503


def test_while_the_tables_are_away_kpn_shall_try_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_imei: str) -> None:
        raise StoreNotUsable("the database does not answer", "Start it.")

    monkeypatch.setattr(desk.tables, "kpn_device", away)
    assert desk.answer(call(pack(), DESTINATION_SECRET)).status == 503
    assert desk.journal.events == []


def test_a_replay_is_one_event(desk: Desk) -> None:
    for minutes in (0, 5):
        assert desk.answer(call(pack(), DESTINATION_SECRET, at=NOW + timedelta(minutes=minutes))).status == 200
    assert len(set(desk.journal.keys)) == 1


def test_another_time_name_or_body_is_another_event(desk: Desk) -> None:
    bodies = [pack(), pack(bt=1_700_000_001), pack(imei=OTHER_IMEI), pack({"n": "door", "vs": "open"})]
    for body in bodies:
        desk.answer(call(body, DESTINATION_SECRET))
    assert len(set(desk.journal.keys)) == len(bodies)


def test_without_a_stated_time_the_moment_of_receipt_is_part_of_the_key(desk: Desk) -> None:
    for minutes in (0, 0, 5):
        desk.answer(call(pack(bt=0), DESTINATION_SECRET, at=NOW + timedelta(minutes=minutes)))
    assert len(set(desk.journal.keys)) == 2
    assert desk.journal.events[0].detail["measured_at"] == NOW.isoformat()
    assert desk.journal.events[0].detail["time_stated"] == "no"


def test_a_message_of_a_registered_device_belongs_to_its_link(desk: Desk) -> None:
    desk.tables.add(IMEI, PLANT, None)
    desk.answer(call(pack(), DESTINATION_SECRET))
    desk.answer(call(pack(imei=OTHER_IMEI), DESTINATION_SECRET))
    assert [(event.link, event.site) for event in desk.journal.events] == [
        ("plant-kpn", "plant"),
        ("depot-kpn", "depot"),
    ]


@pytest.mark.parametrize(
    "name", ["urn:dev:DEVEUI:0059AC0000152E09:", "urn:dev:DVNUUID:0f8fad5b-d9cb-469f-a165-70867728950e:", ""]
)
def test_other_names_belong_to_the_destination(desk: Desk, name: str) -> None:
    body = pack({"n": "door", "v": 1}, bn=name)
    assert desk.answer(call(body, DESTINATION_SECRET)).status == 200
    assert desk.journal.events[0].link == "depot-kpn"


def test_long_and_strange_texts_are_cut_and_escaped(desk: Desk) -> None:
    values = [{"n": f"n{number}", "vs": "\x1b[31m" + "x" * 5000} for number in range(12)]
    desk.answer(call(pack(*values, bn="a" * 3000), DESTINATION_SECRET))
    detail = desk.journal.events[0].detail
    assert all(text.isprintable() for text in detail.values())
    assert sum(map(len, detail.values())) < 1500
    assert detail["measurements"].endswith("and 2 more")
