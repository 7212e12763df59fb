"""The ingestion that devices call: whose secret counts, and what an answer carries."""

import json
from datetime import timedelta

import pytest

from engage_server.errors import SealBroken, StoreNotUsable
from engage_server.links.ingress.call import Answer, Call
from engage_server.links.kpn.answering.ingestion import Ingestion
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.records import Downlink, DownlinkStatus, KpnDevice, Secret
from tests.support.chains import NOW
from tests.support.kpn import (
    DEPOT,
    DESTINATION_SECRET,
    DEVICE_SECRET,
    IMEI,
    OTHER_IMEI,
    OTHER_SECRET,
    OUTSIDE,
    PLANT,
    PRIVATE,
    FixedTables,
    KeptEvents,
    bn,
    call,
    pack,
    token_of,
)

DOWNLINK = b'[{"bn":"urn:dev:IMEI:490154203237518:"},{"n":"report","vs":"now"}]'


class Desk:
    """The ingestion with a device of each kind."""

    def __init__(self) -> None:
        self.journal, self.tables = KeptEvents(), FixedTables()
        self.tables.add(IMEI, DEPOT, DEVICE_SECRET)
        self.ingestion = Ingestion([DEPOT, PLANT], self.journal, self.tables, RecentMessages())

    def answer(self, made: Call) -> Answer:
        """Answer a call."""
        return self.ingestion.answer(made, {})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_stands_at_the_document_s_address(desk: Desk) -> None:
    route = desk.ingestion.route()
    assert (route.path, route.methods, route.service) == ("/ingestion/m2m/senml/v1", ("POST",), "kpn-ingestion")


def test_a_device_is_proven_by_its_own_secret(desk: Desk) -> None:
    answer = desk.answer(call(pack(), DEVICE_SECRET))
    assert (answer.status, answer.body) == (200, b"")
    (event,) = desk.journal.events
    assert (event.site, event.link, event.kind) == ("depot", "depot-kpn", "kpn_message")
    assert event.detail["proof"] == "message token"


@pytest.mark.parametrize("secret", [None, OTHER_SECRET, DESTINATION_SECRET, Secret(b"")])
def test_another_secret_is_not_accepted(desk: Desk, secret: Secret | None) -> None:
    desk.tables.add(OTHER_IMEI, PLANT, OTHER_SECRET)
    for address in (OUTSIDE, PRIVATE):
        assert desk.answer(call(pack(), secret, address=address)).status == 401
    assert desk.journal.events == []
    assert desk.answer(call(pack(imei=OTHER_IMEI), OTHER_SECRET)).status == 200
    assert desk.journal.events[0].link == "plant-kpn"


def test_a_doubled_token_is_not_accepted(desk: Desk) -> None:
    token = ("things-message-token", token_of(pack(), DEVICE_SECRET))
    assert desk.answer(call(pack(), fields=[token, token])).status == 401
    assert desk.answer(call(pack(), fields=[token])).status == 200


def test_an_unknown_device_gets_the_answer_of_a_wrong_token(desk: Desk) -> None:
    unknown, wrong = desk.answer(call(pack(imei=OTHER_IMEI), DEVICE_SECRET)), desk.answer(call(pack(), OTHER_SECRET))
    assert unknown == wrong
    assert unknown.status == 401


def test_a_device_whose_link_is_gone_is_not_accepted(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.tables.add(IMEI, KpnLink("gone", "depot"), DEVICE_SECRET)
    assert desk.answer(call(pack(), DEVICE_SECRET)).status == 401
    assert "no link gone in links.toml" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[", id="no JSON"),
        pytest.param(b'[{"n":"door","v":1}]', id="no base name"),
        pytest.param(pack(bn="urn:dev:DVNUUID:0f8fad5b-d9cb-469f-a165-70867728950e:"), id="a UUID"),
        pytest.param(pack(bn="urn:dev:IMEI:49015420323751:"), id="14 digits"),
        pytest.param(pack({"n": "a", "v": 1}, {"bn": bn(OTHER_IMEI), "n": "b", "v": 1}), id="two devices"),
        pytest.param(pack({"n": "a", "v": 1}, {"bn": "x:", "n": "b", "v": 1}), id="one record of nobody"),
        pytest.param(pack({"n": "a", "v": 1}, {"bn": "", "n": "b", "v": 1}), id="one record without a base name"),
    ],
)
def test_what_does_not_name_one_device_is_400(desk: Desk, body: bytes) -> None:
    assert desk.answer(call(body, DEVICE_SECRET)).status == 400
    assert desk.journal.events == []


class TestWithoutASecret:
    """Devices that were registered with --no-secret."""

    @pytest.fixture(autouse=True)
    def _register(self, desk: Desk) -> None:
        desk.tables.add(OTHER_IMEI, DEPOT, None)

    @pytest.mark.parametrize("address", [PRIVATE, f"::ffff:{PRIVATE}"])
    def test_they_are_accepted_from_the_private_network_and_shown_as_unproven(self, desk: Desk, address: str) -> None:
        assert desk.answer(call(pack(imei=OTHER_IMEI), address=address)).status == 200
        assert desk.journal.events[0].detail["proof"] == "none: private network alone"

    @pytest.mark.parametrize("address", [OUTSIDE, "10.152.0.1", "", "10.151", "unix:"])
    def test_and_from_nowhere_else(self, desk: Desk, address: str) -> None:
        for secret in (None, Secret(b""), DEVICE_SECRET, DESTINATION_SECRET):
            assert desk.answer(call(pack(imei=OTHER_IMEI), secret, address=address)).status == 401
        assert desk.journal.events == []

    def test_a_link_without_a_private_network_accepts_none(self, desk: Desk) -> None:
        desk.tables.add(OTHER_IMEI, PLANT, None)
        assert desk.answer(call(pack(imei=OTHER_IMEI), address=PRIVATE)).status == 401

    def test_a_device_with_a_secret_needs_it_there_too(self, desk: Desk) -> None:
        assert desk.answer(call(pack(), address=PRIVATE)).status == 401


def test_a_secret_that_cannot_be_opened_is_never_left_out(desk: Desk) -> None:
    """As when the key of the links is missing on this host."""
    del desk.tables.secrets[IMEI]
    for secret in (None, DEVICE_SECRET, Secret(b"")):
        assert desk.answer(call(pack(), secret, address=PRIVATE)).status == 401


class _BrokenSeals(FixedTables):
    def kpn_secret(self, device: KpnDevice) -> Secret | None:
        raise SealBroken(f"kpn_device/{device.imei}: sealed with another key", "Register it again.")


def test_a_seal_of_another_key_is_our_fault_not_the_device_s() -> None:
    tables = _BrokenSeals()
    tables.add(IMEI, DEPOT, DEVICE_SECRET)
    assert (
        Ingestion([DEPOT], KeptEvents(), tables, RecentMessages()).answer(call(pack(), DEVICE_SECRET), {}).status == 503
    )


class _TablesAway(FixedTables):
    is_away_for_devices = True

    def kpn_device(self, imei: str) -> KpnDevice | None:
        if self.is_away_for_devices:
            raise StoreNotUsable("the database does not answer", "Start it.")
        return super().kpn_device(imei)

    def executing_downlink(self, imei: str) -> Downlink | None:
        raise StoreNotUsable("the database does not answer", "Start it.")


def test_while_the_tables_are_away_devices_try_again_later() -> None:
    tables, journal = _TablesAway(), KeptEvents()
    tables.add(IMEI, DEPOT, DEVICE_SECRET)
    ingestion = Ingestion([DEPOT], journal, tables, RecentMessages())
    assert ingestion.answer(call(pack(), DEVICE_SECRET), {}).status == 503
    assert journal.events == []
    tables.is_away_for_devices = False
    answer = ingestion.answer(call(pack(), DEVICE_SECRET), {})
    assert (answer.status, answer.body, len(journal.events)) == (200, b"", 1)


class TestDownlinks:
    """What an answer carries."""

    def test_one_that_is_executing_is_sent_once_as_senml(self, desk: Desk) -> None:
        desk.tables.execute(DOWNLINK)
        first, second = (desk.answer(call(pack(bt=1_700_000_000 + number), DEVICE_SECRET)) for number in range(2))
        assert (first.status, first.body, first.content_type) == (200, DOWNLINK, "application/senml+json")
        assert (second.status, second.body) == (200, b"")
        assert desk.tables.downlinks[0].status is DownlinkStatus.DELIVERED

    def test_one_answer_carries_one(self, desk: Desk) -> None:
        for _ in range(2):
            desk.tables.execute(DOWNLINK)
        answer = desk.answer(call(pack(), DEVICE_SECRET))
        assert json.loads(answer.body)
        assert [each.status for each in desk.tables.downlinks] == [DownlinkStatus.DELIVERED, DownlinkStatus.EXECUTING]

    def test_that_of_another_device_is_not_sent(self, desk: Desk) -> None:
        desk.tables.execute(DOWNLINK, OTHER_IMEI)
        assert desk.answer(call(pack(), DEVICE_SECRET)).body == b""

    def test_nobody_unproven_gets_it(self, desk: Desk) -> None:
        desk.tables.execute(DOWNLINK)
        assert desk.answer(call(pack(), OTHER_SECRET)).status == 401
        assert desk.answer(call(b"[]", DEVICE_SECRET)).status == 400
        assert desk.tables.downlinks[0].status is DownlinkStatus.EXECUTING

    def test_when_another_worker_took_it_the_answer_has_none(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        desk.tables.execute(DOWNLINK)
        monkeypatch.setattr(desk.tables, "deliver", lambda downlink, at: False)
        answer = desk.answer(call(pack(), DEVICE_SECRET))
        assert (answer.status, answer.body) == (200, b"")

    def test_a_replay_gets_none_and_is_no_second_event(self, desk: Desk) -> None:
        assert desk.answer(call(pack(), DEVICE_SECRET)).status == 200
        desk.tables.execute(DOWNLINK)
        replayed = desk.answer(call(pack(), DEVICE_SECRET, at=NOW + timedelta(hours=1)))
        assert (replayed.status, replayed.body) == (200, b"")
        assert len(desk.journal.events) == 1
        assert desk.answer(call(pack(bt=1_700_000_001), DEVICE_SECRET)).body == DOWNLINK

    def test_a_message_without_a_time_can_be_replayed(self, desk: Desk) -> None:
        """The document allows it, and nothing in it tells the two apart. docs/kpn.md says so."""
        assert desk.answer(call(pack(bt=0), DEVICE_SECRET)).status == 200
        desk.tables.execute(DOWNLINK)
        assert desk.answer(call(pack(bt=0), DEVICE_SECRET, at=NOW + timedelta(hours=1))).body == DOWNLINK

    def test_when_the_event_cannot_be_kept_it_waits(self, desk: Desk) -> None:
        desk.tables.execute(DOWNLINK)
        desk.journal.is_full = True
        assert desk.answer(call(pack(), DEVICE_SECRET)).status == 503
        desk.journal.is_full = False
        assert desk.answer(call(pack(), DEVICE_SECRET)).body == DOWNLINK


def test_a_missing_base_time_is_the_moment_of_receipt(desk: Desk) -> None:
    body = json.dumps([{"bn": bn()}, {"n": "door", "v": 1}]).encode()
    assert desk.answer(call(body, DEVICE_SECRET)).status == 200
    assert desk.journal.events[0].detail["measured_at"] == NOW.isoformat()
