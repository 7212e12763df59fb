"""Stages, activates and retires releases. Staging never deploys, and a release with errors never goes live."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.checks.rules.name_rules import is_about, unnamed_hosts
from engage_server.errors import Conflict, Refused, ReleaseExists
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der
from engage_server.pki.keys import private_key_pem, public_half, public_key_der, read_public_key
from engage_server.pki.paths.path import read_chain
from engage_server.protocol.site_key import anchor_hash
from engage_server.records import AuditAction, Host, Occasion, Page, Release, RotationState, Site
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.releases.checked_release import CheckedRelease, allowed, facts_of
from engage_server.store.interface import PageStore, ReleaseDraft, ReleaseStore, RotationStore, SiteStore


class LifecycleStore(SiteStore, ReleaseStore, RotationStore, PageStore, Protocol):
    """The part of the store that releases need."""


class Releases:
    """The releases of all sites.

    Args:
        store: Holds the releases.
    """

    def __init__(self, store: LifecycleStore) -> None:
        self._store = store

    def stage(self, material: ChainMaterial, site_name: str, occasion: Occasion) -> CheckedRelease:
        """Check a chain, compute its hash, seal its key, and store it under the next number. Nothing is served yet.

        A key that does not match stops the staging. Other errors stop only the activation.

        Raises:
            NotFound: There is no such site.
            Refused: The private key does not belong to the server certificate.
            Conflict: This chain is already a release of the site.
        """
        site = self._store.site(site_name)
        findings = run_checks(_case(material.chain, site, material.server_key.public_key(), occasion))
        for finding in findings:
            if finding.code == "key.mismatch":
                raise Refused(f"{finding.certificate}: {finding.sentence}", finding.mend, code=finding.code)
        draft = self._draft(material, site, occasion)
        self._assert_new(material, site, occasion)
        event = occasion.event(
            AuditAction.RELEASE_STAGED, site.name, findings=" ".join(sorted({finding.code for finding in findings}))
        )
        release = self._store.stage_release(draft, private_key_pem(material.server_key), event)
        return CheckedRelease(release, tuple(findings))

    def activate(self, site_name: str, number: int, overrides: Mapping[str, str], occasion: Occasion) -> CheckedRelease:
        """Let every server serve this release from now on, if the checks allow it today.

        Args:
            site_name: The site.
            number: The number of the release.
            overrides: The code of each error that is accepted, with the reason, which the audit log keeps.
            occasion: Who and when.

        Raises:
            NotFound: There is no such site or release.
            UsageError: An override without a reason, or of an error that is not there.
            Refused: Errors without an override. Or it cuts devices off, and the site needs a second person for that.
            Conflict: Its key is destroyed, a rotation is open, or somebody else activated a release at the same time.
        """
        self._assert_no_rotation(site_name)
        expected = self.current(site_name)
        checked = allowed(self.check_before_serving(site_name, number, occasion), overrides)
        if expected == number:
            return checked
        if expected is not None and self._store.site(site_name).approvals:
            _assert_same_trust(self._store.release(site_name, expected), checked.release)
        facts = facts_of(overrides)
        event = replace(
            occasion.event(AuditAction.RELEASE_ACTIVATED, site_name, release=str(number), **facts),
            before={"release": str(expected or "none")},
        )
        release = self._store.activate_release(site_name, number, expected, occasion.now, event)
        return CheckedRelease(release, checked.findings)

    def current(self, site_name: str) -> int | None:
        """The number of the release that the site serves; None if it serves none.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.current_numbers(site_name).get(site_name)

    def before(self, site_name: str) -> int | None:
        """The release that :meth:`roll_back` goes back to; None if there is none.

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
            reason: The reason for the audit log; may be "".
            occasion: Who and when.

        Raises:
            NotFound: There is no such site.
            Conflict: There is nothing to go back to, a rotation is open, or somebody else changed what is served.
            Refused: Errors without an override.
        """
        self._assert_no_rotation(site_name)
        current, number = self.current(site_name), self._store.release_before(site_name)
        if current is None or number is None:
            raise Conflict(
                f"site {site_name!r} has no release to go back to",
                f"It needs a release that was served before and still has its key: "
                f"engage release list --site {site_name}",
                code="release.nothing_before",
            )
        checked = allowed(self.check_before_going_back(site_name, number, occasion), overrides)
        facts = facts_of(overrides)
        event = replace(
            occasion.because(reason).event(AuditAction.RELEASE_ROLLED_BACK, site_name, release=str(number), **facts),
            before={"release": str(current)},
        )
        release = self._store.roll_back_release(site_name, number, current, occasion.now, event)
        return CheckedRelease(release, checked.findings)

    def drop(self, site_name: str, number: int, reason: str, occasion: Occasion) -> None:
        """Remove a release that was staged and never served. No device knows it.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It was served, or a rotation uses it.
        """
        facts = {"release": str(number), "key": "destroyed"}
        event = occasion.because(reason).event(AuditAction.RELEASE_DROPPED, site_name, **facts)
        self._store.drop_release(site_name, number, event)

    def retire(self, site_name: str, number: int, reason: str, occasion: Occasion) -> Release:
        """Destroy the private key of a release that is not served. Nobody can go back to it, and no thief can use it.

        Its downloads stay available, because a device may still have its notice.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It is current, was already retired, or a rotation may still need it.
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
            occasion.because(reason).event(
                AuditAction.RELEASE_RETIRED, site_name, release=str(number), key="destroyed"
            ),
            before={"state": state.value, "key": "sealed"},
        )
        return self._store.retire_release(site_name, number, occasion.now, event)

    def _assert_no_rotation(self, site_name: str) -> None:
        for rotation in self._store.rotations(site_name, only_open=True):
            if rotation.state is not RotationState.WAITING and rotation.step:
                raise Conflict(
                    f"a rotation of {site_name!r} is open and decides what is served",
                    f"Go back as one unit: engage rotate abort --site {site_name}",
                    code="rotation.open",
                )

    def check(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """Check a release today, by the public key that is stored with it.

        If its key is destroyed, the findings do not say whether its key matches.

        Raises:
            NotFound: There is no such site or release.
        """
        release = self._store.release(site_name, number)
        if release.public_key is None:  # staged by a version that did not store it
            return self.check_before_serving(site_name, number, occasion)
        public = read_public_key(release.public_key, source=f"release {number} of {site_name}")
        return self._checked(release, public, occasion)

    def check_before_serving(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """Check a release by its private key, unsealed. The key may be damaged, or the stored public key changed.

        Raises:
            NotFound: There is no such site or release.
            SealBroken: The private key cannot be unsealed.
            PrivateKeyInvalid: The unsealed content is not a private key.
        """
        release, public = self._store.release(site_name, number), None
        if release.key_destroyed_at is None:
            public = public_half(self._store.private_key(site_name, number), source=f"release {number} of {site_name}")
        return self._checked(release, public, occasion)

    def check_before_going_back(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """As :meth:`check_before_serving`, for a release that was served before. It is judged by the hosts it had then.

        A host that was added to the site since then gives a warning, not an error. To block the way back for it would
        help no device.

        Raises:
            NotFound: There is no such site or release.
            SealBroken: The private key cannot be unsealed.
            PrivateKeyInvalid: The unsealed content is not a private key.
        """
        return self._as_of_then(self.check_before_serving(site_name, number, occasion))

    def check_going_back(self, site_name: str, number: int, occasion: Occasion) -> CheckedRelease:
        """The same by the public key that is stored with it, as :meth:`check`: for who only asks what would happen.

        Raises:
            NotFound: There is no such site or release.
        """
        return self._as_of_then(self.check(site_name, number, occasion))

    def _as_of_then(self, checked: CheckedRelease) -> CheckedRelease:
        later = [host for host in self.unanswered_hosts(checked.release) if host not in checked.release.hosts]
        if not checked.release.hosts and len(later) == len(self._store.site(checked.release.site).hosts):
            return checked  # staged by a version that did not store hosts, and it is valid for none of today's
        return replace(checked, findings=tuple(_as_of_then(finding, later) for finding in checked.findings))

    def unanswered_hosts(self, release: Release) -> tuple[Host, ...]:
        """The hosts that the site's devices call today, and that this release's server certificate is not valid for.

        Raises:
            NotFound: The site no longer exists.
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

    def page(self, site_name: str, cursor: str | None, limit: int) -> Page[Release]:
        """A page of the releases of a site, newest first.

        Raises:
            NotFound: There is no such site.
            UsageError: It is no cursor of this list (``cursor.invalid``).
        """
        return self._store.release_page(site_name, cursor, limit)

    def sharing_key(self, release: Release) -> list[Release]:
        """The other releases of all sites that have, or had, the private key of this one.

        The chains of a rotation to a new root share one. :attr:`.Release.key_destroyed_at` says which have lost it.
        """
        public = chain_of(release).server.public_key()
        others = [each for each in self._store.releases(None) if each != release]
        return [each for each in others if chain_of(each).server.public_key() == public]

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
        """The number of the release that already has this chain, unless its key was destroyed."""
        chain = material.chain
        sent = tuple(der(certificate) for certificate in chain.sent)
        for release in self._store.releases(site_name):
            if (release.chain, release.root_der) == (sent, der(chain.root)) and release.key_destroyed_at is None:
                return release.number
        return None

    def _assert_new(self, material: ChainMaterial, site: Site, occasion: Occasion) -> None:
        number = self.number_of(material, site.name)
        if number is not None:
            checked = self.check(site.name, number, occasion)
            activate = f"Activate it: engage release activate {number} --site {site.name}"
            show = f"It has errors. Build another chain: engage release show {number} --site {site.name}"
            raise ReleaseExists(
                f"this chain is already release {number} of {site.name} ({checked.release.state})",
                show if checked.errors else activate,
                number,
            )


def chain_of(release: Release) -> Chain:
    """The certificates of a release, parsed."""
    return read_chain((*release.chain, release.root_der))


def _case(chain: Chain, site: Site, public: PublicKeyTypes | None, occasion: Occasion) -> ChainCase:
    return ChainCase.of_chain(chain, Circumstances(occasion.now, site.hosts, site.anchor, public))


def _assert_same_trust(current: Release, following: Release) -> None:
    """Refuse what only a rotation may do at a site that needs a second person.

    Raises:
        Refused: Devices that trust the current release may refuse the following one.
    """
    links = set(chain_of(current).links) <= set(chain_of(following).links)
    if following.anchor_der != current.anchor_der or not links:
        site = following.site
        raise Refused(
            f"release {following.number} of {site} has another anchor than release {current.number}, or drops its "
            "link: the site needs a second person for that",
            f"Let a rotation do it, which another person can approve: engage rotate plan --site {site}",
            code="approval.missing",
        )


def _as_of_then(finding: Finding, later: Sequence[Host]) -> Finding:
    """The same finding, as a warning if it is about one of these hosts."""
    return replace(finding, severity=Severity.WARNING) if is_about(finding, later) else finding
