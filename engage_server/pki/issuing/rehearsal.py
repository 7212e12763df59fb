"""Copies a chain with throwaway keys, to rehearse a rotation while the real keys are elsewhere. Pure.

Names, dates, extensions and sizes are those of the original. So the results of measuring and validating the copy apply
to the original, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.pki.chain import Chain
from engage_server.pki.extensions import extensions_of
from engage_server.pki.issuing.authority import Issuer, random_serial_number
from engage_server.pki.issuing.succession import AuthorityKeys


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A copied chain.

    Attributes:
        chain: The copy.
        authority: The throwaway keys of its CAs.
    """

    chain: Chain
    authority: AuthorityKeys = field(repr=False)


def rehearse(chain: Chain, throwaway: Sequence[rsa.RSAPrivateKey]) -> Rehearsal:
    """Copy a chain. Links are left out because every way drops them.

    Args:
        chain: The original.
        throwaway: At least three keys, for root, intermediates and server.
    """
    root_key, *keys = throwaway[: len(chain.intermediates) + 2]
    root = _copied(chain.root, root_key, root_key)
    issuer = Issuer(root, root_key)
    intermediates: list[x509.Certificate] = []
    for original, key in zip(reversed(chain.intermediates), keys, strict=False):
        issuer = Issuer(_copied(original, key, issuer), key)
        intermediates.insert(0, issuer.certificate)
    server = _copied(chain.server, keys[-1], issuer)
    lowest = issuer.key if intermediates else None
    return Rehearsal(Chain(root, tuple(intermediates), server), AuthorityKeys(root_key, lowest))


def _copied(original: x509.Certificate, key: rsa.RSAPrivateKey, issuer: Issuer | rsa.RSAPrivateKey) -> x509.Certificate:
    signing = issuer.key if isinstance(issuer, Issuer) else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(original.subject)
        .issuer_name(issuer.certificate.subject if isinstance(issuer, Issuer) else original.subject)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(original.not_valid_before_utc)
        .not_valid_after(original.not_valid_after_utc)
    )
    for each in extensions_of(original).readable:
        if isinstance(each.value, x509.SubjectKeyIdentifier):
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), each.critical)
        elif isinstance(each.value, x509.AuthorityKeyIdentifier):
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
            builder = builder.add_extension(identifier, each.critical)
        else:
            builder = builder.add_extension(each.value, each.critical)
    return builder.sign(signing, hashes.SHA256())
