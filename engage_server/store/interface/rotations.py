"""Rotations, and the step that each one is at."""

from collections.abc import Sequence
from typing import Protocol

from engage_server.records import Approval, AuditEvent, Rotation


class RotationStore(Protocol):
    """Rotations, and the step that each one is at."""

    def add_rotation(self, rotation: Rotation, event: AuditEvent) -> Rotation:
        """Add a new rotation, and give it its number, which is added to the facts of the event.

        Raises:
            NotFound: There is no such site.
            Conflict: The site has an open rotation.
        """

    def move_rotation(
        self,
        before: Rotation,
        after: Rotation,
        event: AuditEvent,
        *,
        activate: int | None = None,
        roll_back: int | None = None,
        as_looked: bool = False,
    ) -> Rotation:
        """Change a rotation and, in the same transaction, the current release of its site.

        Args:
            before: The rotation as it was when the decision was made.
            after: The rotation as it will be.
            event: The event for the audit log.
            activate: A release that becomes current, after the one that ``before`` serves.
            roll_back: A release that becomes current again.
            as_looked: Whether a gate decided, by what it saw when it looked last. A process that was frozen between its
                look and this call comes too late then, if any other one has looked since.

        Raises:
            Conflict: The rotation, its approvals or the site's current release has changed since.
        """

    def add_approval(self, rotation: Rotation, approval: Approval, event: AuditEvent, *, clears_why: bool) -> None:
        """Add an approval. It replaces the same person's earlier one of that step.

        Args:
            rotation: The rotation as it was when the person decided.
            approval: The approval, of the step that ``rotation`` is at.
            event: The event for the audit log.
            clears_why: Whether the reason of a pause is settled by it.

        Raises:
            Conflict: The rotation has been advanced since, or has ended. Its state may have changed.
        """

    def note_look(self, before: Rotation, after: Rotation) -> None:
        """Record when the gate last checked, its total soak time, and what it is unsure of. The audit log omits this.

        Args:
            before: The rotation as it was read.
            after: The rotation with this look.

        Raises:
            Conflict: The rotation was advanced meanwhile, or another process has looked since.
        """

    def rotations(self, site: str | None = None, *, only_open: bool = False) -> Sequence[Rotation]:
        """Return all rotations, or those of one site, oldest first."""

    def rotation(self, site: str, number: int) -> Rotation:
        """Return one rotation of a site.

        Raises:
            NotFound: There is no such site, or it has no such rotation.
        """
