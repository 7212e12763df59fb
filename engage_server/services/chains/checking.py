"""From what the operator named to what the rules look at: files, folders, and hosts that are alive."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.checks.reports.result import TargetResult, result_of
from engage_server.errors import EngageError, NotPossible, UsageError
from engage_server.records import Host, Secret
from engage_server.services.chains.targets import names_of_targets, read_target

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Checker:
    """Judges one target after the other.

    Attributes:
        at: The circumstances that hold for every target.
        passphrase: For PKCS#12 and encrypted keys.
        site_key: With it, a live host's notice and DER are fetched and held against its chain.
        http_port: Of a live host's plain instance.
    """

    at: Circumstances
    passphrase: Secret | None = None
    site_key: Secret | None = None
    http_port: int = 80

    def results(self, target: str) -> Iterator[TargetResult]:
        """The results of what the operator named: one, or one for each chain in a folder of chains. Never raises."""
        try:
            live = _live_target(target)
            if live is not None:
                yield self._live(target, *live)
                return
            for path in names_of_targets(Path(target)):
                yield self._file(path)
        except EngageError as error:
            yield _unreadable(target, error)

    def _file(self, path: Path) -> TargetResult:
        try:
            found = read_target(path, self.passphrase)
            at = replace(self.at, server_key=found.server_key)
            case = ChainCase.of_certificates(self._with_anchor(found.certificates), at, found.sent)
            return self._judged(found.name, case, found.files)
        except EngageError as error:
            return _unreadable(path.as_posix(), error)

    def _live(self, target: str, host: str, port: int) -> TargetResult:
        from engage_server.services.chains.live_host import look_at  # TLS takes longer to import than a file to check

        at = self.at if self.at.hosts else replace(self.at, hosts=(Host.parse(host),))
        seen = look_at(host, port, self.http_port, self.site_key)
        if seen.distributed is not None:
            at = replace(at, anchor_certificate=seen.distributed)
        checker = replace(self, at=at)
        case = ChainCase.of_certificates(checker._with_anchor(seen.sent), at, seen.sent)
        judged = checker._judged(target, case)
        findings = tuple(sorted((*judged.findings, *seen.findings), key=_by_severity))
        return replace(judged, findings=findings, live=True)

    def _with_anchor(self, certificates: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
        """The root is not sent, and may not lie beside a chain; devices have it, and so must the path."""
        anchor = self.at.anchor_certificate
        return certificates if anchor is None else (*certificates, anchor)

    def _judged(self, name: str, case: ChainCase, files: Mapping[x509.Certificate, str] | None = None) -> TargetResult:
        anchor = self.at.anchor_certificate
        # that the anchor is no part of the path is a finding of its own, and a graver one
        case = replace(case, unrelated=tuple(each for each in case.unrelated if each != anchor))
        return result_of(name, case, run_checks(case), files)


def _live_target(target: str) -> tuple[str, int] | None:
    """Host and port of a live target, or None for a path. What exists as a file is a file."""
    if "://" not in target and (Path(target).exists() or "/" in target or "\\" in target):
        return None
    try:
        url = urlsplit(target if "://" in target else f"https://{target}")
        host, port = url.hostname, url.port or _HTTPS_PORT
    except ValueError:
        host, port, url = None, 0, urlsplit("")
    if url.scheme != "https" or not host or url.path.strip("/"):
        raise UsageError(f"{target!r} is neither a file nor https://HOST[:PORT]", "Name a file, a folder or a host.")
    if ":" not in target and ("." not in host or Path(target).suffix in {".pem", ".crt", ".cer", ".der", ".p12"}):
        raise NotPossible(f"{target}: no such file or folder", "Name a file, a folder, or https://HOST.")
    return host, port


def _unreadable(target: str, error: EngageError) -> TargetResult:
    finding = Finding(
        Severity.ERROR,
        error.code,
        sentence=error.sentence,
        certificate="",
        source="what it is made of could not be read",
        mend=error.next_step,
    )
    return TargetResult(target, (), (finding,), could_not_be_read=isinstance(error, NotPossible))


def _by_severity(finding: Finding) -> int:
    return list(Severity).index(finding.severity)
