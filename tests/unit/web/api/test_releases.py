"""Releases by the API: staged, activated, rolled back, retired, dropped."""

from engage_server.records import Role
from tests.support.api import Api, problem, sent_chain
from tests.support.world import World


def test_a_chain_is_staged_and_activated(api: Api, world: World) -> None:
    system = api.system()
    staged = system.create("/sites/main/releases", {**sent_chain(world.chain_folder()), "reason": "pipeline 812"})
    assert staged.status_code == 201, staged.text
    assert staged.headers["Location"] == "/api/v1/sites/main/releases/2"
    shown = system.get("/sites/main/releases/2")
    assert staged.json == shown.json
    body = {"reason": "pipeline 812", "accept_failing_doors": True}
    active = system.change("POST", "/sites/main/releases/2/activate", body, shown)
    assert active.status_code == 200, active.text
    assert world.releases.current("main") == 2
    newest = world.store.audit_entry(world.store.audit_head().number)
    assert newest is not None
    assert newest.event.reason == "pipeline 812"
    assert newest.event.actor == "token system1"
    again = system.change("POST", "/sites/main/releases/1/activate", body, shown)
    assert problem(again) == (412, "precondition.failed")


def test_the_same_request_stages_once(api: Api, world: World) -> None:
    system, body = api.system(), sent_chain(world.chain_folder())
    first, second = (system.create("/sites/main/releases", body, "key-of-812") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(world.store.releases("main")) == 2
    other = system.create("/sites/main/releases", {**body, "reason": "other"}, "key-of-812")
    assert problem(other) == (422, "idempotency.other_body")
    stranger = api.system().create("/sites/main/releases", body, "key-of-812")
    assert problem(stranger) == (409, "release.exists")


def test_a_viewer_may_not(api: Api, world: World) -> None:
    refused = api.system(Role.VIEWER).create("/sites/main/releases", sent_chain(world.chain_folder()))
    assert problem(refused) == (403, "access.role")
