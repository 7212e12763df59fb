"""How far a rotation is, as operators see it."""

from dataclasses import dataclass, replace

from engage_server.records import Adoption, CutPath, Rotation
from engage_server.services.rotation.gate.decision import Decision
from engage_server.services.rotation.second_person import SecondPerson, needed, ruled


@dataclass(frozen=True, slots=True)
class RotationProgress:
    """How far a rotation is.

    Attributes:
        rotation: The rotation.
        adoption: How many devices came through with the release that it serves; None before the first release.
        decision: The gate's decision now; None if the rotation has ended.
        is_open_to_all: Whether the site has no device network. Then anyone who reaches the servers can call in the
            name of its devices.
        for_trials: Whether the site was made for trials. Its devices are then virtual locks.
        current: The release that the site serves today; None for none. After the rotation it may be another one.
        path: The path to the site, if it is or was cut. Also where all doors came through already.
        second: What the site's rule of two persons says about the next step. None if it needs no second person.
    """

    rotation: Rotation
    adoption: Adoption | None
    decision: Decision | None
    is_open_to_all: bool = False
    for_trials: bool = False
    current: int | None = None
    second: SecondPerson | None = None
    path: CutPath | None = None

    @property
    def path_sentence(self) -> str:
        """That the path to the site is cut now, unless the gate's reason says it. "" if it is not."""
        path = self.path
        if path is None or path.cut.until is not None or (self.decision is not None and path.why in self.decision.why):
            return ""
        return f"the path to the site is cut since {path.cut.since:%Y-%m-%d %H:%M} UTC, {path.why}. {path.mend}"


def with_approvals(progress: RotationProgress, own: Decision, site_approvals: int) -> RotationProgress:
    """Add what the approvals of the present step make of the gate's decision.

    Args:
        progress: The rotation, with its approvals.
        own: The gate's decision without any approval.
        site_approvals: The rule of the site.
    """
    second = needed(progress.rotation, own, site_approvals)
    return replace(progress, decision=ruled(progress.rotation, own, second), second=second)
