"""Shared by all parts of a rotation: its end, its audit events, and the check for errors before a release goes live."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from engage_server.checks import Finding
from engage_server.errors import Conflict, EngageError
from engage_server.records import AuditAction, AuditEvent, Occasion, Rotation, RotationState
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.rotation.gate.soak import looked
from engage_server.store.interface import EvidenceStore, PageStore, PathStore, ReleaseStore, RotationStore, SiteStore

ATTEMPTS = 3  # while others look at the same rotation


class StepsStore(SiteStore, ReleaseStore, RotationStore, EvidenceStore, PathStore, PageStore, Protocol):
    """The part of the store that rotations need."""


class RotationSteps:
    """Ends rotations, and runs the checks.

    Args:
        store: Holds the rotations.
        releases: Stages and checks releases.
    """

    def __init__(self, store: StepsStore, releases: Releases) -> None:
        self._store = store
        self._releases = releases

    def _errors(self, site_name: str, number: int, occasion: Occasion, *, going_back: bool = False) -> str:
        """The errors that keep a release from going live now; "" if there are none."""
        releases = self._releases
        check = releases.check_before_going_back if going_back else releases.check_before_serving
        try:
            errors = check(site_name, number, occasion).errors
        except EngageError as error:  # its key cannot be opened
            return error.sentence
        return in_one_line(errors)

    def _looked(self, rotation: Rotation, occasion: Occasion) -> Rotation | None:
        """Record this look at the rotation. Looks add up to the soak time. None: nothing is open any more.

        Raises:
            Conflict: Others look again and again at this moment, or have advanced it.
        """
        read: Rotation | None = rotation
        for attempt in range(ATTEMPTS):
            if read is None or read.state is RotationState.PREPARING:
                return None
            after = looked(read, occasion) if read.step else read
            try:
                if after != read:
                    self._store.note_look(read, after)
                return after
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
                read = next(iter(self._store.rotations(rotation.site, only_open=True)), None)
        return None

    def _end(
        self, rotation: Rotation, state: RotationState, why: str, occasion: Occasion, *, go_back: bool
    ) -> Rotation:
        """End a rotation. The reason of the entry is the operator's; without one, it is why the rotation ended."""
        after = replace(rotation, state=state, ended_at=occasion.now, why=why)
        served = rotation.from_release if go_back else rotation.served
        facts = {"state": state.value, "release": str(served)}
        if occasion.reason not in ("", why):
            facts["why"] = why
        told = replace(occasion, reason=occasion.reason or why)
        event = replace(
            self._event(AuditAction.ROTATION_ENDED, rotation, told, **facts),
            before={"state": rotation.state.value, "release": str(rotation.served)},
        )
        by_gate = state is not RotationState.ABORTED  # a person may abort whatever the gate has seen since
        roll_back = served if go_back else None
        return self._store.move_rotation(rotation, after, event, roll_back=roll_back, as_looked=by_gate)

    @staticmethod
    def _event(action: AuditAction, rotation: Rotation, occasion: Occasion, **facts: str) -> AuditEvent:
        number = {"rotation": str(rotation.number)} if rotation.number else {}
        return occasion.event(action, rotation.site, **number, **facts)


def in_one_line(errors: Sequence[Finding]) -> str:
    """The code and sentence of each finding; "" if there are none."""
    return "; ".join(f"{finding.code}: {finding.sentence}" for finding in errors)


def has_ended(rotation: Rotation) -> Conflict:
    """The refusal of an act on a rotation that is over."""
    why = f": {rotation.why}" if rotation.why else ""
    return Conflict(
        f"rotation {rotation.number} of {rotation.site!r} has ended{why}",
        f"See what is possible: engage rotate plan --site {rotation.site}",
        code="rotation.ended",
    )
