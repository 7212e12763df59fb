"""What was found, ready to be written in any form."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.encodings import der


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """One certificate of a path.

    Attributes:
        role: ``root``, ``intermediate`` or ``server``.
        name: The common name.
        der_bytes: Its size.
        not_after: Its last second, aware UTC.
    """

    role: str
    name: str
    der_bytes: int
    not_after: datetime


@dataclass(frozen=True, slots=True)
class TargetResult:
    """What was found in one target.

    Attributes:
        target: Its name.
        certificates: The path from the root down; empty when the target could not be read.
        findings: The worst first.
        could_not_be_read: Whether a file or the network was in the way, which is no verdict on the chain.
    """

    target: str
    certificates: tuple[CheckedCertificate, ...]
    findings: tuple[Finding, ...]
    could_not_be_read: bool = False

    @property
    def total(self) -> int:
        """Bytes of DER, the root counted."""
        return sum(certificate.der_bytes for certificate in self.certificates)

    def count(self, severity: Severity) -> int:
        """How many findings of this severity there are."""
        return sum(finding.severity is severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """All that one call of the check found.

    Attributes:
        at: The time at which validity was judged.
        profile: The profile's name.
        limit: The profile's room for a chain, in bytes of DER.
        results: In the order of the targets.
    """

    at: datetime
    profile: str
    limit: int
    results: tuple[TargetResult, ...]

    def totals(self) -> dict[str, int]:
        """How many findings of each severity there are in all."""
        counted = Counter(finding.severity for result in self.results for finding in result.findings)
        return {severity.value: counted[severity] for severity in Severity}


def result_of(target: str, case: ChainCase, findings: Iterable[Finding]) -> TargetResult:
    """The result of a target that could be read."""
    rows = tuple(
        CheckedCertificate(case.role_of(each), about(each), len(der(each)), each.not_valid_after_utc)
        for each in reversed(case.path)
    )
    return TargetResult(target, rows, tuple(findings))
