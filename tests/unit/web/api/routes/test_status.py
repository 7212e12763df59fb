"""The status by the API."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from engage_server.as_json.status import SeenStatusJson, ServedSiteStatusJson
from engage_server.records import Host, Role, WorkerStatus
from tests.support.api import Api, problem
from tests.support.world import World


def test_a_viewer_of_all_sees_sites_and_what_serves_them(api: Api, world: World) -> None:
    worker = WorkerStatus("https 7 on gate-1", "gate-1", 7, "https", 1, {"main": 1}, {})
    world.store.heartbeat(worker)
    status = api.system(Role.VIEWER).json("/status")
    TypeAdapter(SeenStatusJson).validate_python(status)
    assert [each["site"] for each in status["sites"]] == ["main"]
    assert status["sites"][0]["release"] == 1
    assert status["sites"][0]["uploads_waiting"] == 0
    assert [each["worker"] for each in status["installation"]["workers"]] == ["https 7 on gate-1"]
    assert status["installation"]["missing_listeners"] == ["http"]
    assert status["needs_attention"] is True


def test_one_address_of_all_doors_is_shown_to_who_sees_hosts(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.system(Role.VIEWER).json("/status")["one_address"] == ""
    monkeypatch.setattr("engage_server.services.evidence.callers.balancers_address", lambda *_: "192.0.2.7")
    assert api.system(Role.VIEWER).json("/status")["one_address"] == "192.0.2.7"
    assert api.system(Role.VIEWER, ("main",)).json("/status")["one_address"] is None


def test_a_host_with_an_old_copy_of_shared_files_is_named(api: Api, world: World) -> None:
    world.store.heartbeat(WorkerStatus("https 7 on gate-1", "gate-1", 7, "https", 1, {"main": 1}, {}))
    for seconds, named in ((None, []), (10, []), (60, ["gate-1"])):
        world.store.report_spool("gate-1", 0, None if seconds is None else timedelta(seconds=seconds))
        world.store.report_spool("silent", 0, timedelta(days=1))  # it is named as that
        assert list(api.system(Role.VIEWER).json("/status")["installation"]["old_copies"]) == named


def test_a_viewer_of_some_sees_these_and_no_host(api: Api, world: World) -> None:
    world.add_site("north", (Host("north.example.org"),))
    some = api.system(Role.VIEWER, ("north",)).json("/status")
    assert [each["site"] for each in some["sites"]] == ["north"]
    assert some["installation"] is None
    assert some["needs_attention"] is True, "it serves nothing yet"
    both = api.system(Role.VIEWER).json("/status")
    assert [each["site"] for each in both["sites"]] == ["main", "north"]
    nowhere = api.system(Role.VIEWER, ("gone",)).json("/status")
    assert (nowhere["sites"], nowhere["needs_attention"]) == ([], False)


def test_one_site(api: Api, world: World) -> None:
    system = api.system(Role.VIEWER, ("main",))
    status = system.json("/sites/main/status")
    TypeAdapter(ServedSiteStatusJson).validate_python(status)
    assert status == api.system().json("/status")["sites"][0]
    assert status["needs_attention"] is False
    assert problem(system.get("/sites/north/status")) == (403, "access.site")
    assert problem(api.system().get("/sites/north/status")) == (404, "site.not_found")


def test_names_of_hosts_are_for_those_who_see_all(api: Api, world: World) -> None:
    """A worker that is behind belongs to a host, which serves other sites, too."""
    world.store.heartbeat(WorkerStatus("https 7 on gate-1", "gate-1", 7, "https", 0, {"main": 0}, {}))
    here, everywhere = api.system(Role.VIEWER, ("main",)), api.system(Role.VIEWER)
    assert everywhere.json("/status")["sites"][0]["workers_behind"] == ["https 7 on gate-1"]
    assert everywhere.json("/sites/main/status")["workers_behind"] == ["https 7 on gate-1"]
    assert here.json("/status")["sites"][0]["workers_behind"] == ["https"]
    assert here.json("/sites/main/status")["workers_behind"] == ["https"]
    assert "gate-1" not in here.get("/status").text + here.get("/sites/main/status").text


def test_strangers_see_nothing(api: Api) -> None:
    for path in ("/status", "/sites/main/status"):
        assert problem(api.nobody().get(path)) == (401, "token.missing")
        assert problem(api.system().get(f"{path}?all=1")) == (400, "request.parameters")
