"""Rotations, and how far each one is."""

from collections.abc import Sequence
from typing import Protocol

from engage_server.records import AuditEvent, Rotation


class RotationStore(Protocol):
    """Rotations, and how far each one is."""

    def add_rotation(self, rotation: Rotation, event: AuditEvent) -> Rotation:
        """Keep a new one, whose number is given here.

        Raises:
            NotFound: There is no such site.
            Conflict: One of the site is going on.
        """

    def move_rotation(
        self,
        before: Rotation,
        after: Rotation,
        event: AuditEvent,
        *,
        activate: int | None = None,
        roll_back: int | None = None,
    ) -> Rotation:
        """Change a rotation and, in the same transaction, the current release of its site.

        Args:
            before: As it was when the decision was made.
            after: As it shall be.
            event: What the audit log shall say.
            activate: A release that becomes current, after the one that ``before`` serves.
            roll_back: One that becomes current again.

        Raises:
            Conflict: The rotation, or the site's current release, is not as it was.
        """

    def note_look(self, rotation: Rotation) -> None:
        """Keep when the gate looked last, what its looks add up to, and what it is unsure of. Stands in no audit log.

        Raises:
            Conflict: Somebody has moved it on meanwhile.
        """

    def rotations(self, site: str | None = None, *, only_open: bool = False) -> Sequence[Rotation]:
        """All rotations, or those of one site, oldest first."""
