"""What the store has keeps to its shape, also while a rotation is open."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engage_server.as_json.audit_log import AuditEntryJson, entry_json
from engage_server.as_json.plans import PlanJson, plan_json
from engage_server.as_json.releases import (
    CheckedReleaseJson,
    ReleaseJson,
    checked_release_json,
    release_json,
)
from engage_server.as_json.rotation import ProgressJson, progress_json
from engage_server.as_json.sites import SiteJson, site_json
from engage_server.as_json.status import StatusJson, status_json
from engage_server.records import (
    Approval,
    CallIn,
    CallInWay,
    RotationWay,
    Upstream,
)
from engage_server.services.access.approvals import Count
from engage_server.services.rotation.second_person import SecondPerson
from tests.support.chains import NOW
from tests.support.shapes import judge
from tests.support.stored import audit_entries
from tests.support.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site that calls an upstream system, with an open rotation that some devices have come through."""
    with World(tmp_path_factory.mktemp("world")) as world:
        world.add_site()
        world.release()
        for night in range(-7, 0):
            world.see(*(world.finished(device, 1, NOW + night * DAY) for device in range(5)))
        world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
        world.see(*(world.finished(device, 2, NOW + HOUR) for device in range(3)))
        world.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream("https://partner.example")))
        yield world


def _progress(world: World) -> Any:
    found = world.rotations.progress(world.rotations.all("main")[-1], world.later(hours=2))
    approved = replace(found.rotation, approvals=(Approval(1, "bert", NOW, "we looked"),))
    second = SecondPerson("it serves a new root at once", Count((), "one person"), False)
    return replace(found, rotation=approved, second=second, is_open_to_all=True)


FROM_STORE: dict[str, tuple[Any, Callable[[World], Any]]] = {
    "site": (SiteJson, lambda world: site_json(world.store.site("main"), None)),
    "release": (ReleaseJson, lambda world: release_json(world.store.release("main", 1))),
    "checked release": (
        CheckedReleaseJson,
        lambda world: checked_release_json(world.releases.check("main", 2, world.occasion)),
    ),
    "plan": (PlanJson, lambda world: plan_json(world.rotations.plan("main", frozenset(), world.occasion))),
    "rotation": (ProgressJson, lambda world: progress_json(_progress(world))),
    "audit entry": (AuditEntryJson, lambda world: entry_json(audit_entries(world.store)[-1])),
    "status": (
        StatusJson,
        lambda world: status_json(world.overview.look(world.later(hours=2)), NOW, {"main": (1, 0)}),
    ),
}


@pytest.mark.parametrize("name", FROM_STORE)
def test_what_the_store_has_keeps_to_its_shape(name: str, rotating: World) -> None:
    shape, made = FROM_STORE[name]
    judge(shape, made(rotating))


def test_the_status_has_all_that_it_can_have(rotating: World) -> None:
    """So that the judgement above is one of whole values."""
    (site,) = status_json(rotating.overview.look(rotating.later(hours=2)), NOW, {"main": (1, 0)})["sites"]
    assert site["rotation"] is not None
    assert site["rotation"]["adoption"] is not None
    assert site["anchors"] is not None
    assert site["certificates"]
