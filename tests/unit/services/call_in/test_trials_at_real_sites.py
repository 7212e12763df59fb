"""A virtual lock that calls with a real door's serial number: it is answered, and the door's files do not change."""

from pathlib import Path

import pytest

from engage_server.protocol.json_body import write_json
from engage_server.records import CallIn, CallInWay, Host, Upstream
from engage_server.services.call_in.call import CallKind
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.services.device_files.given_database import GIVEN
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.device_bodies import database
from tests.support.partner import Partner
from tests.support.world import World, serial_of

DOOR = serial_of(1)
BODY = write_json({"serialNumber": DOOR, "audits": [{"event": "0B07"}]})
CALLS = [
    (call_in(CallKind.CONFIG, BODY, method="PUT", marked=True), 200),
    (call_in(CallKind.DATABASE, b"", said_before=DOOR, since="0", marked=True), 200),
    (call_in(CallKind.AUDIT, BODY, marked=True), 201),
    (call_in(CallKind.ALERT, BODY, marked=True), 201),
    (call_in(CallKind.CREDENTIAL, BODY, marked=True), 201),
]


def files_of(world: World) -> dict[str, bytes]:
    folder: Path = world.folder / "data" / "main" / DOOR
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("for_trials", [False, True])
def test_files(world: World, *, for_trials: bool) -> None:
    world.add_site("main", (Host.parse("main.example.org"),), for_trials=for_trials)
    world.sites.add_device(DOOR, "main", world.occasion)
    folder = world.folder / "data" / "main" / DOOR
    folder.mkdir(parents=True)
    (folder / "database.json").write_bytes(write_json(database()))
    before = files_of(world)
    made = world.call_ins(world.distribution())
    assert [made.answer(call).status for call, _ in CALLS] == [status for _, status in CALLS]
    assert (GIVEN in files_of(world)) == for_trials
    assert (files_of(world) == before) == (not for_trials), "a site for trials stores them: the control"


@pytest.mark.parametrize("marked", [True, False])
def test_an_upstream_system_is_told(world: World, *, marked: bool) -> None:
    world.add_site("main", (Host.parse("main.example.org"),))
    world.sites.add_device(DOOR, "main", world.occasion)
    partner = Partner().start()
    try:
        upstream = Upstream(partner.url, 5)
        world.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=upstream))
        made = world.call_ins(world.distribution())
        made.answer(call_in(CallKind.CONFIG, BODY, method="PUT", marked=marked))
        made.answer(call_in(CallKind.AUDIT, BODY, marked=marked))
        UpstreamDelivery("main", world.uploads, upstream).run(lambda: NOW)
        assert [got.headers.get("Engage-Virtual-Lock") for got in partner.got] == ["?1" if marked else None] * 2
    finally:
        partner.stop()
