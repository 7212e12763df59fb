"""Which steps of a rotation can cut devices off, and what a site's rule of two persons makes of that. Pure.

A step can cut devices off in three cases:

1. It serves a new root at once: the one step of a cut-over.
2. It drops the link to the old root: the last step of a linked re-key.
3. The gate does not allow it by itself: devices are lost, missing or in doubt, or the time is not over.

All other steps serve a chain that devices with the old anchor accept, after the gate has counted them. The release from
before is served again, by a person or by itself, without any approval.
"""

from dataclasses import dataclass

from engage_server.records import Rotation, RotationWay
from engage_server.services.access.approvals import Count, count
from engage_server.services.rotation.gate.decision import Decision, Verdict

_APPROVED = "an operator approved it"


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """A step that needs a second person.

    Attributes:
        why: Why it can cut devices off, as a clause.
        count: How far its approvals are.
        is_against_gate: Whether the gate does not allow it by itself.
    """

    why: str
    count: Count
    is_against_gate: bool

    @property
    def sentence(self) -> str:
        """Why, and who may still approve it."""
        if self.count.missing:
            return f"this step can cut devices off: {self.why}; {self.count.missing}"
        return f"this step can cut devices off: {self.why}; it is approved"


def needed(rotation: Rotation, own: Decision, site_approvals: int) -> SecondPerson | None:
    """Whether the next step needs a second person.

    Args:
        rotation: The rotation, with its approvals.
        own: The gate's decision without any approval.
        site_approvals: The rule of the site.
    """
    why = _of_way(rotation) or _of_gate(own)
    if not site_approvals or not why:
        return None
    return SecondPerson(why, count(rotation.started_by, rotation.approvals_now), not own.is_content)


def ruled(rotation: Rotation, own: Decision, second: SecondPerson | None) -> Decision:
    """The decision with the approvals of the present step.

    Args:
        rotation: The rotation, with its approvals.
        own: The gate's decision without any approval.
        second: What :func:`needed` says.
    """
    if second is None:
        return Decision(Verdict.GO_ON, _APPROVED) if rotation.approved else own
    if second.count.is_enough:
        is_alone = any(each.is_alone for each in rotation.approvals_now)
        how = "without a second person" if is_alone else f"by {' and '.join(second.count.persons)}"
        return Decision(Verdict.GO_ON, f"{_APPROVED}, {how}")
    if own.is_content:
        return Decision(Verdict.ASK, second.sentence)
    return own


def _of_way(rotation: Rotation) -> str:
    if rotation.next_release is None:
        return ""
    if rotation.way is RotationWay.CUT_OVER:
        return "it serves a new root at once"
    if rotation.way is RotationWay.LINKED_REKEY and rotation.step and rotation.step + 1 == len(rotation.releases):
        return "it drops the link to the old root"
    return ""


def _of_gate(own: Decision) -> str:
    return "" if own.is_content else "the gate does not allow it by itself"
