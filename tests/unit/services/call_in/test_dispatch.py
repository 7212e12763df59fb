"""Which site answers a call-in, whose call it is, and what is refused; beneath HTTP."""

import ipaddress
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from engage_server.errors import UsageError
from engage_server.protocol.json_body import read_device_json, write_json
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import (
    CallIn,
    CallInWay,
    DeviceHistory,
    Doubt,
    Host,
    Occasion,
    Sighting,
    SightingKind,
    UnknownDevices,
    Upstream,
)
from engage_server.services.call_in import identification, large_bodies
from engage_server.services.call_in.call import Call, CallAnswer, CallKind
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.distribution.snapshot import take_snapshot
from engage_server.services.evidence.diagnosis import diagnose
from engage_server.services.evidence.fold import noted
from engage_server.services.evidence.sightings import Sightings, decoded
from engage_server.services.sites.enrolment import Enrolment
from engage_server.services.sites.register import SiteChanges, SiteRequest
from engage_server.web import answers
from engage_server.web.app import create_app
from tests.support.calls import call_in
from tests.support.chains import NOW, SITE_KEY
from tests.support.partner import Partner
from tests.support.sinks import Sink
from tests.support.stored import audit_events
from tests.support.world import World, serial_of, told_by

KNOWN, STRANGER = serial_of(1), serial_of(2)


def seen(kind: SightingKind, at: datetime = NOW, failure: str = "", listener: str = "https") -> Sighting:
    """What some device of the site did."""
    return Sighting(kind, at, listener, "192.0.2.1", KNOWN, "main", None, "", failure)


@pytest.fixture
def prepared(world: World) -> World:
    """Two sites; the second one has a device of its own."""
    world.add_site("main", (Host.parse("main.example.org"),))
    world.add_site("other", (Host.parse("other.example.org"),))
    world.sites.add_device(KNOWN, "main", world.occasion)
    world.sites.add_device(serial_of(3), "other", world.occasion)
    return world


def call_ins(world: World, sink: Sink | None = None) -> CallIns:
    sightings = Sightings("https", sink, NOW.timestamp) if sink is not None else None
    made = world.call_ins(world.distribution(), sightings)
    if sightings is not None and sink is not None:
        made_answer = made.answer

        def answer(call: Call) -> Any:
            answered = made_answer(call)
            sightings.flush()
            return answered

        made.answer = answer  # type: ignore[method-assign]  # as the worker does after each turn
    return made


def by(serial: str, **other: Any) -> Call:
    return call_in(body=write_json({"serialNumber": serial, "audits": [{"event": "0B07"}]}), **other)


class TestWhoIsAnswered:
    def test_a_known_device_and_no_other(self, prepared: World) -> None:
        calls = call_ins(prepared)
        assert calls.answer(by(KNOWN)).status == 201
        assert calls.answer(by(STRANGER)).status == 404
        assert calls.answer(call_in()).status == 404

    def test_the_serial_number_chooses_the_site_where_the_host_does_not(self, prepared: World) -> None:
        calls = call_ins(prepared)
        assert calls.answer(by(serial_of(3))).status == 201
        assert (prepared.folder / "data" / "other" / serial_of(3)).is_dir()
        assert calls.answer(by(serial_of(3), host="main.example.org")).status == 404
        assert calls.answer(by(KNOWN, host="other.example.org")).status == 404

    def test_the_query_counts_before_the_body_and_the_body_before_the_connection(self, prepared: World) -> None:
        calls = call_ins(prepared)
        assert calls.answer(by(STRANGER, query=f"serialNumber={encode_serial(KNOWN)}")).serial == KNOWN
        assert calls.answer(by(KNOWN, said_before=STRANGER)).serial == KNOWN
        assert calls.answer(call_in(said_before=KNOWN)).serial == KNOWN

    def test_a_token_counts_only_for_a_known_device_and_enrols_nobody(self, prepared: World) -> None:
        prepared.answer_call_ins(CallIn(unknown=UnknownDevices.ENROLL))
        calls = call_ins(prepared)
        assert calls.answer(call_in(authorization=f"Device {encode_serial(KNOWN)}")).status in (201, 202)
        assert calls.answer(call_in(authorization=f"Device {encode_serial(STRANGER)}")).status == 404

    def test_a_network_that_is_not_the_sites_gets_401(self, prepared: World) -> None:
        site = prepared.store.site("main")
        prepared.sites.change(
            site, SiteChanges(device_networks=(ipaddress.ip_network("10.0.0.0/8"),)), "", prepared.occasion
        )
        assert call_ins(prepared).answer(by(KNOWN)).status == 401
        assert call_ins(prepared).answer(by(KNOWN, address="10.1.2.3")).status == 201

    def test_the_plain_instance_answers_where_the_site_says_so(self, prepared: World) -> None:
        assert call_ins(prepared).answer(by(KNOWN, secure=False)).status == 404
        prepared.answer_call_ins(CallIn(insecure=True))
        assert call_ins(prepared).answer(by(KNOWN, secure=False)).status == 201
        assert call_ins(prepared).answer(by(serial_of(3), secure=False)).status == 404, "the other site does not"

    def test_one_that_says_nothing_is_passed_on_to_who_may_know_its_token(self, prepared: World) -> None:
        prepared.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream("http://127.0.0.1:1", 0.5)))
        calls = call_ins(prepared)
        assert calls.answer(call_in()).status == 201
        assert list(prepared.uploads.pending("main")) == ["at-192.0.2.1"]
        assert calls.answer(by(STRANGER)).status == 404, "one that says who it is must be on the list"
        assert calls.answer(call_in(CallKind.DATABASE)).status == 503

    def test_without_a_site_there_is_nothing(self, world: World) -> None:
        assert call_ins(world).answer(by(KNOWN)).status == 404


class TestSightings:
    """A call says that a device was here, where it was answered as a known one."""

    def test_only_a_call_that_gave_the_device_something(self, prepared: World) -> None:
        sink = Sink()
        calls = call_ins(prepared, sink)
        asked = call_in(CallKind.DATABASE, query=f"serialNumber={encode_serial(KNOWN)}")
        assert calls.answer(asked).status == 404, "it has no database yet"
        assert calls.answer(by(STRANGER)).status == 404
        assert calls.answer(replace(by(KNOWN), body=b"[")).status == 400
        folder = prepared.folder / "data" / "main" / KNOWN
        folder.mkdir(parents=True)
        (folder / "database.json").write_text('{"db": {"schedules": [{}]}, "nxtDbVerTS": "0x1"}')
        assert calls.answer(replace(asked, method="HEAD")).status == 200
        assert sink.kept == []
        assert calls.answer(asked).status == 200
        (kept,) = [decoded(line) for line in sink.kept]
        assert kept is not None
        assert (kept.kind, kept.serial) == (SightingKind.CALL_IN, KNOWN)

    def test_a_token_is_kept_with_it_and_is_in_no_answer_and_no_word_to_operators(self, prepared: World) -> None:
        sink, token = Sink(), "QUJD" * 16
        calls = call_ins(prepared, sink)
        answer = calls.answer(by(KNOWN, authorization=f"Device {token}"))
        assert token.encode() not in answer.body
        assert [token.encode() in line for line in sink.kept] == [True, True], (
            "of what the audit tells, and of the call"
        )
        assert calls.answer(by(KNOWN, authorization='Device x",false]\n')).status == 202
        assert all(decoded(line) is not None for line in sink.kept)
        assert token not in "".join(prepared.told)


class TestEnrolment:
    def test_who_called_is_put_on_the_list_once(self, prepared: World) -> None:
        prepared.answer_call_ins(CallIn(unknown=UnknownDevices.ENROLL))
        sink = Sink()
        calls = call_ins(prepared, sink)
        assert calls.answer(by(STRANGER)).status == 201
        assert calls.answer(by(STRANGER, said_before=STRANGER)).status == 202
        found = [each for line in sink.kept if (each := decoded(line)) is not None]
        assert [each.kind for each in found] == [SightingKind.AUDIT, SightingKind.CALL_IN]
        prepared.see(*found)
        enrolment = Enrolment(prepared.store, prepared.sites)
        occasion = Occasion("servers", NOW + timedelta(minutes=1))
        assert told_by(enrolment.run, occasion) == ["1 device called in and joined the list of main"]
        assert told_by(enrolment.run, occasion) == []
        assert STRANGER in prepared.store.device_serials("main")

    def test_not_where_the_site_refuses(self, prepared: World) -> None:
        prepared.see(replace(seen(SightingKind.CALL_IN), serial=STRANGER, site="main", at=NOW))
        assert told_by(Enrolment(prepared.store, prepared.sites).run, prepared.occasion) == []

    def test_nor_who_is_another_sites(self, prepared: World) -> None:
        prepared.answer_call_ins(CallIn(unknown=UnknownDevices.ENROLL))
        prepared.see(replace(seen(SightingKind.CALL_IN), serial=serial_of(3), site="main", at=NOW))
        assert told_by(Enrolment(prepared.store, prepared.sites).run, prepared.occasion) == []


class TestProxies:
    """One connection of a proxy carries many devices' requests: what one said is not the next one's name."""

    @pytest.mark.parametrize(("proxies", "status"), [((), 200), (("192.0.2.0/24",), 404)])
    def test_a_connection_names_a_device_only_without_a_proxy(
        self, prepared: World, proxies: tuple[str, ...], status: int
    ) -> None:
        distribution = prepared.distribution()
        networks = [ipaddress.ip_network(each) for each in proxies]
        client: FlaskClient = create_app(distribution, networks, call_ins=prepared.call_ins(distribution)).test_client()
        environ = {"engage_server.identified": KNOWN, "REMOTE_ADDR": "192.0.2.1"}
        answer = client.put("/swordfish/lock/Config", data=b"{}", environ_base=environ, base_url="https://x")
        assert answer.status_code == status


class TestEvidence:
    def reported(self, *codes: str) -> DeviceHistory:
        history = None
        for place, code in enumerate(codes):
            at = NOW + timedelta(minutes=place)
            history = noted(history, seen(SightingKind.AUDIT, at=at, failure=code), "main", KNOWN)
        assert history is not None
        return history

    @pytest.mark.parametrize(
        ("codes", "trouble"),
        [
            (("1101",), "anchor_refused"),
            (("1203",), "anchor_refused"),
            (("1101", "1100"), None),
            (("1100",), None),
            (("1101", "0B07"), "anchor_refused"),
            (("0B05",), "reports"),
            (("0B0C 0193",), "reports"),
            (("1206",), "reports"),
            (("0B07",), None),
        ],
    )
    def test_what_the_device_says_itself(self, codes: tuple[str, ...], trouble: str | None) -> None:
        found = diagnose(self.reported(*codes), NOW + timedelta(hours=1))
        assert (found.code if found else None) == trouble

    def test_an_old_word_about_connections_counts_no_more(self) -> None:
        found = diagnose(replace(self.reported("0B05"), due_at=NOW + timedelta(days=99)), NOW + timedelta(days=8))
        assert found is None

    def test_a_device_that_refused_the_anchor_has_not_come_through(self, world: World) -> None:
        """It still finishes TLS by the anchor that it had; the last step of a rotation would lock it out."""
        world.add_site()
        before, after = NOW - timedelta(days=1), NOW + timedelta(hours=1)
        for device in (1, 2):
            world.see(world.finished(device, 1, before), world.finished(device, 2, after))
        counted = world.store.adoption("main", 2, NOW, after)
        assert (counted.confirmed, counted.lost) == (2, 0)
        said_no = seen(SightingKind.AUDIT, at=after, failure="1101")
        world.see(replace(said_no, serial=serial_of(1), site="main"))
        counted = world.store.adoption("main", 2, NOW, after)
        assert (counted.confirmed, counted.doubtful) == (1, {Doubt.SAYS_NO: 1})
        said_yes = seen(SightingKind.AUDIT, at=after, failure="1100")
        world.see(replace(said_yes, serial=serial_of(1), site="main"))
        assert world.store.adoption("main", 2, NOW, after).confirmed == 2

    def test_the_troubled_are_found(self, world: World) -> None:
        world.add_site()
        world.see(world.finished(1, 1, NOW))
        assert world.evidence.devices("main", NOW, troubled=True) == []
        world.see(replace(seen(SightingKind.AUDIT, at=NOW, failure="1101"), serial=serial_of(1), site="main"))
        (found,) = world.evidence.devices("main", NOW, troubled=True)
        assert found.diagnosis is not None
        assert found.diagnosis.code == "anchor_refused"

    def test_a_notice_of_before_the_handshake_that_is_read_after_it_says_nothing(self, world: World) -> None:
        """Workers' spool files are read one after the other."""
        finished = world.finished(1, 1, NOW)
        history = noted(None, finished, "main", KNOWN)
        late = seen(SightingKind.NOTICE, at=NOW - timedelta(seconds=1), listener="http")
        after = noted(history, replace(late, release=1), "main", KNOWN)
        assert (after.notices, after.asked_again_at) == (0, None)


class TestSites:
    def test_a_sites_way_is_kept(self, world: World) -> None:
        world.add_site()
        wanted = CallIn(
            CallInWay.UPSTREAM, insecure=True, unknown=UnknownDevices.ENROLL, upstream=Upstream("https://x", 3.5, "")
        )
        world.answer_call_ins(wanted)
        assert world.store.site("main").call_in == wanted
        event = audit_events(world.store)[-1]
        assert "https://x" in event.facts["call_in"]
        assert event.before["call_in"].startswith("files")

    def test_upstream_needs_an_address(self, world: World) -> None:
        world.add_site()
        with pytest.raises(UsageError, match="address"):
            world.answer_call_ins(CallIn(CallInWay.UPSTREAM))

    @pytest.mark.parametrize("name", ["spool", "metrics"])
    def test_a_folder_of_our_own_is_no_name(self, world: World, name: str) -> None:
        with pytest.raises(UsageError, match="folder"):
            world.sites.add(SiteRequest(name, (Host.parse("x.example.org"),)), SITE_KEY, world.occasion)

    def test_lists_are_read_again_only_when_they_change(self, prepared: World) -> None:
        first = take_snapshot(prepared.store, 80, with_private_keys=False)
        again = take_snapshot(prepared.store, 80, with_private_keys=False, last=first)
        assert again.members["main"] is first.members["main"]
        prepared.sites.add_device(STRANGER, "main", prepared.occasion)
        changed = take_snapshot(prepared.store, 80, with_private_keys=False, last=again)
        assert STRANGER in changed.members["main"]
        assert changed.members["other"] is first.members["other"]


class TestWhatThePartnerSays:
    """Of a partner's answer a device gets what means something to it, and nothing that it could misread."""

    DATABASE = b'{"db":{"schedules":[{"days":["Mo"]}]},"nxtDbVerTS":"0x1"}'

    @pytest.fixture
    def partner(self, prepared: World) -> Iterator[Partner]:
        system = Partner().start()
        prepared.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream(system.url, 5)))
        yield system
        system.stop()

    def ask(self, world: World, partner: Partner, *lines: str, body: bytes = DATABASE, first: str = "") -> CallAnswer:
        length = f"Content-Length: {len(body)}"
        head = "\r\n".join((lines[0], *lines[1:], length))
        partner.raw = first.encode() + f"HTTP/1.1 {head}\r\n\r\n".encode() + body
        query = f"serialNumber={encode_serial(KNOWN)}"
        call = call_in(CallKind.DATABASE, b"", target="/swordfish/lock/db/0", since="0", query=query)
        return call_ins(world).answer(call)

    def test_a_byte_order_mark_is_left_off(self, prepared: World, partner: Partner) -> None:
        answer = self.ask(prepared, partner, "200 OK", body=b"\xef\xbb\xbf" + self.DATABASE)
        assert (answer.status, answer.body) == (200, self.DATABASE)

    @pytest.mark.parametrize(
        "body", [b'{"db":{"schedules":[1],"schedules":[]},"nxtDbVerTS":"0x1"}', DATABASE[:-1] + b',"nxtDbVerTS":"0x2"}']
    )
    def test_a_name_that_stands_twice_is_refused(self, prepared: World, partner: Partner, body: bytes) -> None:
        assert self.ask(prepared, partner, "200 OK", body=body).status == 503
        assert "has a duplicate name" in prepared.told[0]

    @pytest.mark.parametrize("half", [b"\\ud800", b"\\uDFFF", b"\\ude00\\ud83d"])
    def test_half_a_surrogate_pair_is_refused(self, prepared: World, partner: Partner, half: bytes) -> None:
        """It is no text: a small parser could stop at it, or store something else."""
        assert self.ask(prepared, partner, "200 OK", body=self.DATABASE.replace(b"Mo", half)).status == 503
        assert "the upstream system's answer cannot be given to a device: a string" in prepared.told[0]

    def test_a_whole_pair_is_handed_on(self, prepared: World, partner: Partner) -> None:
        body = self.DATABASE.replace(b"Mo", b"\\ud83d\\ude00")
        assert self.ask(prepared, partner, "200 OK", body=body).body == body

    def test_whose_body_is_no_json_is_said(self, prepared: World, partner: Partner) -> None:
        assert self.ask(prepared, partner, "200 OK", body=b"<html>").status == 503
        assert "the upstream system's answer cannot be given to a device: the body is not JSON" in prepared.told[0]

    def test_a_trailing_comma_too(self, prepared: World, partner: Partner) -> None:
        """Only devices may send one: nobody knows which of them could read it."""
        assert self.ask(prepared, partner, "200 OK", body=self.DATABASE[:-1] + b",}").status == 503

    @pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199 "])
    def test_interim_responses_are_passed_over(self, prepared: World, partner: Partner, status: str) -> None:
        first = f"HTTP/1.1 {status}\r\nLink: </x>\r\n\r\n" * 3
        answer = self.ask(prepared, partner, "200 OK", first=first)
        assert (answer.status, answer.body) == (200, self.DATABASE)

    def test_another_protocol_is_no_answer(self, prepared: World, partner: Partner) -> None:
        first = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
        assert self.ask(prepared, partner, "200 OK", first=first).status == 503

    @pytest.mark.parametrize(
        ("status", "retry", "seconds"),
        [
            ("503 Service Unavailable", "Retry-After: 7", 7),
            ("429 Too Many Requests", "Retry-After: 0", 0),
            ("500 Internal Server Error", "X: y", 60),
            ("503 Service Unavailable", "Retry-After: Thu, 26 Nov 2026 00:00:00 GMT", 60),
            ("503 Service Unavailable", "Retry-After: 999999999", 86400),
        ],
    )
    def test_when_to_come_again(self, prepared: World, partner: Partner, status: str, retry: str, seconds: int) -> None:
        answer = self.ask(prepared, partner, status, retry, body=b"")
        assert (answer.status, answer.retry_seconds) == (503, seconds)

    def test_with_a_refusal_too(self, prepared: World, partner: Partner) -> None:
        answer = self.ask(prepared, partner, "412 Precondition Failed", "Retry-After: 5", body=b"")
        assert (answer.status, answer.retry_seconds) == (412, 5)

    @pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "404 Not Found", "412 Precondition Failed"])
    def test_the_time_for_the_next_token(self, prepared: World, partner: Partner, status: str) -> None:
        answer = self.ask(prepared, partner, status, "x-device-last-connected: 20261126010203")
        assert answer.last_connected == "20261126010203"
        assert answers.of_call(answer).headers["X-Device-Last-Connected"] == "20261126010203"

    @pytest.mark.parametrize("value", ["", "now", "2026112601020", "20261126010203, 20261126010204"])
    def test_any_other_text_is_not_handed_on(self, prepared: World, partner: Partner, value: str) -> None:
        answer = self.ask(prepared, partner, "200 OK", f"X-Device-Last-Connected: {value}")
        assert answer.status == 200
        assert "X-Device-Last-Connected" not in answers.of_call(answer).headers


@pytest.mark.parametrize(
    "body", [b'{"serialNumber":"%s","audits":[{"event":"0B07",},],}', b'\xef\xbb\xbf{"serialNumber":"%s",}']
)
def test_a_body_as_the_vendor_prints_it_is_taken(prepared: World, body: bytes) -> None:
    answer = call_ins(prepared).answer(call_in(body=body % KNOWN.encode()))
    assert (answer.status, answer.serial) == (201, KNOWN)


def test_long_bodies_take_turns_and_few_threads(prepared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is read at a time, three wait, the rest is told to come again; a short one is answered meanwhile."""
    calls, reading, go_on = call_ins(prepared), threading.Semaphore(0), threading.Event()
    read = read_device_json

    def slow(body: bytes) -> Any:
        if len(body) > large_bodies.LARGE_BODY_BYTES:
            reading.release()
            assert go_on.wait(20)
        return read(body)

    monkeypatch.setattr(identification, "read_device_json", slow)
    body = b"[%s0]" % (b"0," * large_bodies.LARGE_BODY_BYTES)
    statuses: list[int] = []
    asked = [call_in(query=f"serialNumber={encode_serial(KNOWN)}", body=body) for _ in range(7)]
    threads = [threading.Thread(target=lambda call=each: statuses.append(calls.answer(call).status)) for each in asked]
    for thread in threads:
        thread.start()
    for _ in range(large_bodies.LARGE_BODIES_AT_ONCE):
        assert reading.acquire(timeout=20)
    deadline = time.monotonic() + 20
    while len(statuses) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert statuses == [503, 503, 503]
    assert not reading.acquire(blocking=False), "no other one is read"
    assert calls.answer(by(KNOWN)).status in (201, 202), "a short one goes ahead"
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses)[-3:] == [503] * 3
    assert set(sorted(statuses)[:-3]) <= {201, 202}
