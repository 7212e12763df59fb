"""Reads the audit log, and finds out whether anybody has changed it."""

import hmac
import re
from collections.abc import Sequence

from engage_server.errors import UsageError
from engage_server.records import AuditEntry, AuditHead, AuditVerdict
from engage_server.store.interface import AuditStore

_AS_TOLD = "audit log: entry"
_LEAST_DIGITS = 16  # as many digits as the metric has
_HASH = re.compile(rf"[0-9a-f]{{{_LEAST_DIGITS},64}}")


def as_told(head: AuditHead) -> str:
    """The line that is written to a log outside with each entry, where no database administrator can change it."""
    return f"{_AS_TOLD} {head}"


class AuditLog:
    """The log of everything that operators did.

    Args:
        store: Holds the log.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    def entries(self, site: str | None = None) -> Sequence[AuditEntry]:
        """The entries, oldest first: all, or those about one site."""
        return [entry for entry in self._store.audit_entries() if site is None or entry.event.site == site]

    def verify(self, expected: str | None = None) -> AuditVerdict:
        """Check that each entry is as it was written, and that none is missing.

        Args:
            expected: ``NUMBER:HASH`` of an entry, as recorded outside earlier, or the whole line of :func:`as_told`.
                Only this reveals that an older database was put back.

        Raises:
            UsageError: ``expected`` has another form.
        """
        verdict = self._store.audit_verdict()
        if expected is None:
            return verdict
        number, wanted = _read(expected)
        found = next((e.hash for e in self._store.audit_entries() if e.number == number), None)
        if found is not None and hmac.compare_digest(found[: len(wanted)].encode(), wanted.encode()):
            return verdict
        what = "is not the one that you recorded" if found else "is missing, but you recorded it"
        fault = f"entry {number} {what}: the log was replaced, or an older database was put back"
        return AuditVerdict(verdict.entries, verdict.head, (*verdict.faults, fault))


def _read(expected: str) -> tuple[int, str]:
    number, _, wanted = expected.strip().removeprefix(_AS_TOLD).strip().lower().partition(":")
    if not number.isdecimal() or not _HASH.fullmatch(wanted):
        raise UsageError(
            f"--expect {expected[:80]!r} is not NUMBER:HASH",
            f"Give what a command printed with the entry ({_AS_TOLD} NUMBER:HASH), or what an earlier verify "
            f"printed. {_LEAST_DIGITS} digits of the hash are enough.",
        )
    return int(number), wanted
