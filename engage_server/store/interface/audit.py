"""The audit log: what operators did."""

from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEntry, AuditEvent, AuditHead, AuditVerdict


class AuditStore(Protocol):
    """The audit log: what operators did."""

    def record(self, event: AuditEvent) -> None:
        """Write an audit event that belongs to no other change."""

    def audit_entry(self, number: int) -> AuditEntry | None:
        """Return one entry, with the hash that chains it to the one before. None if there is none of this number."""

    def audit_newest_time(self) -> datetime | None:
        """Return the latest time of all entries. None for an empty log."""

    def audit_head(self) -> AuditHead:
        """Return the newest entry's number and hash."""

    def audit_verdict(self) -> AuditVerdict:
        """Whether every entry is as it was written, and none is missing.

        Raises:
            SealBroken: This process has no key-encryption key.
        """
