"""What a problem does not say: other sites, and how this host is set up."""

import threading
from dataclasses import replace

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.records import Host, Role, SightingKind
from engage_server.services.sites.register import Sites
from tests.support.api import Api, problem, sent_chain
from tests.support.chains import NOW
from tests.support.world import World, serial_of


def test_another_site_is_named_to_those_who_may_see_it(api: Api, world: World) -> None:
    world.add_site("north", (Host("north.example.org"),))
    body = {"hosts": ["north.example.org"]}
    for system, names in ((api.system(Role.ADMIN), True), (api.system(Role.ADMIN, ("main",)), False)):
        refused = system.change("PATCH", "/sites/main", body, "*")
        assert problem(refused) == (409, "host.taken")
        assert ("'north'" in refused.text) is names


def test_a_host_that_comes_twice_counts_once(api: Api) -> None:
    changed = api.system(Role.ADMIN).change("PATCH", "/sites/main", {"hosts": ["a.example", "A.example"]}, "*")
    assert changed.json is not None
    assert changed.json["hosts"] == ["a.example"]


def test_what_is_in_the_way_of_the_server_is_for_its_log(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreNotUsable("the database sqlite:////srv/engage.db reports an error: no such table: sites", "Look.")

    monkeypatch.setattr(Sites, "page", away)
    refused = api.system().get("/sites")
    assert problem(refused) == (503, "store.not_usable")
    assert "/srv/engage.db" not in refused.text
    assert "/srv/engage.db" in caplog.text


def test_of_many_names_at_once_one_is_given(api: Api, world: World) -> None:
    serial = serial_of(1)
    world.sites.add_device(serial, "main", world.occasion)
    system = api.system()
    seen = system.get(f"/sites/main/devices/{serial}").headers["ETag"]
    answers: list[int] = []

    def give(number: int) -> None:
        given = api.system().change("PATCH", f"/sites/main/devices/{serial}", {"name": f"door {number}"}, seen)
        answers.append(given.status_code)

    threads = [threading.Thread(target=give, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [200, *[412] * 11]


def test_a_chain_that_comes_many_times_at_once_is_staged_once(api: Api, world: World) -> None:
    body = sent_chain(world.chain_folder())
    answers: list[int] = []

    def stage() -> None:
        answers.append(api.system().create("/sites/main/releases", body).status_code)

    threads = [threading.Thread(target=stage) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [201, *[409] * 7]


def test_a_host_that_doors_call_is_removed_with_consent_alone(api: Api, world: World) -> None:
    called = world.store.site("main").hosts[0]
    world.see(replace(world.finished(1, 1, NOW), kind=SightingKind.NOTICE, host=called.text))
    admin, body = api.system(Role.ADMIN), {"hosts": ["new.example"]}
    refused = admin.change("PATCH", "/sites/main", body, "*")
    assert problem(refused) == (422, "doors.fail")
    assert serial_of(1) in refused.text
    both = admin.change(
        "PATCH", "/sites/main", {"hosts": ["new.example", *map(str, world.store.site("main").hosts)]}, "*"
    )
    assert both.status_code == 200, both.text
    removed = admin.change("PATCH", "/sites/main", {**body, "accept_failing_doors": True}, "*")
    assert removed.status_code == 200, removed.text
