"""The chain that the rules check, and the circumstances that they check it under."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.checks.profile import ANY, DeviceProfile
from engage_server.pki.chain import Chain, is_issued_by, is_link_to, is_self_issued
from engage_server.pki.encodings import assert_readable, der
from engage_server.pki.extensions import extension
from engage_server.pki.names import display_name
from engage_server.pki.paths.path import FoundPath, find_path
from engage_server.records import AnchorRole, Host

DEFAULT_WARN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The circumstances under which a chain is judged.

    Attributes:
        now: The time at which validity is judged, timezone-aware.
        hosts: Every host that devices call; empty if unknown.
        anchor: The role of the certificate that devices are given.
        anchor_certificate: The certificate that devices are given, if known. It overrides ``anchor``.
        server_key: The public half of the key that the server would use; None if unknown.
        profile: The limits of the device kind.
        warn_within: A certificate that expires within this time gets a warning.
    """

    now: datetime
    hosts: tuple[Host, ...] = ()
    anchor: AnchorRole = AnchorRole.ROOT
    server_key: PublicKeyTypes | None = None
    profile: DeviceProfile = ANY
    warn_within: timedelta = timedelta(days=DEFAULT_WARN_DAYS)
    anchor_certificate: x509.Certificate | None = None


@dataclass(frozen=True, slots=True)
class ChainCase:
    """A path of certificates, complete or not, and the circumstances under which it is judged.

    Create it with :meth:`of_chain` or :meth:`of_certificates`.

    Attributes:
        path: From the server certificate upwards. At least one certificate.
        at: The circumstances.
        unrelated: Certificates that came with the path but are not part of it.
        sent: The certificates that a TLS server sends, in its order; None if unknown.
        links: Link certificates, sent for devices with an older root: another CA vouches for the root of this path.
        other_roots: The roots at the other end of a link. Other devices have them as their anchor.
    """

    path: tuple[x509.Certificate, ...]
    at: Circumstances
    unrelated: tuple[x509.Certificate, ...] = ()
    sent: tuple[x509.Certificate, ...] | None = None
    links: tuple[x509.Certificate, ...] = ()
    other_roots: tuple[x509.Certificate, ...] = ()

    @classmethod
    def of_chain(cls, chain: Chain, at: Circumstances) -> Self:
        """Create the case of a chain whose order is known.

        Raises:
            CertificateInvalid: A certificate's names, dates or key cannot be read.
        """
        for certificate in (*chain, *chain.links):
            assert_readable(certificate, source="the chain")
        return cls((chain.server, *chain.intermediates, chain.root), at, links=chain.links)

    @classmethod
    def of_certificates(
        cls,
        certificates: tuple[x509.Certificate, ...],
        at: Circumstances,
        sent: tuple[x509.Certificate, ...] | None = None,
    ) -> Self:
        """Create the case of certificates in any order, possibly incomplete.

        Args:
            certificates: At least one certificate.
            at: The circumstances under which it is judged.
            sent: The certificates that a TLS server sends, in its order, if known.

        Raises:
            CertificateInvalid: A certificate's names, dates or key cannot be read.
        """
        for certificate in certificates:
            assert_readable(certificate, source="the chain")
        found = _path_of_what_is_sent(certificates, at, sent)
        known = (*found.path, *found.links, *found.other_roots)
        unrelated = tuple(each for each in dict.fromkeys(certificates) if each not in known)
        return cls(found.path, at, unrelated, sent, found.links, found.other_roots)

    @property
    def server(self) -> x509.Certificate:
        """The certificate of the TLS server."""
        return self.path[0]

    @property
    def has_server(self) -> bool:
        """Whether the first certificate may be a server's. False if it can only be a CA's: the server's is missing."""
        return not _is_only_an_authority(self.server)

    @property
    def root(self) -> x509.Certificate | None:
        """The self-issued certificate at the end of the path; None if it is missing."""
        return self.path[-1] if is_self_issued(self.path[-1]) else None

    @property
    def anchor(self) -> x509.Certificate | None:
        """The certificate in the path that devices are given; None if it is not in the path."""
        if self.at.anchor_certificate is not None:
            return self.at.anchor_certificate if self.at.anchor_certificate in self.path else None
        if self.at.anchor is AnchorRole.ROOT:
            return self.root
        above = self.path[1:-1] if self.root else self.path[1:]
        return above[-1] if above else None

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """All certificates of the path except the server certificate, from the top down, then links."""
        return (*reversed(self.path[1:]), *self.links)

    @property
    def issued_pairs(self) -> tuple[tuple[x509.Certificate, x509.Certificate], ...]:
        """Pairs of a certificate and its issuer, from the top down. The root is its own issuer."""
        pairs = list(zip(self.path, self.path[1:], strict=False))
        if self.root is not None:
            pairs.append((self.root, self.root))
        return tuple(reversed(pairs))

    @property
    def sent_beside(self) -> tuple[x509.Certificate, ...]:
        """Certificates that a server sends in addition to path, links and roots: unrelated ones and repeated ones."""
        known = {*self.path, *self.links, *self.other_roots}
        sent = self.sent or ()
        again = (each for place, each in enumerate(sent) if each in sent[:place] and each not in self.roots)
        return (*(each for each in dict.fromkeys(sent) if each not in known), *again)

    @property
    def used(self) -> tuple[x509.Certificate, ...]:
        """The certificates that at least some devices use to build a path: the path itself, and links."""
        return (*self.path, *self.links)

    @property
    def parsed(self) -> tuple[x509.Certificate, ...]:
        """The certificates that a client has to parse, used or not.

        Small TLS stacks refuse the whole chain because of one certificate that they cannot parse.
        """
        return tuple(dict.fromkeys((*self.used, *self.sent_beside)))

    @property
    def counted(self) -> tuple[x509.Certificate, ...]:
        """The certificates that count against a device's memory: the root, sent or not, and all others that are sent.

        A link certificate connects two roots, and each device has one of them. So of the roots that are not sent, only
        the longest counts. A certificate that is sent twice is listed twice.
        """
        sent = tuple(each for each in self.roots if each in (self.sent or ()))
        held = max((each for each in self.roots if each not in sent), key=lambda each: len(der(each)), default=None)
        below = tuple(each for each in (*self.links, *reversed(self.path)) if each not in self.roots)
        return (*((held,) if held else ()), *sent, *below, *self.sent_beside)

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """The root of the path, and the roots at the other end of a link."""
        return (*((self.root,) if self.root else ()), *self.other_roots)

    def role_of(self, certificate: x509.Certificate) -> str:
        """``root``, ``link``, ``intermediate`` or ``server``; ``other`` for anything else that is sent."""
        if certificate in self.roots:
            return "root"
        if certificate in self.links or any(is_link_to(certificate, root) for root in self.other_roots):
            return "link"
        if certificate in self.path:
            return "server" if certificate == self.server and self.has_server else "intermediate"
        return "other"


def _is_only_an_authority(certificate: x509.Certificate) -> bool:
    """CA:TRUE, no SAN, and no host as its name. A server certificate with CA:TRUE, a common mistake, has one of them.

    A name without a space may be a host. Then it is a CA's if its key may sign certificates and no handshakes.
    """
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca or extension(certificate, x509.SubjectAlternativeName) is not None:
        return False
    usage = extension(certificate, x509.KeyUsage)
    may_only_issue = usage is not None and usage.key_cert_sign and not usage.digital_signature
    return may_only_issue or " " in display_name(certificate.subject)


def _path_of_what_is_sent(
    certificates: tuple[x509.Certificate, ...], at: Circumstances, sent: tuple[x509.Certificate, ...] | None
) -> FoundPath:
    """The path that a client finds with what the server sends, and roots; if incomplete, with all certificates."""
    if sent:
        roots = (each for each in certificates if is_self_issued(each) or each == at.anchor_certificate)
        found = find_path((*sent, *roots), anchor=at.anchor_certificate, now=at.now)
        if is_issued_by(found.path[-1], found.path[-1]) or found.path[-1] == at.anchor_certificate:
            return found
    return find_path(certificates, anchor=at.anchor_certificate, now=at.now)


__all__ = ["DEFAULT_WARN_DAYS", "ChainCase", "Circumstances", "extension"]
