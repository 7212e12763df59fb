"""What every part of a rotation needs: its end, its audit events, and what keeps a release from going live."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from engage_server.checks import Finding
from engage_server.errors import EngageError
from engage_server.records import AuditAction, AuditEvent, Occasion, Rotation, RotationState
from engage_server.services.releases.lifecycle import Releases
from engage_server.store.interface import EvidenceStore, ReleaseStore, RotationStore, SiteStore


class StepsStore(SiteStore, ReleaseStore, RotationStore, EvidenceStore, Protocol):
    """What of the store rotations need."""


class RotationSteps:
    """Ends rotations, and asks the checks.

    Args:
        store: Where rotations rest.
        releases: Stages and checks.
    """

    def __init__(self, store: StepsStore, releases: Releases) -> None:
        self._store = store
        self._releases = releases

    def _errors(self, site_name: str, number: int, occasion: Occasion, *, going_back: bool = False) -> str:
        """What keeps a release from going live now; "" when nothing does."""
        releases = self._releases
        check = releases.check_before_going_back if going_back else releases.check_before_serving
        try:
            errors = check(site_name, number, occasion).errors
        except EngageError as error:  # its key cannot be opened
            return error.sentence
        return in_one_line(errors)

    def _end(
        self, rotation: Rotation, state: RotationState, why: str, occasion: Occasion, *, go_back: bool
    ) -> Rotation:
        after = replace(rotation, state=state, ended_at=occasion.now, why=why)
        served = rotation.from_release if go_back else rotation.served
        event = replace(
            self._event(AuditAction.ROTATION_ENDED, rotation, occasion, why, state=state.value, release=str(served)),
            before={"state": rotation.state.value, "release": str(rotation.served)},
        )
        return self._store.move_rotation(rotation, after, event, roll_back=served if go_back else None)

    @staticmethod
    def _event(
        action: AuditAction, rotation: Rotation, occasion: Occasion, reason: str = "", **facts: str
    ) -> AuditEvent:
        number = {"rotation": str(rotation.number)} if rotation.number else {}
        return replace(occasion.event(action, rotation.site, **number, **facts), reason=reason)


def in_one_line(errors: Sequence[Finding]) -> str:
    """Code and sentence of each; "" for none."""
    return "; ".join(f"{finding.code}: {finding.sentence}" for finding in errors)
