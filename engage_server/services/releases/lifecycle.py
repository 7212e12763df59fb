"""Staging and activating releases: staging never deploys, and nothing bad goes live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.checks.rules.name_rules import HOST_MISSING, host_missing, unnamed_hosts
from engage_server.errors import Conflict, Refused, UsageError
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der
from engage_server.pki.keys import private_key_pem, public_half, public_key_der, read_public_key
from engage_server.pki.paths.path import read_chain
from engage_server.protocol.site_key import anchor_hash
from engage_server.records import AuditAction, Host, Occasion, Release, RotationState, Site
from engage_server.services.chains.folder import ChainMaterial
from engage_server.store.interface import ReleaseDraft, ReleaseStore, RotationStore, SiteStore


class LifecycleStore(SiteStore, ReleaseStore, RotationStore, Protocol):
    """What of the store the life of releases needs."""


@dataclass(frozen=True, slots=True)
class CheckedRelease:
    """A release and what the checks say of it at the moment of asking."""

    release: Release
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep it from going live."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


class Releases:
    """The releases of all sites.

    Args:
        store: Where they rest.
    """

    def __init__(self, store: LifecycleStore) -> None:
        self._store = store

    def stage(self, material: ChainMaterial, site_name: str, occasion: Occasion) -> CheckedRelease:
        """Check a chain, make its hash, seal its key, keep it under the next number. Nothing is served yet.

        Errors other than a key that does not fit do not stop the staging; they stop the activation.

        Raises:
            NotFound: There is no such site.
            Refused: The private key does not belong to the server certificate.
            Conflict: This chain is a release of the site already.
        """
        site = self._store.site(site_name)
        findings = run_checks(_case(material.chain, site, material.server_key.public_key(), occasion))
        for finding in findings:
            if finding.code == "key.mismatch":
                raise Refused(f"{finding.certificate}: {finding.sentence}", finding.mend, code=finding.code)
        draft = self._draft(material, site, occasion)
        self._assert_new(material, site)
        event = occasion.event(
            AuditAction.RELEASE_STAGED, site.name, findings=" ".join(sorted({finding.code for finding in findings}))
        )
        release = self._store.stage_release(draft, private_key_pem(material.server_key), event)
        return CheckedRelease(release, tuple(findings))

    def activate(self, site_name: str, number: int, overrides: Mapping[str, str], occasion: Occasion) -> CheckedRelease:
        """Let every server serve this release from now on, if the checks allow it today.

        Args:
            site_name: The site.
            number: Which of its releases.
            overrides: For each error that is accepted: its code, and the reason, which the audit log keeps.
            occasion: Who and when.

        Raises:
            NotFound: There is no such site or release.
            UsageError: An override without a reason, or of an error that is not there.
            Refused: Errors without an override.
            Conflict: Its key is destroyed, a rotation is going on, or somebody else activated one meanwhile.
        """
        self._assert_no_rotation(site_name)
        expected = self.current(site_name)
        checked = _allowed(self.check_before_serving(site_name, number, occasion), overrides)
        if expected == number:
            return checked
        facts = {f"override {code}": reason for code, reason in overrides.items()}
        event = replace(
            occasion.event(AuditAction.RELEASE_ACTIVATED, site_name, release=str(number), **facts),
            before={"release": str(expected or "none")},
        )
        release = self._store.activate_release(site_name, number, expected, occasion.now, event)
        return CheckedRelease(release, checked.findings)

    def current(self, site_name: str) -> int | None:
        """The number of the release that the site serves; None when it serves none.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.current_numbers(site_name).get(site_name)

    def before(self, site_name: str) -> int | None:
        """The release that :meth:`roll_back` leads to; None when there is none.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.release_before(site_name)

    def roll_back(
        self, site_name: str, overrides: Mapping[str, str], reason: str, occasion: Occasion
    ) -> CheckedRelease:
        """Serve again what was served before the current release, if the checks allow it today.

        Args:
            site_name: The site.
            overrides: As for :meth:`activate`.
            reason: Why, for the audit log; may be "".
            occasion: Who and when.

        Raises:
            NotFound: There is no such site.
            Conflict: There is nothing to go back to, a rotation is going on, or somebody else changed what is served.
            Refused: Errors without an override.
        """
        self._assert_no_rotation(site_name)
        current, number = self.current(site_name), self._store.release_before(site_name)
        if current is None or number is None:
            raise Conflict(
                f"site {site_name!r} has nothing to go back to",
                f"Only a release that was served before, and whose key was not destroyed, can be: "
                f"engage release list --site {site_name}",
                code="release.nothing_before",
            )
        checked = _allowed(self.check_before_going_back(site_name, number, occasion), overrides)
        facts = {f"override {code}": why for code, why in overrides.items()}
        event = replace(
            occasion.event(AuditAction.RELEASE_ROLLED_BACK, site_name, release=str(number), **facts),
            before={"release": str(current)},
            reason=reason,
        )
        release = self._store.roll_back_release(site_name, number, current, occasion.now, event)
        return CheckedRelease(release, checked.findings)

    def drop(self, site_name: str, number: int, reason: str, occasion: Occasion) -> None:
        """Remove a release that was only staged: no device ever heard of it.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It was served, or a rotation has it.
        """
        event = replace(
            occasion.event(AuditAction.RELEASE_DROPPED, site_name, release=str(number), key="destroyed"), reason=reason
        )
        self._store.drop_release(site_name, number, event)

    def retire(self, site_name: str, number: int, reason: str, occasion: Occasion) -> Release:
        """Destroy the private key of a release that is not served: nobody can go back to it, or lose it to a thief.

        What devices downloaded of it goes on being served: they may hold a notice of it.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It is current, was retired already, or a rotation may still need it.
        """
        for rotation in self._store.rotations(site_name, only_open=True):
            if number in (rotation.from_release, *rotation.releases):
                raise Conflict(
                    f"the rotation of {site_name!r} may still need release {number}",
                    f"Finish or abort it first: engage rotate status --site {site_name}",
                    code="release.in_rotation",
                )
        state = self._store.release(site_name, number).state
        event = replace(
            occasion.event(AuditAction.RELEASE_RETIRED, site_name, release=str(number), key="destroyed"),
            before={"state": state.value, "key": "sealed"},
            reason=reason,
        )
        return self._store.retire_release(site_name, number, occasion.now, event)

    def _assert_no_rotation(self, site_name: str) -> None:
        for rotation in self._store.rotations(site_name, only_open=True):
            if rotation.state is not RotationState.WAITING and rotation.step:
                raise Conflict(
                    f"a rotation of {site_name!r} is going on, and decides what is served",
                    f"Go back as one unit: engage rotate abort --site {site_name}",
                    code="rotation.open",
                )

    def check(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """What the checks say of a release today, by the public key that is kept with it.

        Of one whose key is destroyed: all but whether its key fits.

        Raises:
            NotFound: There is no such site or release.
        """
        release = self._store.release(site_name, number)
        if release.public_key is None:  # staged by a version that kept none
            return self.check_before_serving(site_name, number, occasion)
        public = read_public_key(release.public_key, source=f"release {number} of {site_name}")
        return self._checked(release, public, occasion)

    def check_before_serving(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """What the checks say by the private key itself, opened: it may be damaged, and what is kept beside it changed.

        Raises:
            NotFound: There is no such site or release.
            SealBroken: The private key does not open.
            PrivateKeyInvalid: What was sealed is no private key.
        """
        release, public = self._store.release(site_name, number), None
        if release.key_destroyed_at is None:
            public = public_half(self._store.private_key(site_name, number), source=f"release {number} of {site_name}")
        return self._checked(release, public, occasion)

    def check_before_going_back(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """As :meth:`check_before_serving`, for a release that was served before: judged by the hosts of then.

        A host that the site was given since is a warning: to keep the way back shut for it would help no device.

        Raises:
            NotFound: There is no such site or release.
            SealBroken: The private key does not open.
            PrivateKeyInvalid: What was sealed is no private key.
        """
        checked = self.check_before_serving(site_name, number, occasion)
        later = [host for host in self.unanswered_hosts(checked.release) if host not in checked.release.hosts]
        if not checked.release.hosts and len(later) == len(self._store.site(site_name).hosts):
            return checked  # staged by a version that wrote no hosts down, and it answers for none of today's
        return replace(checked, findings=tuple(_as_of_then(finding, later) for finding in checked.findings))

    def unanswered_hosts(self, release: Release) -> tuple[Host, ...]:
        """The hosts that the site's devices call today, and that this release's server certificate is not for.

        Raises:
            NotFound: There is no such site any more.
        """
        return unnamed_hosts(chain_of(release).server, self._store.site(release.site).hosts)

    def _checked(self, release: Release, public: PublicKeyTypes | None, occasion: Occasion) -> CheckedRelease:
        known = public if release.key_destroyed_at is None else None
        case = _case(chain_of(release), self._store.site(release.site), known, occasion)
        return CheckedRelease(release, tuple(run_checks(case)))

    def one(self, site_name: str, number: int) -> Release:
        """One release.

        Raises:
            NotFound: There is no such site or release.
        """
        return self._store.release(site_name, number)

    def all(self, site_name: str | None = None) -> Sequence[Release]:
        """All releases, or those of one site."""
        return self._store.releases(site_name)

    def _draft(self, material: ChainMaterial, site: Site, occasion: Occasion) -> ReleaseDraft:
        chain = material.chain
        anchor = der(chain.anchor(site.anchor))
        return ReleaseDraft(
            site=site.name,
            anchor_der=anchor,
            anchor_hash=anchor_hash(self._store.site_key(site.name), anchor),
            chain=tuple(der(certificate) for certificate in chain.sent),
            root_der=der(chain.root),
            public_key=public_key_der(material.server_key.public_key()),
            staged_at=occasion.now,
            hosts=site.hosts,
        )

    def number_of(self, material: ChainMaterial, site_name: str) -> int | None:
        """The release that a chain is staged as already, if its key was not destroyed since."""
        chain = material.chain
        sent = tuple(der(certificate) for certificate in chain.sent)
        for release in self._store.releases(site_name):
            if (release.chain, release.root_der) == (sent, der(chain.root)) and release.key_destroyed_at is None:
                return release.number
        return None

    def _assert_new(self, material: ChainMaterial, site: Site) -> None:
        number = self.number_of(material, site.name)
        if number is not None:
            state = self._store.release(site.name, number).state
            raise Conflict(
                f"this chain is release {number} of {site.name} already ({state})",
                f"Activate it: engage release activate {number} --site {site.name}",
                code="release.exists",
            )


def chain_of(release: Release) -> Chain:
    """The certificates of a release, parsed."""
    return read_chain((*release.chain, release.root_der))


def _case(chain: Chain, site: Site, public: PublicKeyTypes | None, occasion: Occasion) -> ChainCase:
    return ChainCase.of_chain(chain, Circumstances(occasion.now, site.hosts, site.anchor, public))


def _allowed(checked: CheckedRelease, overrides: Mapping[str, str]) -> CheckedRelease:
    """What the checks say, if they let it go live.

    Raises:
        UsageError: An override without a reason, or of an error that is not there.
        Refused: Errors without an override.
    """
    _assert_overrides(checked, overrides)
    open_errors = [finding for finding in checked.errors if finding.code not in overrides]
    if open_errors:
        release = checked.release
        raise Refused(
            f"release {release.number} of {release.site} cannot be activated:\n" + "\n".join(map(_line, open_errors)),
            "Mend the chain and stage it again; or accept each error by name: --override CODE=REASON.",
            code="release.refused",
        )
    return checked


def _as_of_then(finding: Finding, later: Sequence[Host]) -> Finding:
    """The finding as a warning, if it is about one of these hosts."""
    if finding.code != HOST_MISSING or not any(finding == host_missing(host, finding.certificate) for host in later):
        return finding
    return replace(finding, severity=Severity.WARNING)


def _assert_overrides(checked: CheckedRelease, overrides: Mapping[str, str]) -> None:
    codes = {finding.code for finding in checked.errors}
    for code, reason in overrides.items():
        if not reason.strip():
            raise UsageError(f"the override of {code} gives no reason", "Write --override CODE=REASON.")
        if code not in codes:
            raise UsageError(
                f"there is no error {code} to override",
                f"Errors of this release: {', '.join(sorted(codes)) or 'none'}.",
            )


def _line(finding: Finding) -> str:
    about = f"{finding.certificate}: " if finding.certificate else ""
    return f"  {finding.code}: {about}{finding.sentence}"
