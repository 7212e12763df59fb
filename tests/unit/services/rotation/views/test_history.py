"""What happened in a rotation, as the audit log has it."""

from datetime import timedelta

import pytest

from engage_server.records import Occasion, Rotation, RotationWay
from engage_server.services.installation.audit_log import AuditLog
from engage_server.services.rotation.views.history import entries_of, history_of
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.world import World


@pytest.fixture
def site(world: World) -> World:
    """A site that serves its first release."""
    world.add_site()
    world.release()
    return world


def said(world: World, rotation: Rotation) -> list[tuple[str, str, str]]:
    entries = AuditLog(world.store).page(entries_of(rotation), None, 100).items
    return [(each.who, each.words, each.reason) for each in history_of(rotation, reversed(entries))]


def test_each_thing_is_one_sentence_with_who_and_why(site: World) -> None:
    site.sites.change(site.store.site("main"), SiteChanges(approvals=1), "two keys", site.occasion)
    anna = Occasion("anna", NOW).because("it leaked")
    site.rotations.start(site.request(RotationWay.CUT_OVER), anna)
    site.rotations.approve("main", "we looked", Occasion("bert", NOW + timedelta(hours=1)))
    site.rotations.abort("main", "floor 3 is dark", Occasion("cora", NOW + timedelta(hours=2)))
    (rotation,) = site.rotations.all("main")
    found = said(site, rotation)
    assert found[0] == ("anna", "started it as cut-over", "it leaked")
    assert found[1][:2] == ("anna", "staged its chains: release 2")
    assert found[2][1].startswith("paused it until a person decides: this step can cut devices off")
    assert found[3][:2] == (
        "bert",
        "approved the next step, while the gate said: ask: this step can cut devices off: it serves a new root at "
        "once; one person other than anna must approve it",
    )
    assert found[3][2] == "we looked"
    assert any(words.startswith("served release 2: an operator approved it") for _, words, _ in found)
    assert found[-1] == ("cora", "ended it as aborted, and release 1 is served", "floor 3 is dark")


def test_other_rotations_of_the_site_are_left_out(site: World) -> None:
    """Even if two of them share a moment."""
    for _ in range(2):
        site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.occasion)
        site.rotations.abort("main", "no", site.occasion)
    first, second = site.rotations.all("main")
    assert said(site, first)[1][1] == "staged its chains: release 2"
    assert said(site, second)[1][1] == "staged its chains: release 3"
    assert [words for _, words, _ in said(site, first)][-1] == "ended it as aborted, and release 1 is served"
