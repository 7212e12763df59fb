"""Rotations: plans, where each rotation stands, and how far its devices are."""

from typing import Any

from engage_server.as_json.releases import budget_json
from engage_server.records import Adoption, Approval, SuspectDevice
from engage_server.services.releases.expiry import Expiry
from engage_server.services.releases.retirement import RetirementAdvice
from engage_server.services.rotation.plan import RotationPlan, WayPlan
from engage_server.services.rotation.progress import RotationProgress
from engage_server.services.rotation.proof import ProvenChain


def no_network_warning(site: str, program: str = "engage") -> dict[str, str]:
    """What it means that a site answers devices from anywhere, and what to do."""
    return {
        "code": "site.no_network",
        "sentence": f"site {site} answers devices from anywhere. Anyone who reaches this host can pose as its devices "
        "and make its rotations pause",
        "next": f"{program} site change {site} --device-network CIDR",
    }


def plan_json(plan: RotationPlan) -> dict[str, Any]:
    """A plan."""
    situation = plan.situation
    return {
        "site": situation.site,
        "release": situation.release,
        "pace": {
            "days": situation.pace.time.days,
            "basis": situation.pace.basis,
            "measured": situation.pace.is_measured,
        },
        "today": budget_json(plan.today),
        "certificates": [_expiry_json(each, plan) for each in plan.expiries],
        "hosts_unanswered": [host.text for host in situation.unanswered],
        "recommended": plan.recommended.value if plan.recommended else None,
        "ways": [_way_json(way) for way in plan.ways],
    }


def _expiry_json(expiry: Expiry, plan: RotationPlan) -> dict[str, Any]:
    return {
        "role": expiry.role,
        "not_after": expiry.not_after.isoformat(),
        "days_left": round(expiry.days_left(plan.situation.now), 1),
        "last_safe_start": expiry.last_safe_start(plan.situation.pace).isoformat(),
        "due": expiry in plan.due,
    }


def _way_json(way: WayPlan) -> dict[str, Any]:
    return {
        "way": way.way.value,
        "possible": not way.impossible,
        "why_not": way.impossible,
        "needed_key": way.needed_key,
        "key_is_at_hand": way.key_is_at_hand,
        "chains": [_chain_json(chain) for chain in way.chains],
        "steps": list(way.steps),
        "not_known": list(way.unknown),
    }


def _chain_json(chain: ProvenChain) -> dict[str, Any]:
    return {
        "title": chain.title,
        "budget": budget_json(chain.budget),
        "old_anchor": {
            "accepts": not chain.old_refuses,
            "why_not": chain.old_refuses,
            "until": chain.old_until.isoformat() if chain.old_until else None,
        },
        "new_anchor": {"accepts": not chain.new_refuses, "why_not": chain.new_refuses},
        "changes_anchor": chain.changes_anchor,
    }


def progress_json(
    progress: RotationProgress, program: str = "engage", advice: RetirementAdvice | None = None
) -> dict[str, Any]:
    """Where a rotation stands.

    Args:
        progress: The rotation, its devices and its gate.
        program: How the reader calls the commands that warnings name.
        advice: Whether former releases can be retired; None if there are none.
    """
    rotation, adoption, decision = progress.rotation, progress.adoption, progress.decision
    return {
        "rotation": rotation.number,
        "number": rotation.number,
        "site": rotation.site,
        "for_trials": progress.for_trials,
        "current_release": progress.current,
        "way": rotation.way.value,
        "state": rotation.state.value,
        "from_release": rotation.from_release,
        "releases": list(rotation.releases),
        "step": rotation.step,
        "served": rotation.served,
        "folder": rotation.folder,
        "after": list(rotation.after),
        "started_at": rotation.started_at.isoformat(),
        "started_by": rotation.started_by,
        "ended_at": rotation.ended_at.isoformat() if rotation.ended_at else None,
        "why": rotation.why,
        "approved": rotation.approved,
        "approvals": [_approval_json(each) for each in rotation.approvals],
        "second_person": {"why": progress.second.why, "missing": progress.second.count.missing}
        if progress.second
        else None,
        "soaked_hours": round(rotation.soaked_seconds / 3600, 2),
        "unsure_until": rotation.unsure_until.isoformat() if rotation.unsure_until else None,
        "unsure_why": rotation.unsure_why,
        "only_listed": rotation.policy.only_listed,
        "warnings": [no_network_warning(rotation.site, program)] if progress.is_open_to_all else [],
        "adoption": adoption_json(adoption) if adoption else None,
        "gate": {"verdict": decision.verdict.value, "why": decision.why} if decision else None,
        "retirement": retirement_json(advice) if advice else None,
    }


def _approval_json(approval: Approval) -> dict[str, Any]:
    return {
        "step": approval.step,
        "person": approval.person,
        "at": approval.at.isoformat(),
        "reason": approval.reason,
        "alone": approval.is_alone,
    }


def retirement_json(advice: RetirementAdvice) -> dict[str, Any]:
    """Whether releases can be retired."""
    return {"releases": list(advice.releases), "safe": advice.is_safe, "sentence": advice.sentence}


def adoption_json(adoption: Adoption) -> dict[str, Any]:
    """How far the devices are."""
    return {
        "devices": adoption.devices,
        "confirmed": adoption.confirmed,
        "waiting": adoption.waiting,
        "refused": adoption.refused,
        "silent": adoption.silent,
        "moved": adoption.moved,
        "doubtful": {doubt.value: count for doubt, count in adoption.doubtful.items()},
        "new": adoption.new,
        "elsewhere": adoption.elsewhere,
        "strangers": adoption.strangers,
        "crowds": [{"address": crowd.address, "devices": crowd.devices} for crowd in adoption.crowds],
        "examples": {kind: [_example_json(each) for each in found] for kind, found in adoption.examples.items()},
    }


def _example_json(device: SuspectDevice) -> dict[str, str]:
    return {"identity": device.identity, "home": device.home, "away": device.away}
