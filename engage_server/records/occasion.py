"""Who acts, and when."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records.audit import AuditAction, AuditEvent


@dataclass(frozen=True, slots=True)
class BootClock:
    """The clock of a machine that nobody can set: it shows what the wall clock was set to meanwhile.

    Attributes:
        boot: Which boot of which machine; "" where the system does not tell.
        seconds: Since that boot, times asleep included.
    """

    boot: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who acts, and when.

    Attributes:
        actor: The operator, as the operating system knows them.
        now: By the wall clock; aware, UTC.
        clock: What the machine's own clock said then; None for simulated time, whose wall clock is always right.
    """

    actor: str
    now: datetime
    clock: BootClock | None = None

    def event(self, action: AuditAction, site: str = "", **facts: str) -> AuditEvent:
        """The audit event of this occasion. Facts must never hold a secret."""
        return AuditEvent(self.now, self.actor, action, site, facts)
