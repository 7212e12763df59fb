"""What a release holds, as people read it: its certificates with their names, ends and sizes. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from engage_server.pki.byte_budget import ByteBudget, measure
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der
from engage_server.pki.extensions import extension
from engage_server.pki.names import display_name
from engage_server.records import Release
from engage_server.services.releases.lifecycle import chain_of


@dataclass(frozen=True, slots=True)
class CertificateContents:
    """One certificate of a release. What others wrote into it is as it is: who shows it has to escape it.

    Attributes:
        role: ``root``, ``intermediate``, ``server`` or ``link``.
        subject: The common name, else the whole name.
        issuer: The same of who issued it.
        names: The names and addresses that it is valid for. Empty for a CA.
        begins, ends: When it is valid, timezone-aware, UTC.
        der_bytes: Its size as DER.
        is_sent: Whether the TLS server sends it. A root counts although it is not sent.
        is_anchor: Whether devices are given it as their trust anchor.
        fingerprint: SHA-256 of its DER, in hexadecimal.
    """

    role: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    der_bytes: int
    is_sent: bool
    is_anchor: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ReleaseContents:
    """What a release holds. Its private key is no part of it.

    Attributes:
        release: The release.
        certificates: From the root down to the server's, then the links.
        budget: How much of a device's memory they take.
    """

    release: Release
    certificates: tuple[CertificateContents, ...]
    budget: ByteBudget

    @property
    def has_key(self) -> bool:
        """Whether its private key is still there, so that it can be served."""
        return self.release.key_destroyed_at is None

    @property
    def anchor(self) -> CertificateContents:
        """The certificate that devices are given."""
        return next(each for each in self.certificates if each.is_anchor)

    @property
    def server(self) -> CertificateContents:
        """The certificate of the TLS server."""
        return self.of_role("server")[0]

    @property
    def first_to_end(self) -> CertificateContents:
        """The certificate that ends first."""
        return min(self.certificates, key=lambda each: each.ends)

    def of_role(self, role: str) -> tuple[CertificateContents, ...]:
        """The certificates of one role, from the root down. Empty for none."""
        return tuple(each for each in self.certificates if each.role == role)


def left_words(left: int) -> str:
    """The free bytes of a chain, as a figure. A chain that is too long says so in words.

    Args:
        left: Of a budget; negative if the chain does not fit.
    """
    return f"{left:,}" if left >= 0 else f"none: {-left:,} too many"


def contents_of(release: Release) -> ReleaseContents:
    """Read the certificates of a release."""
    chain = chain_of(release)
    return ReleaseContents(release, tuple(_certificates(chain, release)), measure(chain))


def _certificates(chain: Chain, release: Release) -> Iterator[CertificateContents]:
    for each in (*chain, *chain.links):
        content = der(each)
        yield CertificateContents(
            role=chain.role_of(each),
            subject=display_name(each.subject),
            issuer=display_name(each.issuer),
            names=_names(each),
            begins=each.not_valid_before_utc,
            ends=each.not_valid_after_utc,
            der_bytes=len(content),
            is_sent=each != chain.root,
            is_anchor=content == release.anchor_der,
            fingerprint=hashlib.sha256(content).hexdigest(),
        )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    san = extension(certificate, x509.SubjectAlternativeName)
    return tuple(str(getattr(each, "value", each)) for each in san or ())
