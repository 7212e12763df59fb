"""The rotation of a site: the ways there are if none is open, and where it stands if one is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engage_server.errors import Refused
from engage_server.records import GatePolicy, Rotation, RotationWay
from engage_server.services.access.approvals import Candidate, admit
from engage_server.services.access.permissions import Act
from engage_server.services.installation.recent_sites import SiteFigures
from engage_server.services.rotation.adoption_nights import AdoptionByNight
from engage_server.services.rotation.gate.words import suspect_kinds
from engage_server.services.rotation.planning import words
from engage_server.services.rotation.planning.plan import RotationPlan
from engage_server.services.rotation.progress import RotationProgress
from engage_server.services.rotation.views.stages import stages_of
from engage_server.web.console.page import Page
from engage_server.web.console.pages.of_site.rotation_acts import FORMS
from engage_server.web.console.pictures import adoption_by_night, chain_bytes
from engage_server.web.console.visit import Visit

_PAST = 20


def show(visit: Visit) -> Mapping[str, Any]:
    """The open rotation, or the plan. Then the past ones."""
    site = visit.site.name
    going_on = visit.services.rotations.open_rotation(site)
    if going_on is not None:
        found = _going_on(visit, going_on)
    elif site in visit.services.current_releases():
        found = _planned(visit)
    else:
        found = {"is_refreshed": False}
    page = visit.services.rotations.page(site, visit.query.get("cursor"), visit.at_most(_PAST))
    return {**found, "past": [each for each in page.items if not each.state.is_open], "cursor": page.next}


# --- no rotation is open


def _planned(visit: Visit) -> Mapping[str, Any]:
    figures = visit.services.recent_sites.look_at(visit.site.name, visit.occasion)
    plan, authority = visit.services.site_rotations.plan(visit.site.name, visit.occasion, figures.status.pace)
    chosen = plan.way(_chosen(visit, plan))
    return {
        "is_refreshed": False,  # nothing changes by itself, and a form is filled in here
        "plan": plan,
        "words": words,
        "chosen": chosen,
        "chains": [(each, chain_bytes.picture(_bytes(each.budget), f"bytes-{each.title}")) for each in chosen.chains],
        "startable": [each.way for each in plan.ways if not each.impossible and each.key_is_at_hand],
        "locked": len(authority.locked),
        "new_root": visit.services.held_anchors.of_new_root(visit.site.name, visit.now),
        "usual": GatePolicy(),
    }


def _chosen(visit: Visit, plan: RotationPlan) -> RotationWay:
    """The way that was asked for, else the recommended one, else the safest one."""
    asked = visit.typed("way", visit.query.get("way", ""))
    possible = [each.way for each in plan.ways if not each.impossible]
    named = [each.way for each in plan.ways if each.way.value == asked]
    return next(iter(named), plan.recommended or next(iter(possible), RotationWay.SERVER_RENEWAL))


def _bytes(budget: Any) -> chain_bytes.ChainBytes:
    parts = tuple(chain_bytes.Part(row.role, row.name, row.der_bytes) for row in budget.rows)
    return chain_bytes.ChainBytes(parts, budget.limit, budget.link_certificate_bytes)


# --- one is open


def _going_on(visit: Visit, rotation: Rotation) -> Mapping[str, Any]:
    figures = visit.services.recent_sites.look_at(rotation.site, visit.occasion)
    progress, nights = _counted(visit, figures, rotation)
    reception, following = visit.services.held_anchors.reception, rotation.next_release
    site, now = rotation.site, visit.now
    return {
        "counted_at": figures.counted_at,
        "by_night": nights,
        "nights": adoption_by_night.picture(nights) if nights else None,
        "progress": progress,
        "rotation": rotation,
        "stages": stages_of(rotation),
        "kinds": suspect_kinds(progress.adoption) if progress.adoption else [],
        "next_reception": reception(site, following, now) if following is not None else None,
        "back_reception": reception(site, rotation.from_release, now) if rotation.step else None,
        "why_not_approve": why_not_approve(visit, progress),
        "advice": visit.services.held_anchors.advice(site, now),
        "gate_seconds": visit.services.gate_seconds,
    }


def _counted(visit: Visit, figures: SiteFigures, rotation: Rotation) -> tuple[RotationProgress, AdoptionByNight | None]:
    """Where it stands. A site of a million doors is not counted for each look, but for each change of the rotation."""
    kept = figures.status.rotation
    is_known = kept is not None and _standing(kept.rotation) == _standing(rotation)
    if kept is not None and is_known and figures.status.site == visit.site:
        return replace(kept, rotation=rotation), figures.adoption if rotation.step else None
    nights = visit.services.adoption_nights.of_site(rotation.site, visit.now) if rotation.step else None
    return visit.services.rotations.progress(rotation, visit.occasion), nights


def _standing(rotation: Rotation) -> tuple[object, ...]:
    """What the page says of it, without what each look of the gate adds."""
    return rotation.number, rotation.state, rotation.step, rotation.why, rotation.approvals, rotation.unsure_until


def why_not_approve(visit: Visit, progress: RotationProgress) -> str:
    """Why the visitor would be no second person. "" if none is needed, or if they would."""
    if progress.second is None or not visit.may(Act.ROTATION_APPROVE):
        return ""
    rotation = progress.rotation
    try:
        admit(Candidate(visit.actor), rotation.started_by, rotation.approvals_now, visit.now, "", rotation.step)
    except Refused as refusal:
        return refusal.sentence
    return ""


PAGES = (
    Page(
        "rotation",
        "/sites/{site}/rotation",
        "Rotation",
        Act.ROTATION_SEE,
        show,
        forms=FORMS,
        is_refreshed=True,
    ),
)
