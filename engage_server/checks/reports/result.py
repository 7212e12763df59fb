"""The result of a check, ready to be written in any format."""

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
        role: ``root``, ``link``, ``intermediate`` or ``server``; ``other`` for anything else that is sent.
        name: The common name.
        der_bytes: Its size in bytes of DER.
        not_after: Its last second of validity, timezone-aware, in UTC.
        file: The file that it was found in; "" if it came over the network.
        counted: Whether it counts against a device's memory. Of two roots that a link certificate connects, one does.
    """

    role: str
    name: str
    der_bytes: int
    not_after: datetime
    file: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The result of checking one target.

    Attributes:
        target: Its name.
        certificates: The path from the root down, then anything else that is sent. Empty if the target could not be
            read.
        findings: The findings, most severe first.
        could_not_be_read: Whether a file or network error prevented the check. It says nothing about the chain.
        live: Whether it was checked over the network.
        skipped: Why it was skipped at the operator's request; "" if it was not.
        ignored: How many findings are left out at the operator's request.
        ignores_error: Whether one of them is an error, so that the chain cannot go live.
        can_be_staged: Whether ``engage release stage`` would accept the target as it is.
        beside: The other files that were named with the target and belong to it: CAs and private keys.
    """

    target: str
    certificates: tuple[CheckedCertificate, ...]
    findings: tuple[Finding, ...]
    could_not_be_read: bool = False
    live: bool = False
    skipped: str = ""
    ignored: int = 0
    ignores_error: bool = False
    can_be_staged: bool = False
    beside: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The size in bytes of DER: the root, and every other certificate that is sent."""
        return sum(certificate.der_bytes for certificate in self.certificates if certificate.counted)

    def file_of(self, finding: Finding) -> str:
        """The file that a finding is about: that of its certificate, else of the server certificate, else the target.

        For a live host this is the URL of the host.
        """
        if self.live:
            return self.target if "://" in self.target else f"https://{self.target}"
        bottom_up = tuple(reversed(self.certificates))
        found = [each.file for each in bottom_up if each.name == finding.certificate]
        return next(filter(None, [*found, *(each.file for each in bottom_up)]), self.target)

    def count(self, severity: Severity) -> int:
        """The number of findings with this severity."""
        return sum(finding.severity is severity for finding in self.findings)


class CheckRun:
    """The results of one check, one target at a time: ten thousand targets use no more memory than one.

    Attributes:
        at: The time at which validity is judged.
        profile: The name of the profile.
        limit: The most bytes of DER that the profile allows for a chain.
        chains: How many chains have been judged so far.
        unreadable: How many targets could not be read so far.
        skipped: How many targets have been skipped so far.
        ignored: How many findings have been left out so far.
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
        """Yield the results in the order of the targets. The counts are complete only after the last one."""
        self._begin()
        for result in self._results:
            self.chains += not (result.skipped or result.could_not_be_read)
            self.unreadable += result.could_not_be_read
            self.skipped += bool(result.skipped)
            self.ignored += result.ignored
            self._counted.update(finding.severity for finding in result.findings)
            yield result

    def totals(self) -> dict[str, int]:
        """The number of findings of each severity so far."""
        return {severity.value: self._counted[severity] for severity in Severity}

    def left_out(self) -> dict[str, int]:
        """How many findings were ignored, and how many targets were skipped or not read, so far."""
        return {"ignored": self.ignored, "skipped": self.skipped, "not_read": self.unreadable}

    def left_away(self) -> str:
        """The same as text to append to a summary, such as ``, 2 ignored``; "" for nothing."""
        return "".join(f", {count} {what.replace('_', ' ')}" for what, count in self.left_out().items() if count)


def result_of(
    target: str, case: ChainCase, findings: Iterable[Finding], files: Mapping[x509.Certificate, str] | None = None
) -> TargetResult:
    """Create the result of a target that could be read.

    Args:
        target: Its name.
        case: The chain that was judged.
        findings: The findings, most severe first.
        files: The file that each certificate was found in, if they came from files.
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
