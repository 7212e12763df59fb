"""Rotations: where each one stands, and what its gate says. Plans have a module beside this one."""

from engage_server.as_json.adoption import AdoptionJson, AdoptionNightsJson, adoption_json, adoption_nights_json
from engage_server.as_json.formats import Instant, Shape
from engage_server.records import Approval, Rotation, RotationState, RotationWay
from engage_server.services.releases.retirement import RetirementAdvice
from engage_server.services.rotation.adoption_nights import AdoptionByNight
from engage_server.services.rotation.gate.decision import Verdict
from engage_server.services.rotation.progress import RotationProgress


class WarningJson(Shape):
    """Something that an operator should know, and what to do about it."""

    code: str
    """Stable, for scripts."""
    sentence: str
    """What it is."""
    next: str
    """The command that fixes it."""


class ApprovalJson(Shape):
    """One person's approval of one step."""

    step: int
    """How many releases of the rotation were activated when it was given. It allows the next step only."""
    person: str
    """Who approved, as the audit log names them."""
    at: Instant
    """When it was given."""
    reason: str
    """Why, in their words."""
    alone: bool
    """Whether a second person was needed, and this one went on without."""


class SecondPersonJson(Shape):
    """What the site's rule of two persons says about the next step."""

    why: str
    """Why the step can cut devices off."""
    missing: str
    """Who still has to approve it, in words. Empty if nobody has to."""


class GateJson(Shape):
    """What the gate decides now. It may decide differently a minute later."""

    verdict: Verdict
    """``ask``: the rotation pauses until a person approves or aborts it."""
    why: str
    """Why, in words."""


class RetirementJson(Shape):
    """Whether former releases can be retired."""

    releases: list[int]
    """Their numbers."""
    safe: bool
    """Whether retiring them is safe: no device needs them any more."""
    sentence: str
    """Why, in words."""


class RotationJson(Shape):
    """One rotation, without its devices."""

    rotation: int
    """Its number, unique in the installation."""
    number: int
    """The same as ``rotation``."""
    site: str
    """The name of the site."""
    way: RotationWay
    """How its releases follow the one before."""
    state: RotationState
    """``waiting``: for earlier sites. ``held``: a person has to decide. ``rolled-back``: by itself."""
    from_release: int
    """The release that was current when it began. An abort serves it again."""
    releases: list[int]
    """Its releases, in the order in which they are served. Empty while they are being built."""
    step: int
    """How many of its releases were activated."""
    served: int
    """The release of the rotation that was activated last, or the one that it began with."""
    folder: str
    """Where its chains were built, on the host that built them. Empty if they were sent to the API."""
    after: list[str]
    """Sites whose rotations must be done before this one begins."""
    started_at: Instant
    """When it was started."""
    started_by: str
    """Who started it, as the audit log names them."""
    ended_at: Instant | None
    """When it ended. Null: it is still open."""
    why: str
    """Why it is paused or has ended. Empty otherwise."""
    approved: bool
    """Whether anybody approved the next step. The rule of two persons may still ask for another."""
    approvals: list[ApprovalJson]
    """All approvals, of earlier steps too, oldest first."""
    soaked_hours: float
    """For how many hours the present release has been served and watched."""
    unsure_until: Instant | None
    """A clock was set, so nothing is judged until then. Null: no clock was set."""
    unsure_why: str
    """Which clock, in words. Empty if none was set."""
    postponed_since: Instant | None
    """Since when the gate puts off a decision because the path to the site is or was cut. Null: it puts off none."""
    only_listed: bool
    """Whether only devices on the site's list count."""


class ProgressJson(RotationJson):
    """Where a rotation stands."""

    for_trials: bool
    """Whether the site was made for trials. Its devices are then virtual locks."""
    current_release: int | None
    """The release that the site serves today. After a rotation it may be another one than ``served``."""
    second_person: SecondPersonJson | None
    """Null: the next step needs no second person."""
    warnings: list[WarningJson]
    """What makes this rotation less certain."""
    adoption: AdoptionJson | None
    """How far its devices are. Null before its first release is served."""
    gate: GateJson | None
    """What the gate decides now. Null: the rotation has ended."""
    retirement: RetirementJson | None
    """Whether former releases can be retired. Null: there are none, or it was not asked."""


class ProgressByNightJson(ProgressJson):
    """Where a rotation stands, with its nights."""

    nights: AdoptionNightsJson | None
    """Night by night. Null: the site serves nothing."""


def no_network_warning(site: str, program: str = "engage") -> WarningJson:
    """What it means that a site answers devices from anywhere, and what to do."""
    return {
        "code": "site.no_network",
        "sentence": f"site {site} answers devices from anywhere. Anyone who reaches this host can pose as its devices "
        "and make its rotations pause",
        "next": f"{program} site change {site} --device-network CIDR",
    }


def progress_json(
    progress: RotationProgress, program: str = "engage", advice: RetirementAdvice | None = None
) -> ProgressJson:
    """Where a rotation stands.

    Args:
        progress: The rotation, its devices and its gate.
        program: How the reader calls the commands that warnings name.
        advice: Whether former releases can be retired; None if there are none.
    """
    rotation, adoption, decision, second = progress.rotation, progress.adoption, progress.decision, progress.second
    return {
        **rotation_json(rotation),
        "for_trials": progress.for_trials,
        "current_release": progress.current,
        "second_person": {"why": second.why, "missing": second.count.missing} if second else None,
        "warnings": [no_network_warning(rotation.site, program)] if progress.is_open_to_all else [],
        "adoption": adoption_json(adoption) if adoption else None,
        "gate": {"verdict": decision.verdict, "why": decision.why} if decision else None,
        "retirement": retirement_json(advice) if advice else None,
    }


def progress_by_night_json(progress: ProgressJson, nights: AdoptionByNight | None) -> ProgressByNightJson:
    """Where a rotation stands, with the nights of its site."""
    return {**progress, "nights": adoption_nights_json(nights) if nights else None}


def rotation_json(rotation: Rotation) -> RotationJson:
    """One rotation, without its devices."""
    return {
        "rotation": rotation.number,
        "number": rotation.number,
        "site": rotation.site,
        "way": rotation.way,
        "state": rotation.state,
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
        "soaked_hours": round(rotation.soaked_seconds / 3600, 2),
        "unsure_until": rotation.unsure_until.isoformat() if rotation.unsure_until else None,
        "unsure_why": rotation.unsure_why,
        "postponed_since": rotation.postponed_since.isoformat() if rotation.postponed_since else None,
        "only_listed": rotation.policy.only_listed,
    }


def _approval_json(approval: Approval) -> ApprovalJson:
    return {
        "step": approval.step,
        "person": approval.person,
        "at": approval.at.isoformat(),
        "reason": approval.reason,
        "alone": approval.is_alone,
    }


def retirement_json(advice: RetirementAdvice) -> RetirementJson:
    """Whether releases can be retired."""
    return {"releases": list(advice.releases), "safe": advice.is_safe, "sentence": advice.sentence}
