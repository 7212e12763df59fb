"""Approvals of a rotation's steps: recorded apart from the rotation, so that no gate's look can overwrite one."""

from dataclasses import replace

from engage_server.errors import Refused
from engage_server.records import Actor, ActorKind, Approval, AuditAction, Occasion
from engage_server.records.telling import Tell
from engage_server.services.access.approvals import Candidate, admit, assert_person, count, person_of
from engage_server.services.rotation.progress import RotationProgress
from engage_server.services.rotation.steps import RotationSteps


class ApprovalSteps(RotationSteps):
    """Records approvals, and asks for a second person."""

    def _record_approval(
        self, progress: RotationProgress, reason: str, occasion: Occasion, tell: Tell, candidate: Candidate | None
    ) -> None:
        rotation, second, decision = progress.rotation, progress.second, progress.decision
        candidate = candidate or _on_command_line(occasion)
        if second is None:
            assert_person(candidate.actor)
            name = candidate.actor.name
            approval, missing = Approval(rotation.step, person_of(name) or name, occasion.now, reason), ""
        else:
            tell(second.sentence)
            given = rotation.approvals_now
            approval = admit(candidate, rotation.started_by, given, occasion.now, reason, rotation.step)
            missing = count(rotation.started_by, [*given, approval]).missing
        said = {"gate": f"{decision.verdict}: {decision.why}"} if decision else {}
        action = AuditAction.ROTATION_APPROVED_ALONE if approval.is_alone else AuditAction.ROTATION_APPROVED
        event = replace(self._event(action, rotation, occasion, **said), actor=candidate.actor.name)
        self._store.add_approval(rotation, approval, event, clears_why=not missing)
        alone = " without a second person" if approval.is_alone else ""
        tell(f"approved by {candidate.actor.name}{alone}: {reason}")
        if missing:
            tell(f"not enough yet: {missing}")

    def _assert_may_keep(self, progress: RotationProgress, occasion: Occasion, *, may_approve: bool) -> None:
        """Refuse to end a rotation against its gate, which is to pass the gate by another door.

        Raises:
            Refused: It needs a second person, and this is none.
        """
        rotation, second = progress.rotation, progress.second
        if second is None or not second.is_against_gate:
            return
        own = [Approval(rotation.step, occasion.actor, occasion.now, occasion.reason)] if may_approve else []
        missing = count(rotation.started_by, [*rotation.approvals_now, *own]).missing
        if missing:
            raise Refused(
                f"to keep what is served now would pass the gate: {missing}",
                f"Let another person do it. Or go back: engage rotate abort --site {rotation.site}",
                code="approval.missing",
            )


def _on_command_line(occasion: Occasion) -> Candidate:
    return Candidate(Actor(occasion.actor, ActorKind.COMMAND_LINE))
