"""Reads what the gate judges by, and lets it judge the release that a rotation serves now. Changes nothing."""

from collections.abc import Sequence
from datetime import datetime

from engage_server.records import Adoption, CutPath, RequiredEvidence, Rotation
from engage_server.services.rotation.gate.decision import Decision, Verdict
from engage_server.services.rotation.gate.patience import decide_with_path
from engage_server.services.rotation.steps import StepsStore


def judge(
    store: StepsStore,
    gaps: Sequence[str],
    rotation: Rotation,
    evidence: RequiredEvidence,
    path: CutPath | None,
    now: datetime,
) -> tuple[Adoption, Decision]:
    """How far the devices are, and what the gate decides without any approval.

    While evidence is missing it neither goes back nor asks: devices may have come.

    Args:
        store: Holds the evidence.
        gaps: Why evidence may be missing, one sentence each.
        rotation: A running rotation, with at least one of its releases activated.
        evidence: What counts at its site.
        path: The path to the site. None: it was never cut.
        now: The time, timezone-aware.
    """
    adoption = store.adoption(
        rotation.site,
        rotation.served,
        rotation.step_at,
        now,
        evidence=evidence,
        only_listed=rotation.policy.only_listed,
        path=path,
    )
    decision = decide_with_path(rotation, adoption, path, now)
    if gaps and decision.verdict in (Verdict.ROLL_BACK, Verdict.ASK):
        why = f"the evidence is incomplete: {'; '.join(gaps)}"
        decision = Decision(Verdict.WAIT, why, is_put_off=decision.is_put_off)
    return adoption, decision
