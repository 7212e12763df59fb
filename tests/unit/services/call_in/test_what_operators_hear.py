"""Why a device got no good answer: who refused it is said in the log, and kept for ``engage status``."""

from collections.abc import Iterator

import pytest

from engage_server.protocol.json_body import write_json
from engage_server.records import CallIn, CallInWay, Host, Upstream
from engage_server.services.call_in.call import Call, CallKind
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.partner import Partner
from tests.support.world import World, serial_of

KNOWN, STRANGER = serial_of(1), serial_of(2)
GET_DB = call_in(CallKind.DATABASE, b"", said_before=KNOWN, target="/swordfish/lock/db/0")


@pytest.fixture
def partner() -> Iterator[Partner]:
    system = Partner().start()
    yield system
    system.stop()


@pytest.fixture
def by_files(world: World) -> World:
    world.add_site("main", (Host.parse("main.example.org"),))
    world.sites.add_device(KNOWN, "main", world.occasion)
    return world


@pytest.fixture
def by_upstream(by_files: World, partner: Partner) -> World:
    by_files.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream(partner.url, 5)))
    return by_files


def kept(world: World, *calls: Call) -> list[tuple[str, str]]:
    """What is kept after these calls."""
    made = world.call_ins(world.distribution())
    for call in calls:
        made.answer(call)
    return [(each.device, each.sentence) for each in world.call_faults.recent("main", NOW)]


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("404", "the upstream system refused GET db with 404"),
        ("403", "the upstream system refused GET db with 401 (the device gets 401)"),
        ("error", "the upstream system answers 500 to GET db"),
    ],
)
def test_what_the_upstream_system_said(by_upstream: World, partner: Partner, mode: str, why: str) -> None:
    partner.mode = mode
    assert kept(by_upstream, GET_DB, GET_DB) == [(KNOWN, why)]
    assert [why in told and KNOWN in told for told in by_upstream.told] == [True], "once a minute"


def test_an_answer_that_is_no_json(by_upstream: World, partner: Partner) -> None:
    partner.mode = "html"
    ((device, why),) = kept(by_upstream, GET_DB)
    assert (device, "cannot be given to a device" in why) == (KNOWN, True)


def test_nothing_is_kept_of_a_good_answer(by_upstream: World) -> None:
    assert kept(by_upstream, GET_DB) == []
    assert by_upstream.told == []


def test_a_device_that_is_on_no_list(by_files: World) -> None:
    call = call_in(body=write_json({"serialNumber": STRANGER}))
    assert kept(by_files, call) == [(STRANGER, "a device that is not on the list of main got 404")]
    assert by_files.told == [
        f"a device that is not on the list of main got 404: engage device add {STRANGER} --site main"
    ]


def test_a_call_by_plain_http(by_files: World) -> None:
    assert kept(by_files, call_in(said_before=KNOWN, secure=False)) == []
    (told,) = by_files.told
    assert "call-ins by plain HTTP get 404: they are answered by TLS only" in told


def test_a_damaged_file(by_files: World) -> None:
    made = by_files.call_ins(by_files.distribution())
    made.answer(call_in(said_before=KNOWN))
    (by_files.folder / "data" / "main" / KNOWN / "database.json").write_text("nonsense")
    made.answer(GET_DB)
    (fault,) = by_files.call_faults.recent("main", NOW)
    assert "database.json: the body is not JSON" in fault.sentence
