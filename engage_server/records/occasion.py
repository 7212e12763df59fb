"""Who acts, when, and why."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

from engage_server.errors import UsageError
from engage_server.records.audit import ActTerms, AuditAction, AuditEvent

LONGEST_REASON = 1000
_UNPRINTABLE = ("Cc", "Cf", "Cs")  # control characters, those that nobody sees, and bytes that were no UTF-8
_ACCESS_TOKEN = re.compile(r"engage_[0-9a-f]{12}_[0-9a-f]{16}", re.ASCII)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_SIGN_IN_LINK = re.compile(r"/sign-in/[\w-]{16}", re.ASCII)


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

    def because(self, reason: str) -> "Occasion":
        """The same occasion with a reason. An empty one takes no reason away that is there already.

        Raises:
            UsageError: The audit log cannot keep the reason. See :func:`read_reason`.
        """
        return replace(self, reason=read_reason(reason) or self.reason)


def read_reason(text: str) -> str:
    """Read the reason for an act as the audit log keeps it: on one line.

    Raises:
        UsageError: It is too long, has control characters, or holds an access token, a private key or a sign-in link.
    """
    reason = " ".join(text.split())
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"the reason has {len(reason)} characters, and {LONGEST_REASON} are the most",
            "Write less, or name a ticket that says more.",
            code="reason.too_long",
        )
    if any(unicodedata.category(each) in _UNPRINTABLE for each in reason):
        raise UsageError(
            "the reason has a control character, or one that nobody sees",
            "Leave it out.",
            code="reason.control_character",
        )
    if _ACCESS_TOKEN.search(reason):
        raise UsageError(
            "the reason holds an access token, and everybody may read the audit log",
            "Name the token instead, and replace this one: engage token revoke NAME",
            code="reason.token",
        )
    for secret, what in ((_PRIVATE_KEY, "a private key"), (_SIGN_IN_LINK, "a sign-in link")):
        if secret.search(reason):
            raise UsageError(
                f"the reason holds {what}, and everybody may read the audit log",
                "Leave it out, and replace it: somebody else may have seen it.",
                code="reason.secret",
            )
    return reason
