"""The audit log by the API."""

from urllib.parse import urlencode

import pytest
from pydantic import TypeAdapter

from engage_server.as_json.audit_log import AuditEntryJson
from engage_server.records import Host, Role
from engage_server.web.api.paging import PageJson
from tests.support.api import Api, problem
from tests.support.chains import NOW
from tests.support.world import World


def test_a_viewer_of_all_reads_it_newest_first_and_page_by_page(api: Api, world: World) -> None:
    system = api.system(Role.VIEWER)
    whole = system.json("/audit-log")
    TypeAdapter(PageJson[AuditEntryJson]).validate_python(whole)
    numbers = [each["number"] for each in whole["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1
    assert numbers[0] == world.store.audit_head().number
    parts, path = [], "/audit-log?limit=1"
    while path:
        page = system.json(path)
        parts += page["items"]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert parts == whole["items"]


def test_each_filter_leaves_out_the_others(api: Api, world: World) -> None:
    system = api.system(Role.VIEWER)
    everything = system.json("/audit-log")["items"]
    for name, value in (
        ("site", "main"),
        ("site", ""),
        ("action", "release:staged"),
        ("actor", everything[-1]["actor"]),
    ):
        kept = system.json(f"/audit-log?{urlencode({name: value})}")["items"]
        assert kept == [each for each in everything if each[name] == value]
        assert kept
    assert system.json("/audit-log?actor=nobody")["items"] == []
    later = {"since": NOW.replace(year=2090).isoformat()}
    assert system.json(f"/audit-log?{urlencode(later)}")["items"] == []
    assert system.json(f"/audit-log?{urlencode({'until': later['since']})}")["items"] == everything


def test_who_has_some_sites_names_one(api: Api, world: World) -> None:
    world.add_site("north", (Host("north.example.org"),))
    system = api.system(Role.VIEWER, ("north",))
    for path in ("/audit-log", "/audit-log?site=", "/audit-log?site=main", "/audit-log?actor=tester"):
        assert problem(system.get(path)) == (403, "access.site"), path
    items = system.json("/audit-log?site=north")["items"]
    assert {each["site"] for each in items} == {"north"}


def test_a_cursor_of_one_site_opens_no_other(api: Api, world: World) -> None:
    cursor = api.system().json("/audit-log?limit=1")["next"].partition("cursor=")[2]
    system = api.system(Role.VIEWER, ("main",))
    assert problem(system.get(f"/audit-log?site=main&cursor={cursor}")) == (400, "cursor.invalid")


def test_only_admins_see_where_people_signed_in(api: Api, world: World) -> None:
    api.person("anna", Role.ADMIN)

    def facts(role: Role) -> dict[str, str]:
        (entry,) = api.system(role).json("/audit-log?action=person:signed-in")["items"]
        return dict(entry["facts"])

    assert facts(Role.ADMIN)["address"] == "127.0.0.1"
    assert facts(Role.APPROVER) == {"person": "anna", "way": "link"}


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-11-26",
        "since=1790000000",
        "until=0001-01-01T00:00:00%2B14:00",
        "action=sold",
        "site=NORTH",
        "last=5",
    ],
)
def test_other_queries_are_refused(api: Api, query: str) -> None:
    assert problem(api.system().get(f"/audit-log?{query}")) == (400, "request.parameters")


def test_strangers_read_nothing(api: Api) -> None:
    assert problem(api.nobody().get("/audit-log")) == (401, "token.missing")
