"""Rotations by the API: planned, started once, watched, approved by people, aborted."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_server.as_json.plans import SitePlanJson
from engage_server.as_json.rotation import ProgressJson, RotationJson
from engage_server.errors import Conflict
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import pem
from engage_server.pki.keys import private_key_pem
from engage_server.records import (
    Actor,
    ActorKind,
    AuditAction,
    AuditEvent,
    GatePolicy,
    Host,
    Limit,
    Occasion,
    Role,
    RotationWay,
)
from engage_server.services.access.approvals import Candidate
from engage_server.services.chains.building import build_successors
from engage_server.services.chains.folder import read_successors
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.rotation import preparation
from engage_server.services.rotation.request import RotationWish
from engage_server.services.sites.register import SiteChanges
from engage_server.store.sql_store import SqlStore
from engage_server.web.api.paging import PageJson
from tests.support.api import Api, problem
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY
from tests.support.stored import audit_events
from tests.support.world import World

ROTATIONS = "/sites/main/rotations"
RENEWAL = {"way": "server-renewal", "reason": "it ends in March"}
KEY = "-----BEGIN PRIVATE KEY"
CUT_OVER = {"way": "cut-over", "accept_failing_doors": True}


@pytest.fixture
def keys(world: World) -> World:
    """The authority's keys are on the server."""
    shutil.copytree(world.folder / "chain1", world.folder / "certs" / "main")
    return world


@pytest.fixture
def two_persons(keys: World) -> World:
    """The site needs a second person."""
    site = keys.store.site("main")
    keys.sites.change(site, SiteChanges(approvals=1), "two keys", keys.occasion)
    return keys


def events(world: World, action: AuditAction) -> list[AuditEvent]:
    return [each for each in audit_events(world.store) if each.action is action]


def sent(world: World, way: RotationWay, hosts: tuple[Host, ...] = HOSTS) -> dict[str, Any]:
    """The chains of a rotation that were built elsewhere."""
    request = world.request(way)
    before = chain_of(world.store.release("main", 1))
    build_successors(request.folder, way, before, request.authority, hosts, NOW, None)
    return {
        title: {"pem": _whole(material.chain) + private_key_pem(material.server_key).reveal().decode()}
        for title, material in read_successors(request.folder)
    }


def _whole(chain: Chain) -> str:
    return pem([*chain.sent, chain.root]).decode()


def shaped(shape: Any, answer: Any) -> Any:
    """The answer, which has this shape."""
    TypeAdapter(shape).validate_python(answer)
    return answer


class TestStart:
    """One rotation, however it is asked for."""

    def test_a_rotation_is_started_and_watched(self, api: Api, keys: World) -> None:
        system = api.system()
        started = system.create(ROTATIONS, RENEWAL)
        assert started.status_code == 201, started.text
        assert started.headers["Location"] == "/api/v1/sites/main/rotations/1"
        shown = system.get(f"{ROTATIONS}/1")
        assert shown.headers["ETag"] == started.headers["ETag"]
        assert started.json == shaped(ProgressJson, shown.json)
        assert shown.json is not None
        assert (shown.json["way"], shown.json["served"], shown.json["step"]) == ("server-renewal", 2, 1)
        assert keys.releases.current("main") == 2
        (event,) = events(keys, AuditAction.ROTATION_STARTED)
        assert (event.actor, event.reason) == ("token system1", "it ends in March")
        assert event.facts == {"rotation": "1", "way": "server-renewal"}

    def test_its_limits_are_those_of_the_request(self, api: Api, keys: World) -> None:
        body = {**RENEWAL, "ask": True, "max_missing": 3, "max_missing_percent": 5, "soak_hours": 0.5, "max_lost": 9}
        assert api.system().create(ROTATIONS, body).status_code == 201
        (rotation,) = keys.rotations.all("main")
        assert rotation.policy == GatePolicy(Limit(3, 5), Limit(9, 2.0), 0.5, asks=True)
        other = {"max_missing": -1, "max_lost_percent": 100.5, "soak_hours": "24", "waves": ["north"]}
        for name, value in other.items():
            assert problem(api.system().create(ROTATIONS, {name: value})) == (422, "request.invalid")

    def test_the_same_request_starts_one(self, api: Api, keys: World) -> None:
        system = api.system()
        first, second = (system.create(ROTATIONS, RENEWAL, "key-of-812") for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json == second.json
        assert second.headers["Idempotent-Replayed"] == "true"
        assert problem(system.create(ROTATIONS, RENEWAL)) == (409, "rotation.open")
        assert problem(api.system().create(ROTATIONS, RENEWAL, "key-of-812")) == (409, "rotation.open")
        assert len(keys.rotations.all("main")) == 1

    def test_who_loses_a_race_continues_nothing(self, api: Api, keys: World) -> None:
        """Somebody starts one after the look at what is open. Their rotation is not taken over."""
        request = api.side.site_rotations.request("main", RotationWish(RotationWay.SERVER_RENEWAL), keys.occasion)
        api.side.site_rotations.start(request, keys.occasion)
        with pytest.raises(Conflict) as refused:
            api.side.site_rotations.start(request, keys.occasion)
        assert refused.value.code == "rotation.open"

    def test_the_same_request_at_two_hosts(self, api: Api, keys: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """The other host was faster: its rotation is open, and the answer is the one that it gave."""
        system = api.system()
        looks = iter([None])
        kept = SqlStore.kept_request
        first = system.create(ROTATIONS, RENEWAL, "key-of-812")
        monkeypatch.setattr(SqlStore, "kept_request", lambda *given: next(looks, kept(*given)))
        second = system.create(ROTATIONS, RENEWAL, "key-of-812")
        assert (second.status_code, second.json) == (201, first.json)

    def test_nothing_is_due(self, api: Api, keys: World) -> None:
        assert problem(api.system().create(ROTATIONS, {})) == (409, "rotation.not_due")

    def test_without_the_keys(self, api: Api, world: World) -> None:
        assert problem(api.system().create(ROTATIONS, RENEWAL)) == (409, "authority.missing")
        assert world.rotations.all("main") == []

    def test_a_site_that_serves_nothing(self, api: Api, world: World) -> None:
        world.add_site("north", key=OTHER_SITE_KEY, hosts=(Host.parse("north.example.org"),))
        system = api.system()
        assert problem(system.create("/sites/north/rotations", RENEWAL)) == (404, "release.not_found")
        assert problem(system.create("/sites/south/rotations", RENEWAL)) == (404, "site.not_found")
        assert problem(system.get("/sites/north/rotation-plan")) == (404, "release.not_found")

    def test_only_listed_without_a_list(self, api: Api, keys: World) -> None:
        refused = api.system().create(ROTATIONS, {**RENEWAL, "only_listed": True})
        assert problem(refused) == (409, "rotation.no_list")
        assert keys.rotations.all("main") == []

    def test_a_cut_over_names_the_doors_first(self, api: Api, keys: World) -> None:
        keys.see(keys.finished(1, 1, NOW - timedelta(days=1)))
        refused = api.system().create(ROTATIONS, {**CUT_OVER, "accept_failing_doors": False})
        assert problem(refused) == (422, "doors.fail")
        assert keys.rotations.all("main") == []
        assert api.system().create(ROTATIONS, CUT_OVER).status_code == 201

    def test_a_viewer_may_not(self, api: Api, keys: World) -> None:
        assert problem(api.system(Role.VIEWER).create(ROTATIONS, RENEWAL)) == (403, "access.role")
        elsewhere = api.system(Role.OPERATOR, ("north",))
        assert problem(elsewhere.create(ROTATIONS, RENEWAL)) == (403, "access.site")


class TestSentChains:
    """Chains that were built where the keys are."""

    def test_they_are_served_and_written_nowhere(self, api: Api, world: World) -> None:
        body = {"chains": sent(world, RotationWay.LINKED_REKEY), "way": "linked-rekey"}
        started = api.system().create(ROTATIONS, body)
        assert started.status_code == 201, started.text
        assert started.json is not None
        assert (started.json["way"], started.json["releases"]) == ("linked-rekey", [2, 3])
        assert started.json["folder"] == ""
        assert not (world.folder / "certs").exists()

    def test_they_say_which_way_they_are(self, api: Api, world: World) -> None:
        chains = sent(world, RotationWay.SERVER_RENEWAL)
        system = api.system()
        assert problem(system.create(ROTATIONS, {"chains": chains, "way": "cut-over"})) == (422, "rotation.other_way")
        assert world.rotations.all("main") == []
        assert system.create(ROTATIONS, {"chains": chains}).json["way"] == "server-renewal"  # type: ignore[index]

    def test_what_is_served_already_is_no_rotation(self, api: Api, world: World) -> None:
        """Before, a rotation from a release to itself was begun, and waited for devices."""
        folder = world.folder / "chain1"
        names = ("partner_server.pem", "partner_CA.pem", "partner_server.key")
        chains = {"next": {"pem": "".join((folder / name).read_text() for name in names)}}
        assert problem(api.system().create(ROTATIONS, {"chains": chains})) == (422, "rotation.not_new")

    def test_what_is_no_chain(self, api: Api, world: World) -> None:
        body = {"chains": {"next": {"pem": "<!DOCTYPE html><html></html>"}}}
        assert problem(api.system().create(ROTATIONS, body)) == (422, "content.web_page")

    def test_a_foreign_key_begins_nothing(self, api: Api, world: World) -> None:
        mine, other = (sent(world, RotationWay.SERVER_RENEWAL)["next"]["pem"].partition(KEY) for _ in range(2))
        refused = api.system().create(ROTATIONS, {"chains": {"next": {"pem": mine[0] + KEY + other[2]}}})
        assert problem(refused) == (422, "key.mismatch")
        assert world.rotations.all("main") == []

    def test_chains_that_cannot_go_live_leave_no_open_rotation(self, api: Api, world: World) -> None:
        system, body = api.system(), {"chains": sent(world, RotationWay.SERVER_RENEWAL, HOSTS[:1])}
        assert problem(system.create(ROTATIONS, body, "key-of-812")) == (422, "rotation.unproven")
        assert world.rotations.open_rotation("main") is None
        again = system.create(ROTATIONS, body, "key-of-812")
        assert problem(again) == (409, "rotation.ended")
        assert again.json is not None
        assert "10.44.68.128" in again.json["detail"]
        assert system.create(ROTATIONS, {"chains": sent(world, RotationWay.SERVER_RENEWAL)}).status_code == 201

    def test_nothing_that_was_sent_is_repeated(self, api: Api, world: World) -> None:
        chains = sent(world, RotationWay.SERVER_RENEWAL)
        secret = chains["next"]["pem"].partition("PRIVATE KEY-----\n")[2][:40]
        answer = api.system().create(ROTATIONS, {"chains": chains, "passphrase": "a passphrase", "way": "cut-over"})
        assert secret not in answer.text
        assert "a passphrase" not in answer.text


class Crash(BaseException):
    """The process ends here."""


def crash(*_arguments: object, **_options: object) -> None:
    raise Crash


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """The act, and then the process ends."""

    def act_and_crash(*arguments: Any, **options: Any) -> Any:
        act(*arguments, **options)
        raise Crash

    return act_and_crash


STORE_ACTS = ["add_rotation", "stage_release", "move_rotation"]


class TestBrokenOff:
    """The process is killed in a start. The same request makes one rotation of it."""

    @pytest.mark.parametrize("are_sent", [False, True])
    @pytest.mark.parametrize("act", STORE_ACTS)
    @pytest.mark.parametrize("is_done", [False, True])
    def test_the_same_request_ends_in_one(
        self, api: Api, keys: World, act: str, is_done: bool, are_sent: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = {"chains": sent(keys, RotationWay.LINKED_REKEY)} if are_sent else {"way": "linked-rekey"}
        system = api.system()
        with monkeypatch.context() as broken:
            broken.setattr(SqlStore, act, after(getattr(SqlStore, act)) if is_done else crash)
            with pytest.raises(Crash):
                system.create(ROTATIONS, body, "key-of-812")
        keys.rotations.go_on("main", keys.occasion)  # the gate's thread leaves alone what is being prepared
        answer = system.create(ROTATIONS, body, "key-of-812")
        assert answer.status_code == 201, answer.text
        assert answer.json is not None
        assert (answer.json["releases"], answer.json["state"], answer.json["step"]) == ([2, 3], "held", 1)
        (rotation,) = keys.rotations.all("main")
        assert rotation.releases == (2, 3)
        assert len(events(keys, AuditAction.ROTATION_STARTED)) == 1

    @pytest.mark.parametrize("place", ["build_successors", "read_successors", "prove"])
    def test_in_the_preparation(self, api: Api, keys: World, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        system = api.system()
        with monkeypatch.context() as broken:
            broken.setattr(preparation, place, crash)
            with pytest.raises(Crash):
                system.create(ROTATIONS, RENEWAL, "key-of-812")
        assert system.json(f"{ROTATIONS}/1")["state"] == "preparing"
        assert problem(system.create(ROTATIONS, RENEWAL)) == (409, "rotation.open")
        assert system.create(ROTATIONS, RENEWAL, "key-of-812").json["releases"] == [2]  # type: ignore[index]

    def test_somebody_ended_it_meanwhile(self, api: Api, keys: World, monkeypatch: pytest.MonkeyPatch) -> None:
        system = api.system()
        with monkeypatch.context() as broken:
            broken.setattr(preparation, "prove", crash)
            with pytest.raises(Crash):
                system.create(ROTATIONS, RENEWAL, "key-of-812")
        keys.rotations.abort("main", "not now", keys.occasion)
        again = system.create(ROTATIONS, RENEWAL, "key-of-812")
        assert problem(again) == (409, "rotation.ended")
        assert again.json is not None
        assert "not now" in again.json["detail"]

    def test_the_command_line_cannot_finish_what_was_sent(
        self, api: Api, keys: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(preparation, "prove", crash)
            with pytest.raises(Crash):
                api.system().create(ROTATIONS, {"chains": sent(keys, RotationWay.SERVER_RENEWAL)}, "key-of-812")
        with pytest.raises(Conflict, match="were sent to the API"):
            keys.rotations.start(keys.request(RotationWay.SERVER_RENEWAL), keys.occasion)


class TestApprove:
    """The next step, by people."""

    @pytest.fixture
    def waiting(self, two_persons: World) -> World:
        """Anna has started a cut-over on the command line."""
        anna = Occasion("anna as root", NOW)
        two_persons.rotations.start(two_persons.request(RotationWay.CUT_OVER), anna)
        return two_persons

    def test_a_second_person_approves(self, api: Api, waiting: World) -> None:
        bert = api.person("bert", Role.APPROVER)
        shown = bert.get(f"{ROTATIONS}/1")
        assert shown.json is not None
        assert "one person other than anna" in shown.json["second_person"]["missing"]
        approved = bert.change("POST", f"{ROTATIONS}/1/approve", {"reason": "we looked"}, shown)
        assert approved.status_code == 200, approved.text
        assert approved.json == shaped(ProgressJson, bert.json(f"{ROTATIONS}/1"))
        assert approved.json is not None
        assert approved.json["served"] == 2
        (event,) = events(waiting, AuditAction.ROTATION_APPROVED)
        assert (event.actor, event.reason) == ("bert", "we looked")
        again = bert.change("POST", f"{ROTATIONS}/1/approve", {"reason": "we looked"}, shown)
        assert problem(again) == (412, "precondition.failed")

    def test_who_started_it_is_no_second_person(self, api: Api, waiting: World) -> None:
        """She comes by another face, and as another spelling of her name."""
        person = api.person("ANNA", Role.ADMIN)
        refused = person.change("POST", f"{ROTATIONS}/1/approve", {"reason": "I did"}, "*")
        assert problem(refused) == (422, "approval.same_person")
        assert waiting.rotations.all("main")[0].approvals == ()

    def test_no_token_is_a_person(self, api: Api, waiting: World) -> None:
        refused = api.system(Role.ADMIN).change("POST", f"{ROTATIONS}/1/approve", {"reason": "I am one"}, "*")
        assert problem(refused) == (403, "access.people_only")

    def test_an_operator_is_no_approver(self, api: Api, waiting: World) -> None:
        refused = api.person("bert", Role.OPERATOR).change("POST", f"{ROTATIONS}/1/approve", {"reason": "x"}, "*")
        assert problem(refused) == (403, "access.role")

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x", "alone": True}])
    def test_it_needs_a_reason_and_no_more(self, api: Api, waiting: World, body: dict[str, Any]) -> None:
        refused = api.person("bert", Role.APPROVER).change("POST", f"{ROTATIONS}/1/approve", body, "*")
        assert problem(refused) == (422, "request.invalid")

    def test_what_was_started_by_a_token_needs_two(self, api: Api, two_persons: World) -> None:
        started = api.system().create(ROTATIONS, CUT_OVER)
        assert started.json is not None
        assert "two persons must approve it" in started.json["second_person"]["missing"]
        for name, served in (("bert", 1), ("cora", 2)):
            person = api.person(name, Role.APPROVER)
            seen = person.get(f"{ROTATIONS}/1")
            approved = person.change("POST", f"{ROTATIONS}/1/approve", {"reason": "we looked"}, seen)
            assert approved.json is not None
            assert approved.json["served"] == served

    def test_doors_that_would_fail_are_named(self, api: Api, waiting: World) -> None:
        waiting.see(waiting.finished(1, 1, NOW - timedelta(days=1)))
        bert = api.person("bert", Role.APPROVER)
        path = f"{ROTATIONS}/1/approve"
        assert problem(bert.change("POST", path, {"reason": "now"}, "*")) == (422, "doors.fail")
        accepted = {"reason": "now", "accept_failing_doors": True}
        assert bert.change("POST", path, accepted, "*").status_code == 200

    def test_the_open_one_alone(self, api: Api, waiting: World) -> None:
        """Even if somebody ends it, and starts another one, just before."""
        waiting.rotations.abort("main", "no", waiting.occasion)
        bert = api.person("bert", Role.APPROVER)
        accepted = {"reason": "now", "accept_failing_doors": True}
        assert problem(bert.change("POST", f"{ROTATIONS}/1/approve", accepted, "*")) == (409, "rotation.ended")
        waiting.rotations.start(waiting.request(RotationWay.CUT_OVER), Occasion("anna", NOW))
        assert problem(bert.change("POST", f"{ROTATIONS}/1/approve", accepted, "*")) == (409, "rotation.ended")
        assert problem(bert.change("POST", f"{ROTATIONS}/3/approve", accepted, "*")) == (404, "rotation.not_found")
        with pytest.raises(Conflict, match="rotation 1 of 'main' has ended"):
            waiting.rotations.approve("main", "now", waiting.occasion, candidate=BERT, number=1)
        assert waiting.rotations.all("main")[-1].approvals == ()

    def test_before_it_is_prepared(self, api: Api, keys: World, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(preparation, "prove", crash)
            with pytest.raises(Crash):
                api.system().create(ROTATIONS, RENEWAL)
        refused = api.person("bert", Role.APPROVER).change("POST", f"{ROTATIONS}/1/approve", {"reason": "x"}, "*")
        assert problem(refused) == (409, "rotation.preparing")


BERT = Candidate(Actor("bert", ActorKind.PERSON))


class TestAbort:
    """Back, or not."""

    def test_back_needs_no_second_person(self, api: Api, two_persons: World) -> None:
        started = api.system().create(ROTATIONS, RENEWAL)
        system = api.system()
        ended = system.change("POST", f"{ROTATIONS}/1/abort", {"reason": "floor 3 is dark"}, started)
        assert ended.status_code == 200, ended.text
        assert ended.json == shaped(ProgressJson, system.json(f"{ROTATIONS}/1"))
        assert ended.json is not None
        assert (ended.json["state"], ended.json["why"], ended.json["current_release"]) == (
            "aborted",
            "floor 3 is dark",
            1,
        )
        (event,) = events(two_persons, AuditAction.ROTATION_ENDED)
        assert (event.actor, event.reason) == ("token system2", "floor 3 is dark")
        assert problem(system.change("POST", f"{ROTATIONS}/1/abort", {}, started)) == (412, "precondition.failed")
        assert problem(system.change("POST", f"{ROTATIONS}/1/abort", {}, "*")) == (409, "rotation.ended")
        assert problem(system.send("POST", f"{ROTATIONS}/1/abort", {})) == (428, "precondition.missing")

    def test_what_is_served_is_kept(self, api: Api, keys: World) -> None:
        started = api.system().create(ROTATIONS, RENEWAL)
        ended = api.system().change("POST", f"{ROTATIONS}/1/abort", {"keep": True}, started)
        assert ended.json is not None
        assert ended.json["current_release"] == 2

    def test_to_keep_is_as_much_as_to_approve(self, api: Api, two_persons: World) -> None:
        """Before, a person who is no approver could pass the gate so."""
        anna = Occasion("anna", NOW)
        two_persons.rotations.start(two_persons.request(RotationWay.SERVER_RENEWAL), anna)
        path, body = f"{ROTATIONS}/1/abort", {"keep": True, "reason": "it looks good"}
        for caller in (api.system(Role.ADMIN), api.person("bert", Role.OPERATOR), api.person("anna", Role.APPROVER)):
            assert problem(caller.change("POST", path, body, "*")) == (422, "approval.missing")
        assert two_persons.rotations.open_rotation("main") is not None
        assert api.person("cora", Role.APPROVER).change("POST", path, body, "*").status_code == 200

    def test_a_viewer_may_not(self, api: Api, keys: World) -> None:
        started = api.system().create(ROTATIONS, RENEWAL)
        refused = api.system(Role.VIEWER).change("POST", f"{ROTATIONS}/1/abort", {}, started)
        assert problem(refused) == (403, "access.role")


class TestSee:
    """Lists, single ones, plans."""

    def test_pages_are_newest_first(self, api: Api, keys: World) -> None:
        for _ in range(3):
            keys.rotations.start(keys.request(RotationWay.SERVER_RENEWAL), keys.occasion)
            keys.rotations.abort("main", "no", keys.occasion)
        system = api.system(Role.VIEWER)
        page = shaped(PageJson[RotationJson], system.json(f"{ROTATIONS}?limit=2"))
        assert [each["number"] for each in page["items"]] == [3, 2]
        rest = system.json(page["next"].removeprefix("/api/v1"))
        assert ([each["number"] for each in rest["items"]], rest["next"]) == ([1], None)
        assert problem(system.get(f"{ROTATIONS}?cursor=x")) == (400, "cursor.invalid")
        assert problem(system.get("/sites/south/rotations")) == (404, "site.not_found")

    def test_one_of_another_site_is_none_of_this(self, api: Api, keys: World) -> None:
        keys.add_site("north", key=OTHER_SITE_KEY, hosts=(Host.parse("north.example.org"),))
        keys.rotations.start(keys.request(RotationWay.SERVER_RENEWAL), keys.occasion)
        system = api.system()
        assert problem(system.get("/sites/north/rotations/1")) == (404, "rotation.not_found")
        assert problem(system.change("POST", "/sites/north/rotations/1/abort", {}, "*")) == (404, "rotation.not_found")
        assert system.json("/sites/north/rotations")["items"] == []
        assert system.get("/sites/main/rotations/1").status_code == 200

    def test_a_plan_says_which_keys_are_at_hand(self, api: Api, keys: World) -> None:
        plan = shaped(SitePlanJson, api.system(Role.VIEWER).json("/sites/main/rotation-plan"))
        assert (plan["keys_at_hand"], plan["keys_locked"]) == (["intermediate", "root"], 0)
        assert all(way["key_is_at_hand"] for way in plan["ways"])
        shutil.rmtree(keys.folder / "certs")
        plan = api.system(Role.VIEWER).json("/sites/main/rotation-plan")
        assert plan["keys_at_hand"] == []
        assert [way["way"] for way in plan["ways"] if way["key_is_at_hand"]] == ["cut-over"]

    def test_a_list_makes_no_keys(self, api: Api, keys: World, monkeypatch: pytest.MonkeyPatch) -> None:
        keys.rotations.start(keys.request(RotationWay.SERVER_RENEWAL), keys.occasion)
        monkeypatch.setattr("engage_server.pki.keys.generate_key", crash)
        monkeypatch.setattr(SqlStore, "adoption", crash)
        assert api.system().get(ROTATIONS).status_code == 200
