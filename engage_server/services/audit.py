"""Who did what, as the services note it."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records import AuditAction, AuditEvent


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who acts, and when.

    Attributes:
        actor: The operator, as the operating system knows them.
        now: Aware, UTC.
    """

    actor: str
    now: datetime

    def event(self, action: AuditAction, site: str = "", **facts: str) -> AuditEvent:
        """The audit event of this occasion. Facts must never hold a secret."""
        return AuditEvent(self.now, self.actor, action, site, facts)
