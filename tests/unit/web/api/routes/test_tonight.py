"""Who is at risk tonight, by the API."""

from datetime import timedelta

from pydantic import TypeAdapter

from engage_server.as_json.tonight import TonightJson
from engage_server.records import Host, Role, WorkerStatus
from tests.support.api import Api, problem
from tests.support.chains import NOW
from tests.support.world import World, serial_of

DAY = timedelta(days=1)


def silent_doors(api: Api, world: World, doors: int) -> None:
    """Doors that called three nights, and then no more."""
    for night in range(3):
        world.see(*(world.finished(door, 1, NOW + night * DAY) for door in range(doors)))
    api.now = NOW + 9 * DAY


def test_nobody(api: Api) -> None:
    found = api.system(Role.VIEWER).json("/tonight")
    TypeAdapter(TonightJson).validate_python(found)
    assert found["needs_attention"] is False
    assert [(each["site"], each["worst"], each["doors"]) for each in found["sites"]] == [("main", None, [])]


def test_silent_doors_with_what_to_do(api: Api, world: World) -> None:
    silent_doors(api, world, 3)
    found = api.system(Role.VIEWER).json("/tonight?limit=2")
    (site,) = found["sites"]
    assert (found["needs_attention"], site["worst"], site["is_complete"]) == (True, "medium", True)
    assert site["counts"] == {"high": 0, "medium": 3, "low": 0}
    assert [each["device"] for each in site["doors"]] == [serial_of(0), serial_of(1)]
    (risk,) = site["doors"][0]["risks"]
    assert (risk["code"], risk["severity"]) == ("risk.silent", "medium")
    assert f"engage device show {serial_of(0)}" in risk["next_step"]


def test_only_the_sites_of_the_caller(api: Api, world: World) -> None:
    world.add_site("north", (Host("north.example.org"),))
    system = api.system(Role.VIEWER, ("north",))
    assert [each["site"] for each in system.json("/tonight")["sites"]] == ["north"]
    assert [each["site"] for each in system.json("/tonight?site=north")["sites"]] == ["north"]
    assert problem(system.get("/tonight?site=main")) == (403, "access.site")
    assert problem(api.system().get("/tonight?site=gone")) == (404, "site.not_found")
    assert problem(api.nobody().get("/tonight")) == (401, "token.missing")


def test_another_site_is_named_to_those_who_may_see_it(api: Api, world: World) -> None:
    world.add_site("north", (Host("north.example.org"),))
    number = world.release("north")
    world.sites.add_devices([serial_of(1)], "main", world.occasion)
    world.see(world.finished(1, number, NOW, site="north"))
    for sites, is_named in ((None, True), (("main",), False)):
        (door,) = api.system(Role.VIEWER, sites).json("/tonight?site=main")["sites"][0]["doors"]
        assert [risk["code"] for risk in door["risks"]] == ["risk.other_site"]
        assert ("north" in str(door)) is is_named


def test_names_of_hosts_are_for_those_who_may_see_hosts(api: Api, world: World) -> None:
    world.store.heartbeat(WorkerStatus("https 7 on gate-1", "gate-1", 7, "https", 1, {"main": 1}, {}))
    for sites, is_named in ((None, True), (("main",), False)):
        (risk,) = api.system(Role.VIEWER, sites).json("/tonight")["sites"][0]["risks"]
        assert risk["code"] == "risk.evidence_missing"
        assert ("gate-1" in risk["why"]) is is_named
