"""An act has one reason, whether its caller gives it with the occasion, as an API does, or beside it."""

from dataclasses import replace

import pytest

from engage_server.errors import UsageError
from engage_server.records import AuditAction, Host, Occasion, RotationState, RotationWay
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.sites.register import SiteChanges
from engage_server.services.sites.removal import Removal
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World, serial_of

WHY = "ticket 7"
# beside the occasion, and in it
GIVEN = {"beside": (" ticket\n7 ", ""), "in the occasion": ("", WHY), "in both": (WHY, "an older one")}


@pytest.mark.parametrize(("beside", "within"), GIVEN.values(), ids=GIVEN)
def test_each_act_keeps_the_reason(world: World, beside: str, within: str) -> None:
    world.add_site()
    for _ in range(2):
        world.release()
    unserved = world.release(activate=False)
    world.sites.add_device(serial_of(1), "main", world.occasion)
    world.see(world.finished(2, 1, NOW))
    occasion = replace(world.occasion, reason=within)
    before = len(audit_events(world.store))

    world.releases.drop("main", unserved, beside, occasion)
    world.releases.roll_back("main", {}, beside, occasion)
    world.releases.retire("main", 2, beside, occasion)
    world.sites.change(world.store.site("main"), SiteChanges((Host.parse("other.example"),)), beside, occasion)
    world.evidence.forget(serial_of(2), None, beside, occasion)
    removal = Removal(world.store, DeviceFolders(world.folder / "data"))
    removal.device(serial_of(1), "main", beside, occasion)
    removal.site("main", True, beside, occasion)

    done = audit_events(world.store)[before:]
    assert [each.action for each in done] == [
        AuditAction.RELEASE_DROPPED,
        AuditAction.RELEASE_ROLLED_BACK,
        AuditAction.RELEASE_RETIRED,
        AuditAction.SITE_CHANGED,
        AuditAction.DEVICE_FORGOTTEN,
        AuditAction.DEVICE_REMOVED,
        AuditAction.SITE_REMOVED,
    ]
    assert {each.reason for each in done} == {WHY}


@pytest.mark.parametrize(("beside", "within"), GIVEN.values(), ids=GIVEN)
def test_a_rotation_that_is_approved_or_aborted_keeps_it_to_its_end(world: World, beside: str, within: str) -> None:
    world.add_site()
    world.release()
    occasion = replace(world.occasion, reason=within)
    for end in ("approve", "abort"):
        world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), Occasion("tester", NOW, reason="planned"))
        before = len(audit_events(world.store))
        getattr(world.rotations, end)("main", beside or (WHY if end == "approve" else ""), occasion)
        done = audit_events(world.store)[before:]
        assert done[-1].action is AuditAction.ROTATION_ENDED
        assert {each.reason for each in done} == {WHY}, end


def test_what_the_gate_said_stands_beside_the_reason(world: World) -> None:
    world.add_site()
    world.release()
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    world.rotations.approve("main", WHY, world.occasion)
    ended = audit_events(world.store)[-1]
    assert (ended.action, ended.reason, ended.facts["why"]) == (
        AuditAction.ROTATION_ENDED,
        WHY,
        "an operator approved it",
    )


def test_without_a_reason_of_an_operator_it_is_why_the_rotation_ended(world: World) -> None:
    world.add_site()
    world.release()
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    world.rotations.abort("main", "", world.occasion)
    ended = audit_events(world.store)[-1]
    assert (ended.reason, "why" in ended.facts) == ("aborted", False)


def test_a_token_is_no_reason_on_any_way(world: World) -> None:
    world.add_site()
    for _ in range(2):
        world.release()
    before = audit_events(world.store)
    token = f"engage_{'a' * 12}_{'b' * 64}_{'c' * 8}"
    for refused in (
        lambda: world.occasion.because(token),
        lambda: world.releases.roll_back("main", {}, token, world.occasion),
        lambda: world.releases.retire("main", 1, token, world.occasion),
        lambda: world.sites.change(world.store.site("main"), SiteChanges(approvals=1), token, world.occasion),
    ):
        with pytest.raises(UsageError) as told:
            refused()
        assert told.value.code == "reason.token"
        assert token not in str(told.value)
    assert audit_events(world.store) == before


def test_why_a_rotation_ended_by_itself_may_be_long(world: World) -> None:
    """The limit is for people: the servers must be able to say which errors there are."""
    world.add_site()
    world.release()
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    rotation = world.rotations.all("main")[-1]
    world.rotations._end(rotation, RotationState.ABORTED, "x" * 5000, world.occasion, go_back=False)
    assert audit_events(world.store)[-1].reason == "x" * 5000
