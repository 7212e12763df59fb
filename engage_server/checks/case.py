"""What the rules look at."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.checks.profile import ANY, DeviceProfile
from engage_server.pki.chain import Chain, is_self_issued
from engage_server.pki.encodings import assert_readable
from engage_server.pki.path import find_path
from engage_server.records import AnchorRole, Host

DEFAULT_WARN_DAYS = 30

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which a chain is judged.

    Attributes:
        now: Aware. The time at which validity is judged.
        hosts: Every host that devices call; empty when unknown.
        anchor: Which certificate the devices are given.
        anchor_certificate: The very certificate that they are given, if that is known; it overrules ``anchor``.
        server_key: The public half of the key that the server would use; None when unknown.
        profile: The limits of the devices.
        warn_within: A certificate that ends within this time is warned about.
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
    """A path of certificates, whole or with a gap, and the circumstances under which it is judged.

    Made by :meth:`of_chain` or :meth:`of_certificates`.

    Attributes:
        path: From the server certificate up. At least one certificate.
        at: The circumstances.
        unrelated: What came with it and is not part of it.
        sent: What a TLS server sends, in its order; None when unknown.
        links: What is sent for holders of an older root: another CA's word for this path's root.
    """

    path: tuple[x509.Certificate, ...]
    at: Circumstances
    unrelated: tuple[x509.Certificate, ...] = ()
    sent: tuple[x509.Certificate, ...] | None = None
    links: tuple[x509.Certificate, ...] = ()

    @classmethod
    def of_chain(cls, chain: Chain, at: Circumstances) -> Self:
        """The case of a chain whose order is known.

        Raises:
            CertificateInvalid: A certificate's extensions or key can not be read.
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
        """The case of certificates in any order, with any gaps.

        Args:
            certificates: At least one.
            at: The circumstances.
            sent: What a TLS server sends, in its order, if that is known.

        Raises:
            CertificateInvalid: A certificate's extensions or key can not be read.
        """
        for certificate in certificates:
            assert_readable(certificate, source="the chain")
        found = find_path(certificates)
        return cls(found.path, at, found.unrelated, sent, found.links)

    @property
    def server(self) -> x509.Certificate:
        """The certificate of the TLS server."""
        return self.path[0]

    @property
    def root(self) -> x509.Certificate | None:
        """The self-issued end of the path; None when it is missing."""
        return self.path[-1] if is_self_issued(self.path[-1]) else None

    @property
    def anchor(self) -> x509.Certificate | None:
        """The certificate of the path that the devices are given; None when it is not in the path."""
        if self.at.anchor_certificate is not None:
            return self.at.anchor_certificate if self.at.anchor_certificate in self.path else None
        if self.at.anchor is AnchorRole.ROOT:
            return self.root
        above = self.path[1:-1] if self.root else self.path[1:]
        return above[-1] if above else None

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """All but the server certificate, from the top down."""
        return tuple(reversed(self.path[1:]))

    @property
    def issued_pairs(self) -> tuple[tuple[x509.Certificate, x509.Certificate], ...]:
        """(certificate, its issuer) from the top down; the root is its own issuer."""
        pairs = list(zip(self.path, self.path[1:], strict=False))
        if self.root is not None:
            pairs.append((self.root, self.root))
        return tuple(reversed(pairs))

    def role_of(self, certificate: x509.Certificate) -> str:
        """``root``, ``intermediate`` or ``server``."""
        if certificate == self.root:
            return "root"
        return "server" if certificate == self.server else "intermediate"


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The certificate's extension of this kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
