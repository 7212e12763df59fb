"""Rules on what a CA imposes on the certificates below it: permitted names and required policies."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import CertificatePoliciesOID

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.chain import is_self_issued
from engage_server.pki.extensions import extensions_of
from engage_server.pki.paths.name_constraints import violations

_POLICY_MAPPINGS = x509.ObjectIdentifier("2.5.29.33")
_ANY = CertificatePoliciesOID.ANY_POLICY


def names_are_permitted(case: ChainCase) -> Iterator[Finding]:
    """Every name is permitted by the CAs above: DNS names, addresses, directory names, e-mail addresses, URIs."""
    for found in violations(case.path):
        yield Finding(
            Severity.ERROR,
            "path.name_constraints",
            sentence=f"its name {found.text} is {found.why} by the name constraints of {about(found.issuer)}",
            certificate=about(found.certificate),
            source="RFC 5280 section 4.2.1.10; OpenSSL, GnuTLS and Go refuse it, even if it is not critical",
            mend="Use a CA without name constraints, or one whose constraints allow every name in the certificate.",
        )


def only_a_ca_constrains_names(case: ChainCase) -> Iterator[Finding]:
    """Only CA certificates have name constraints."""
    constraints = extension(case.server, x509.BasicConstraints)
    if extension(case.server, x509.NameConstraints) is not None and not (constraints and constraints.ca):
        yield Finding(
            Severity.WARNING,
            "server.name_constraints",
            sentence="it has name constraints, which are only for CAs",
            certificate=about(case.server),
            source="RFC 5280 section 4.2.1.10; some clients apply them to the certificate itself",
            mend="Issue it again without name constraints.",
        )


def policies_are_kept(case: ChainCase) -> Iterator[Finding]:
    """If a CA requires an explicit policy, all certificates below it share one."""
    state = _Policies()
    for certificate in reversed(case.path[:-1] if case.root else case.path):
        if not state.takes(certificate, is_last=certificate == case.server):
            yield Finding(
                Severity.WARNING,
                "path.policy",
                sentence="a CA above it requires a certificate policy, but the path has no policy in common",
                certificate=about(certificate),
                source="RFC 5280 sections 4.2.1.11 and 6.1.3 (f); TLS clients check policies only when configured to",
                mend="Use a CA without policy constraints, or issue it again with the policy that they require.",
            )
            return


class _Policies:
    """The policy part of RFC 5280 section 6.1, for a client that accepts any policy. A counter of None is unlimited."""

    def __init__(self) -> None:
        self._explicit: int | None = None
        self._no_any: int | None = None
        self._valid: frozenset[x509.ObjectIdentifier] | None = None  # None: any

    def takes(self, certificate: x509.Certificate, *, is_last: bool) -> bool:
        """Continue with the next certificate below; False if it makes the path invalid."""
        counts = not is_self_issued(certificate)
        self._narrow(certificate, any_counts=self._no_any != 0 or not (counts or is_last))
        if self._is_missing():
            return False
        if counts or is_last:
            self._explicit, self._no_any = _less(self._explicit), _less(self._no_any)
        constraints, inhibited = (
            extension(certificate, x509.PolicyConstraints),
            extension(certificate, x509.InhibitAnyPolicy),
        )
        demanded = constraints.require_explicit_policy if constraints else None
        if not is_last or demanded == 0:  # in the last one only 0 counts: section 6.1.5 (b)
            self._explicit = _least(self._explicit, demanded)
        self._no_any = _least(self._no_any, inhibited.skip_certs if inhibited else None)
        if self._valid and any(each.oid == _POLICY_MAPPINGS for each in extensions_of(certificate).readable):
            self._valid = None  # mappings to other policies are not followed
        return not (is_last and self._is_missing())

    def _is_missing(self) -> bool:
        return self._explicit == 0 and not (self._valid is None or self._valid)

    def _narrow(self, certificate: x509.Certificate, *, any_counts: bool) -> None:
        policies = {each.policy_identifier for each in extension(certificate, x509.CertificatePolicies) or ()}
        if _ANY in policies and any_counts:
            return
        named = frozenset(policies - {_ANY})
        self._valid = named if self._valid is None else self._valid & named


def _less(count: int | None) -> int | None:
    return None if count is None else max(0, count - 1)


def _least(*counts: int | None) -> int | None:
    return min((each for each in counts if each is not None), default=None)
