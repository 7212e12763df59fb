"""Who acts, and when."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records.audit import ActTerms, AuditAction, AuditEvent


@dataclass(frozen=True, slots=True)
class BootClock:
    """The clock of a machine that nobody can set. It reveals that the wall clock was set meanwhile.

    Attributes:
        boot: Which boot of which machine; "" if the system does not say.
        seconds: Since that boot, including time asleep.
    """

    boot: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who acts, when, and why.

    Attributes:
        actor: The operator, as the operating system knows them.
        now: By the wall clock; aware, UTC.
        clock: The machine's own clock at that time. None for simulated time, whose wall clock is always right.
        reason: Why, in the operator's words; "" if they gave none.
        terms: What must hold in the transaction of the act. None: nothing else.
    """

    actor: str
    now: datetime
    clock: BootClock | None = None
    reason: str = ""
    terms: ActTerms | None = None

    def event(self, action: AuditAction, site: str = "", **facts: str) -> AuditEvent:
        """Build the audit event of this occasion. Facts must never hold a secret."""
        terms = self.terms if self.terms is not None and self.terms.action is action else None
        return AuditEvent(self.now, self.actor, action, site, facts, reason=self.reason, terms=terms)
