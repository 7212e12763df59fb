"""Reading the audit log, and finding out whether anybody has changed it."""

from collections.abc import Sequence

from engage_server.errors import UsageError
from engage_server.records import AuditEntry, AuditVerdict
from engage_server.store.interface import Store


class AuditLog:
    """The log of all that operators did.

    Args:
        store: Where it rests.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self, site: str | None = None) -> Sequence[AuditEntry]:
        """Oldest first; all, or those about one site."""
        return [entry for entry in self._store.audit_entries() if site is None or entry.event.site == site]

    def verify(self, expected: str | None = None) -> AuditVerdict:
        """Look whether each entry is as it was written and none is missing.

        Args:
            expected: ``NUMBER:HASH`` of an entry, as noted outside earlier: finds that an older database was put back.

        Raises:
            UsageError: ``expected`` has another form.
        """
        verdict = self._store.audit_verdict()
        if expected is None:
            return verdict
        number, colon, wanted = expected.partition(":")
        if not colon or not number.isdigit():
            raise UsageError(f"--expect {expected[:80]!r} is not NUMBER:HASH", "Give what an earlier verify printed.")
        found = next((e.hash for e in self._store.audit_entries() if e.number == int(number)), None)
        if found == wanted:
            return verdict
        what = "is another" if found else "is missing"
        fault = f"entry {number} {what} than was noted: the log was replaced, or an older database was brought back"
        return AuditVerdict(verdict.entries, verdict.head, (*verdict.faults, fault))
