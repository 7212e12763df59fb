"""Steps that need a second person, on a real store: which ones, who may, and that no other door leads past it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engage_server.as_json.rotation import progress_json
from engage_server.errors import Refused
from engage_server.records import (
    Actor,
    ActorKind,
    Approval,
    AuditAction,
    GatePolicy,
    Host,
    Occasion,
    Rotation,
    RotationState,
    RotationWay,
)
from engage_server.services.access.approvals import Candidate
from engage_server.services.rotation.gate.decision import Decision, Verdict
from engage_server.services.rotation.second_person import needed, ruled
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World, told_by

DEVICES = 10
GO, ASK, WAIT, BACK = (
    Decision(Verdict.GO_ON, "all came"),
    Decision(Verdict.ASK, "two are missing"),
    Decision(Verdict.WAIT, "two are due"),
    Decision(Verdict.ROLL_BACK, "five are lost"),
)
ONLY_ASKS = Decision(Verdict.ASK, "needs your approval", only_asks=True)
LINKED = Rotation(
    1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 1, (2, 3), 0, NOW, "", GatePolicy(), (), NOW, "anna"
)
CUT_OVER = replace(LINKED, way=RotationWay.CUT_OVER, releases=(2,))
RENEWAL = replace(LINKED, way=RotationWay.SERVER_RENEWAL, releases=(2,))


@pytest.mark.parametrize(
    ("rotation", "own", "why"),
    [
        (CUT_OVER, GO, "it serves a new root at once"),
        (CUT_OVER, WAIT, "it serves a new root at once"),
        (replace(CUT_OVER, step=1), GO, ""),  # its end: nothing else is served
        (LINKED, GO, ""),
        (replace(LINKED, step=1), GO, "it drops the link to the old root"),
        (replace(LINKED, step=1), ONLY_ASKS, "it drops the link to the old root"),
        (replace(LINKED, step=2), GO, ""),
        *((replace(RENEWAL, way=way), GO, "") for way in list(RotationWay)[:3]),
        (replace(RENEWAL, step=1), GO, ""),
        (replace(RENEWAL, step=1), ONLY_ASKS, ""),
        *((replace(RENEWAL, step=1), own, "the gate does not allow it by itself") for own in (ASK, WAIT, BACK)),
        (replace(LINKED, step=2), ASK, "the gate does not allow it by itself"),
    ],
)
def test_which_steps_can_cut_devices_off(rotation: Rotation, own: Decision, why: str) -> None:
    found = needed(rotation, own, 1)
    assert (found.why if found else "") == why
    assert needed(rotation, own, 0) is None, "only where the site asks for it"


@pytest.mark.parametrize("own", [GO, ASK, WAIT, BACK, ONLY_ASKS], ids=lambda own: own.why)
@pytest.mark.parametrize(
    ("rotation", "person", "counts"),
    [
        (CUT_OVER, "bert", True),
        (CUT_OVER, "anna", False),
        (CUT_OVER, "root", False),
        (replace(LINKED, step=1), "bert", True),
        (replace(LINKED, step=1), "anna", False),
    ],
)
def test_what_an_approval_makes_of_the_gate(rotation: Rotation, own: Decision, person: str, counts: bool) -> None:
    approved = replace(rotation, approvals=(Approval(rotation.step, person, NOW, "why"),))
    found = ruled(approved, own, needed(approved, own, 1))
    if counts:
        assert found == Decision(Verdict.GO_ON, "an operator approved it, by bert")
    elif own.is_content:
        assert found.verdict is Verdict.ASK
        assert "one person other than anna must approve it" in found.why
    else:
        assert found == own, "above all: it goes back by itself"
    assert ruled(approved, own, None).verdict is Verdict.GO_ON, "the control: without the rule anybody may"
    later = replace(approved, step=approved.step + 1, releases=(2, 3, 4))
    assert not later.approved, "an approval is for one step"


@pytest.fixture
def site(world: World) -> World:
    """A site that needs a second person, whose ten devices have come through for a week."""
    world.add_site()
    world.release()
    for night in range(-7, 0):
        call(world, 1, night)
    ask_for(world, 1)
    world.occasion = Occasion("anna as root", NOW)
    return world


def ask_for(world: World, approvals: int, name: str = "main") -> None:
    world.sites.change(world.store.site(name), SiteChanges(approvals=approvals), "rule", world.occasion)


def call(world: World, release: int, night: int, devices: range = range(DEVICES), site: str = "main") -> None:
    world.see(*(world.finished(device, release, NOW + timedelta(days=night), site) for device in devices))


def start(world: World, way: RotationWay, **other: Any) -> list[str]:
    return told_by(world.rotations.start, world.request(way, **other), world.occasion)


def approve(
    world: World, name: str, hours: int, *, alone: bool = False, kind: ActorKind = ActorKind.COMMAND_LINE
) -> Any:
    told: list[str] = []
    occasion = Occasion(name, NOW + timedelta(hours=hours))
    world.rotations.approve("main", "we looked", occasion, told.append, Candidate(Actor(name, kind), alone))
    return told


def newest(world: World) -> Rotation:
    return world.rotations.all("main")[-1]


def test_a_cut_over_waits_for_a_second_person(site: World) -> None:
    told = start(site, RotationWay.CUT_OVER)
    assert "paused until an operator decides: this step can cut devices off: it serves a new root at once" in told[-1]
    assert (newest(site).state, site.releases.current("main")) == (RotationState.HELD, 1)
    with pytest.raises(Refused, match="anna started this rotation"):
        approve(site, "anna", 1)
    assert newest(site).approvals == ()
    told = approve(site, "bert as root", 2)
    assert "one person other than anna must approve it" in told[0]
    assert told[1] == "approved by bert as root: we looked"
    assert "release 2 of main is served (step 1 of 1): an operator approved it, by bert" in told[2]
    call(site, 2, 1)
    assert "done" in told_by(site.rotations.go_on, "main", site.later(hours=30))[0], "its end needs nobody"


def test_without_the_rule_it_does_not_wait(site: World) -> None:
    ask_for(site, 0)
    assert "release 2 of main is served" in start(site, RotationWay.CUT_OVER)[-1]


def test_a_link_is_dropped_by_two(site: World) -> None:
    assert "release 2 of main is served" in start(site, RotationWay.LINKED_REKEY)[-1], "with a link: nobody is needed"
    call(site, 2, 1)
    (told,) = told_by(site.rotations.go_on, "main", site.later(hours=25))
    assert "it drops the link to the old root; one person other than anna must approve it" in told
    assert told_by(site.rotations.go_on, "main", site.later(hours=26)) == [], "it is told once"
    assert "release 3 of main is served" in approve(site, "bert", 27, kind=ActorKind.PERSON)[-1]


@pytest.mark.parametrize(
    "way", [RotationWay.SERVER_RENEWAL, RotationWay.INTERMEDIATE_RENEWAL, RotationWay.ROOT_RENEWAL]
)
def test_what_cuts_nobody_off_needs_nobody(site: World, way: RotationWay) -> None:
    start(site, way)
    call(site, 2, 1)
    assert "done" in told_by(site.rotations.go_on, "main", site.later(hours=25))[-1]


def test_past_the_gate_only_with_a_second_person(site: World) -> None:
    start(site, RotationWay.SERVER_RENEWAL)
    call(site, 2, 1, range(8))
    for hours in (1, 80):  # the time is not over; two are missing
        with pytest.raises(Refused) as refused:
            approve(site, "anna as root", hours)
        assert refused.value.code == "approval.same_person"
    with pytest.raises(Refused, match="to keep what is served now would pass the gate: one person other than anna"):
        site.rotations.abort("main", "", Occasion("anna", NOW + timedelta(hours=80)), keep=True)
    assert newest(site).state.is_open
    assert "done: release 2" in approve(site, "bert", 80)[-1]


def test_a_second_person_may_keep_what_is_served(site: World) -> None:
    start(site, RotationWay.SERVER_RENEWAL)
    site.rotations.abort("main", "", Occasion("bert", NOW + timedelta(hours=1)), keep=True)
    assert site.releases.current("main") == 2


def test_to_go_back_needs_nobody(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    approve(site, "bert", 1)
    assert site.rotations.abort("main", "", site.later(hours=2)).state is RotationState.ABORTED
    assert site.releases.current("main") == 1


def test_it_rolls_back_by_itself(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    approve(site, "bert", 1)
    call(site, 2, 1, range(4))
    assert "rolled back to release 1" in told_by(site.rotations.go_on, "main", site.later(days=4))[0]


def test_alone_is_logged_as_such_and_stays_to_be_seen(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    with pytest.raises(Refused) as refused:
        approve(site, "root", 1)
    assert refused.value.code == "approval.nobody"
    told = approve(site, "root", 2, alone=True)
    assert "approved by root without a second person: we looked" in told
    assert site.releases.current("main") == 2
    event = next(e for e in audit_events(site.store) if e.action is AuditAction.ROTATION_APPROVED_ALONE)
    assert (event.actor, event.reason) == ("root", "we looked")
    assert AuditAction.ROTATION_APPROVED not in {e.action for e in audit_events(site.store)}
    shown = progress_json(site.rotations.progress(newest(site), site.later(hours=3)))
    assert shown["approved"] is False, "the present step is another one"
    (one,) = shown["approvals"]
    assert (one["step"], one["person"], one["alone"]) == (0, "root", True)
    assert one["reason"] == "we looked"


@pytest.mark.parametrize("kind", [ActorKind.TOKEN, ActorKind.SERVERS])
@pytest.mark.parametrize("rule", [0, 1])
def test_no_token_and_no_server_approves_anything(site: World, kind: ActorKind, rule: int) -> None:
    ask_for(site, rule)
    start(site, RotationWay.SERVER_RENEWAL)
    with pytest.raises(Refused) as refused:
        approve(site, "bert", 1, kind=kind)
    assert refused.value.code == "access.people_only"


def test_one_approval_of_two_is_kept(site: World) -> None:
    """Nobody in particular started it: the first approval is recorded, and does not end the pause."""
    site.occasion = Occasion("root", NOW)
    start(site, RotationWay.CUT_OVER)
    told = approve(site, "anna as root", 1)
    assert "not enough yet: root started it and is nobody in particular" in told[-1]
    assert newest(site).state is RotationState.HELD
    assert newest(site).why, "and the reason stays"
    assert "release 2 of main is served" in approve(site, "bert as root", 2)[-1]


def test_the_rule_is_not_lifted_under_a_rotation(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    with pytest.raises(Refused, match="main needs a second person, and a rotation of it is open"):
        ask_for(site, 0)
    site.rotations.abort("main", "", site.later(hours=1))
    ask_for(site, 0)
    assert site.store.site("main").approvals == 0
    changes = [event for event in audit_events(site.store) if event.action is AuditAction.SITE_CHANGED]
    assert [(e.before["approvals"], e.facts["approvals"], e.reason) for e in changes] == [
        ("0", "1", "rule"),
        ("1", "0", "rule"),
    ]


def test_whoever_read_the_site_before_does_not_lift_it(site: World) -> None:
    before = replace(site.store.site("main"), approvals=0)
    site.sites.change(before, SiteChanges(device_networks=(), hosts=(Host("new.example"),)), "", site.occasion)
    assert site.store.site("main").approvals == 1


@pytest.mark.parametrize("has_begun", [False, True])
def test_no_release_is_activated_past_it(site: World, has_begun: bool) -> None:
    """Neither a new root at once, nor a chain without the link of the one that is served."""
    acts: list[Callable[[], object]] = []
    start(site, RotationWay.LINKED_REKEY if has_begun else RotationWay.CUT_OVER)
    if has_begun:
        call(site, 2, 1)
        told_by(site.rotations.go_on, "main", site.later(hours=25))
        site.rotations.abort("main", "", Occasion("bert", NOW + timedelta(hours=26)), keep=True)
        acts.append(lambda: site.releases.activate("main", 3, {}, site.later(hours=27)))
    else:
        acts.append(lambda: site.releases.activate("main", 2, {}, site.later(hours=1)))
    for act in acts:
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "approval.missing"
        if newest(site).state.is_open:
            site.rotations.abort("main", "", site.later(hours=28))
        ask_for(site, 0)
        act()  # the control


def test_a_renewal_is_activated_as_ever(site: World) -> None:
    start(site, RotationWay.SERVER_RENEWAL)
    site.rotations.abort("main", "", site.later(hours=1))
    site.releases.activate("main", 2, {}, site.later(hours=2))
    assert site.releases.current("main") == 2
