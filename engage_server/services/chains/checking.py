"""Checks the targets that the operator named: files, folders and live hosts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.checks.reports.result import TargetResult, result_of
from engage_server.checks.selection import Selection
from engage_server.errors import EngageError
from engage_server.records import Host, Secret
from engage_server.services.chains.content_findings import content_findings
from engage_server.services.chains.grouping import FileGroup, is_key_of, needed_by
from engage_server.services.chains.held_files import HeldFile, as_text, shown
from engage_server.services.chains.material import could_be_staged
from engage_server.services.chains.naming import (
    STANDARD_INPUT,
    authorities_named_beside,
    files_named_together,
    is_there,
    keys_named_beside,
    live_target,
)
from engage_server.services.chains.targets import (
    CheckTarget,
    groups_at,
    groups_of,
    no_chain_in,
    no_input,
    read_target,
)
from engage_server.shown_text import without_user

_OUR_SERVER_FILE = "partner_server.pem"


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks one target after the other.

    Attributes:
        at: The circumstances, the same for every target.
        passphrase: Decrypts PKCS#12 files and encrypted keys.
        site_key: If given, a live host's notice and DER are fetched and compared with its chain.
        http_port: The port of a live host's plain instance.
        selection: The findings that are wanted.
        standard_input: Gives the content of standard input, for the target ``-``.
    """

    at: Circumstances
    passphrase: Secret | None = None
    site_key: Secret | None = None
    http_port: int = 80
    selection: Selection = field(default_factory=Selection)
    standard_input: Callable[[], bytes] = no_input

    def results(self, *targets: str) -> Iterator[TargetResult]:
        """The results for all targets, one for each chain. Never raises.

        A key that is named together with chains belongs to the chain with the same key or name, or to the only chain.
        A file of CAs that is named together with chains belongs to those that need it, and is no target then.
        """
        keys = keys_named_beside(targets, self.passphrase)
        chains = [target for target in targets if target not in keys]
        groups = files_named_together(chains, self.passphrase)
        used = {target for target, group in groups.items() if group is None}
        beside = keys | authorities_named_beside(chains, self.passphrase)
        chains = [target for target in chains if target not in used | set(beside)]
        for target in chains:
            for result, mine in self._one(target, beside, groups.get(target), is_only=len(chains) == 1):
                used |= mine
                yield result
        for name, file in beside.items():
            if name not in used:
                yield self._guarded(name, self._file, FileGroup(file.path, (file,)))

    def of_group(self, group: FileGroup) -> TargetResult:
        """The result for one chain that was read already. Never raises."""
        return self._guarded(shown(group.name), self._file, group)

    def _one(
        self, target: str, beside: Mapping[str, HeldFile], named: FileGroup | None, *, is_only: bool
    ) -> Iterator[tuple[TargetResult, set[str]]]:
        """The results of one target, each with the keys and the files of CAs that were joined with it."""
        try:
            live = live_target(target)
            if live is not None:
                yield self._guarded(target, self._live, target, *live), set()
                return
            group = None
            for group in self._groups(target) if named is None else [named]:
                whole = is_only and not Path(target).is_dir()
                needed = needed_by(group, [file for file in beside.values() if file.bundle.certificates])
                mine = {name for name, file in beside.items() if file in needed or _belongs(file, group, whole)}
                joined = replace(group, files=(*group.files, *(beside[name] for name in sorted(mine))))
                result = self._guarded(shown(group.name), self._file, joined)
                yield replace(result, beside=(*_authorities_of(named), *sorted(mine))), mine
            if group is None:
                yield self._unreadable(target, no_chain_in(Path(target))), set()
        except EngageError as error:
            yield self._unreadable(target, error), set()
        except Exception as defect:  # a defect of ours is reported like any other error
            yield self._unreadable(target, _failed(target, defect)), set()

    def _groups(self, target: str) -> Iterator[FileGroup]:
        if target == STANDARD_INPUT:
            return groups_at(Path(target), self.passphrase, self.standard_input)
        return groups_of(Path(target), self.passphrase)

    def _guarded(self, name: str, judge: Callable[..., TargetResult], *arguments: Any) -> TargetResult:
        """A result in any case, so that one bad target does not end the run."""
        try:
            return judge(*arguments)
        except EngageError as error:
            return self._unreadable(name, error)
        except Exception as defect:  # as above
            return self._unreadable(name, _failed(name, defect))

    def _file(self, group: FileGroup) -> TargetResult:
        found = read_target(group)
        at = replace(self.at, server_key=found.server_key.public_key() if found.server_key else None)
        case = ChainCase.of_certificates(self._with_anchor(found.certificates), at, found.sent)
        judged = self._judged(found.name, case, found.files)
        own = content_findings(found, case.path, with_passphrase=self.passphrase is not None)
        findings = [*(_of_its_file(each, found) for each in judged.findings), *own]
        staged = group.name != Path(STANDARD_INPUT) and could_be_staged(found)
        return self._selected(replace(judged, findings=tuple(findings), can_be_staged=staged))

    def _live(self, target: str, host: str, port: int) -> TargetResult:
        from engage_server.services.chains.live_host import look_at  # importing TLS takes longer than checking a file

        at = self.at if self.at.hosts else replace(self.at, hosts=(Host.parse(host),))
        seen = look_at(host, port, self.http_port, self.site_key)
        if seen.distributed is not None:
            at = replace(at, anchor_certificate=seen.distributed)
        checker = replace(self, at=at)
        case = ChainCase.of_certificates(checker._with_anchor(seen.sent), at, seen.sent)
        judged = checker._judged(target, case)
        is_refused = self.site_key is not None and seen.distributed is None
        findings = [*(_of_a_live_host(each, case, is_refused) for each in judged.findings), *seen.findings]
        return self._selected(replace(judged, findings=tuple(findings), live=True))

    def _with_anchor(self, certificates: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
        """Add the named anchor. Devices have it, so the path needs it. It is not sent, and files may lack it."""
        anchor = self.at.anchor_certificate
        return certificates if anchor is None else (*certificates, anchor)

    def _judged(self, name: str, case: ChainCase, files: Mapping[x509.Certificate, str] | None = None) -> TargetResult:
        anchor = self.at.anchor_certificate
        # if the anchor is not part of the path, that is a separate and more serious finding
        case = replace(case, unrelated=tuple(each for each in case.unrelated if each != anchor))
        return result_of(name, case, run_checks(case), files)

    def _selected(self, result: TargetResult) -> TargetResult:
        wanted = [each for each in result.findings if self.selection.wants(each)]
        left_out = [each for each in result.findings if each not in wanted]
        return replace(
            result,
            findings=tuple(sorted(wanted, key=_by_severity)),
            ignored=len(result.findings) - len(wanted),
            ignores_error=any(each.severity is Severity.ERROR for each in left_out),
        )

    def _unreadable(self, target: str, error: EngageError) -> TargetResult:
        name, sentence = _named(target), error.sentence
        if self.selection.skips(error.code):
            return TargetResult(name, (), (), skipped=sentence.removeprefix(f"{name}: "))
        finding = Finding(
            Severity.ERROR,
            error.code,
            sentence=sentence,
            certificate="",
            source="the target cannot be read",
            mend=error.next_step,
        )
        return TargetResult(name, (), (finding,), could_not_be_read=True)


def _authorities_of(named: FileGroup | None) -> tuple[str, ...]:
    """The files that were named with a chain's main file, which is the first."""
    return tuple(shown(file.path) for file in named.files[1:]) if named else ()


def _belongs(key: HeldFile, group: FileGroup, is_only: bool) -> bool:
    if key.bundle.certificates:
        return False
    return any(is_only or is_key_of(key, file) for file in group.files if file.bundle.certificates)


def _of_its_file(finding: Finding, target: CheckTarget) -> Finding:
    """The finding with the target's own file name in its fix, and with options, which the rules do not know."""
    if finding.code == "path.incomplete":
        return replace(finding, mend=f"{finding.mend} If only the root is missing, name it: --anchor FILE.")
    if finding.code == "key.mismatch":
        return replace(finding, sentence=f"the private key in {target.key_file} does not belong to it")
    if not target.served or target.served == _OUR_SERVER_FILE:
        return finding
    return replace(finding, mend=finding.mend.replace(_OUR_SERVER_FILE, target.served))


def _of_a_live_host(finding: Finding, case: ChainCase, is_refused: bool) -> Finding:
    """The finding with advice for a live host: it is right not to send the root, so the fix must not say so."""
    if finding.code != "path.incomplete":
        return finding
    if case.at.anchor_certificate is None and is_refused:
        mend = "First fix what this host distributes: a device would not accept it. Or name the root: --anchor FILE."
    elif case.at.anchor_certificate is None:
        mend = "Name the certificate that devices have: --anchor FILE. Or have it fetched: --site-key-file FILE."
    else:
        mend = "Let the server send every intermediate up to the anchor. It need not send the root."
    return replace(finding, mend=mend)


def _named(target: str) -> str:
    """How a report names what could not be read: an address that is no file never shows a password."""
    return as_text(target if is_there(Path(target)) else without_user(target))


def _failed(name: str, defect: Exception) -> EngageError:
    kind = type(defect).__name__
    return EngageError(
        f"{name}: the check failed ({kind})", "This is a defect: report it, with the file.", code="check.failed"
    )


def _by_severity(finding: Finding) -> int:
    return list(Severity).index(finding.severity)
