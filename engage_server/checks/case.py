"""What the rules look at."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.errors import CertificateInvalid
from engage_server.pki.chain import Chain
from engage_server.pki.names import display_name
from engage_server.records import AnchorRole, Host

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class ChainCase:
    """A chain and the circumstances under which it is judged.

    Attributes:
        chain: In order; see :func:`engage_server.pki.chain.arrange`.
        now: Aware. The time at which validity is judged.
        hosts: Every host that devices call; empty when unknown.
        anchor: Which certificate the devices are given.
        server_key: The public half of the key that the server would use; None when unknown.
    """

    chain: Chain
    now: datetime
    hosts: tuple[Host, ...] = ()
    anchor: AnchorRole = AnchorRole.ROOT
    server_key: PublicKeyTypes | None = None

    def __post_init__(self) -> None:
        for certificate in self.chain:
            try:
                _ = certificate.extensions
                _ = certificate.public_key()
            except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
                raise CertificateInvalid(
                    f"{display_name(certificate.subject)}: its extensions or key can not be read ({error})",
                    "Have it issued again.",
                ) from None

    @property
    def issued_pairs(self) -> list[tuple[x509.Certificate, x509.Certificate]]:
        """(certificate, its issuer), from the root's self-signature down."""
        path = list(self.chain)
        return list(zip(path, [path[0], *path], strict=False))


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The certificate's extension of this kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
