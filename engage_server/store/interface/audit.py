"""The audit log: what operators did."""

from collections.abc import Sequence
from typing import Protocol

from engage_server.records import AuditEntry, AuditEvent, AuditHead, AuditVerdict


class AuditStore(Protocol):
    """The audit log: what operators did."""

    def record(self, event: AuditEvent) -> None:
        """Write an audit event that belongs to no other change."""

    def audit_entries(self) -> Sequence[AuditEntry]:
        """Return the whole log, oldest first. Each event has its number, and the hash that chains it to the last."""

    def audit_head(self) -> AuditHead:
        """Return the newest entry's number and hash."""

    def audit_verdict(self) -> AuditVerdict:
        """Whether every entry is as it was written, and none is missing.

        Raises:
            SealBroken: This process has no key-encryption key.
        """
