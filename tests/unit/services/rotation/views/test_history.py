"""What happened in a rotation, as the audit log has it."""

from datetime import timedelta

import pytest

from engage_server.records import AuditAction, AuditEntry, Occasion, Rotation, RotationWay
from engage_server.services.installation.audit_log import AuditLog
from engage_server.services.rotation.views.history import entries_of, history_of
from tests.support.chains import NOW
from tests.support.world import World


@pytest.fixture
def site(world: World) -> World:
    """A site that serves its first release."""
    world.add_site()
    world.release()
    return world


def history(site: World, rotation: Rotation) -> tuple[AuditEntry, ...]:
    entries = AuditLog(site.store).page(entries_of(rotation), None, 100).items
    return history_of(rotation, reversed(entries))


def test_it_has_everything_with_who_and_why(site: World) -> None:
    anna = Occasion("anna", NOW).because("it leaked")
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), anna)
    site.rotations.abort("main", "floor 3 is dark", Occasion("cora", NOW + timedelta(hours=2)))
    (rotation,) = site.rotations.all("main")
    told = [(each.event.action, each.event.actor, each.event.reason) for each in history(site, rotation)]
    assert told[0] == (AuditAction.ROTATION_STARTED, "anna", "it leaked")
    assert (AuditAction.ROTATION_ADVANCED, "anna", "it leaked") in told
    assert told[-1] == (AuditAction.ROTATION_ENDED, "cora", "floor 3 is dark")


def test_other_rotations_of_the_site_are_left_out(site: World) -> None:
    """Even if two of them share a moment."""
    for _ in range(2):
        site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.occasion)
        site.rotations.abort("main", "no", site.occasion)
    for rotation in site.rotations.all("main"):
        facts = [each.event.facts for each in history(site, rotation)]
        assert {each["rotation"] for each in facts} == {str(rotation.number)}
        assert [each["staged"] for each in facts if "staged" in each] == [str(rotation.releases[0])]
