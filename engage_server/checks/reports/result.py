"""What was found, ready to be written in any form."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.encodings import der


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """One certificate of a path.

    Attributes:
        role: ``root``, ``link``, ``intermediate``, ``server``; ``other`` for what is sent beside the path.
        name: The common name.
        der_bytes: Its size.
        not_after: Its last second, aware UTC.
        file: Where it was found; "" when it came over the network.
        counted: Whether it counts against a device's memory: of two roots that a link certificate joins, one does.
    """

    role: str
    name: str
    der_bytes: int
    not_after: datetime
    file: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class TargetResult:
    """What was found in one target.

    Attributes:
        target: Its name.
        certificates: The path from the root down, then what is sent beside it; empty when the target could not be
            read.
        findings: The worst first.
        could_not_be_read: Whether a file or the network was in the way, which is no verdict on the chain.
        live: Whether it was looked at over the network.
        skipped: Why it was passed over, as the operator asked; "" when it was not.
        ignored: How many findings are left away, as the operator asked.
        can_be_staged: Whether ``engage release stage`` would take it as it lies there.
        keys: The files of keys that were named beside it and belong to it.
    """

    target: str
    certificates: tuple[CheckedCertificate, ...]
    findings: tuple[Finding, ...]
    could_not_be_read: bool = False
    live: bool = False
    skipped: str = ""
    ignored: int = 0
    can_be_staged: bool = False
    keys: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Bytes of DER: the root, and every other certificate that is sent."""
        return sum(certificate.der_bytes for certificate in self.certificates if certificate.counted)

    def file_of(self, finding: Finding) -> str:
        """The file that a finding is about: its certificate's, else the server certificate's, else the target.

        For a live host it is its URL.
        """
        if self.live:
            return self.target if "://" in self.target else f"https://{self.target}"
        bottom_up = tuple(reversed(self.certificates))
        found = [each.file for each in bottom_up if each.name == finding.certificate]
        return next(filter(None, [*found, *(each.file for each in bottom_up)]), self.target)

    def count(self, severity: Severity) -> int:
        """How many findings of this severity there are."""
        return sum(finding.severity is severity for finding in self.findings)


class CheckRun:
    """All that one call of the check finds, told one target at a time: ten thousand take no more memory than one.

    Attributes:
        at: The time at which validity is judged.
        profile: The profile's name.
        limit: The profile's room for a chain, in bytes of DER.
        chains: How many chains have been judged.
        unreadable: How many targets could not be read.
        skipped: How many targets were passed over.
        ignored: How many findings are left away.
    """

    def __init__(self, at: datetime, profile: str, limit: int, results: Iterable[TargetResult]) -> None:
        self.at, self.profile, self.limit = at, profile, limit
        self._results = results
        self._counted: Counter[Severity] = Counter()
        self._begin()

    def _begin(self) -> None:
        self._counted.clear()
        self.chains, self.unreadable, self.skipped, self.ignored = 0, 0, 0, 0

    def __iter__(self) -> Iterator[TargetResult]:
        """The results in the order of the targets. What is counted is complete when they have all been told."""
        self._begin()
        for result in self._results:
            self.chains += not (result.skipped or result.could_not_be_read)
            self.unreadable += result.could_not_be_read
            self.skipped += bool(result.skipped)
            self.ignored += result.ignored
            self._counted.update(finding.severity for finding in result.findings)
            yield result

    def totals(self) -> dict[str, int]:
        """How many findings of each severity have been told."""
        return {severity.value: self._counted[severity] for severity in Severity}

    def left_away(self) -> str:
        """What was not judged or not told, in words with a comma before each; "" when everything was."""
        counts = {"ignored": self.ignored, "skipped": self.skipped, "not read": self.unreadable}
        return "".join(f", {count} {what}" for what, count in counts.items() if count)


def result_of(
    target: str, case: ChainCase, findings: Iterable[Finding], files: Mapping[x509.Certificate, str] | None = None
) -> TargetResult:
    """The result of a target that could be read.

    Args:
        target: Its name.
        case: What was judged.
        findings: The worst first.
        files: Where each certificate was found, if they came from files.
    """
    counted = case.counted
    beside = tuple(each for each in (*reversed(case.path), *case.other_roots) if each not in counted)
    rows = tuple(
        CheckedCertificate(
            case.role_of(each),
            about(each),
            len(der(each)),
            each.not_valid_after_utc,
            (files or {}).get(each, ""),
            counted=each in counted,
        )
        for each in (*beside, *counted)
    )
    return TargetResult(target, rows, tuple(findings))
