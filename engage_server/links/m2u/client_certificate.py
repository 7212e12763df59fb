"""The certificate that M2U presents to us, and the small authority that issues it and nothing else.

Who holds a certificate of it can only knock at this ingress. Pure: nothing is read or written.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engage_server.errors import PrivateKeyInvalid, UsageError
from engage_server.pki.keys import generate_key, keys_match
from engage_server.records import Secret

DEFAULT_NAME = "m2u.talk2m.com"  # the name that the document gives to M2U's certificate (section 5)
DEFAULT_DAYS = 730
_AUTHORITY_NAME = "engage-server M2U client CA"
_AUTHORITY_DAYS = 3650
_BACKDATE = timedelta(hours=1)  # for a clock that is behind
_MAX_NAME = 64  # X.520's upper bound of a common name


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)


def new_authority(now: datetime) -> Issued:
    """Make the authority. It lives for ten years, and is trusted by nobody but this ingress."""
    key = generate_key()
    name = _name(_AUTHORITY_NAME)
    builder = _begun(name, name, key.public_key(), now, now + timedelta(days=_AUTHORITY_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue(authority: x509.Certificate, authority_key: PrivateKeyTypes, name: str, days: int, now: datetime) -> Issued:
    """Issue a client certificate.

    Args:
        authority: The authority's certificate.
        authority_key: Its key.
        name: The common name.
        days: How long it is valid. Never longer than the authority.
        now: The time; aware.

    Raises:
        UsageError: The name is too long, or the authority has expired.
        PrivateKeyInvalid: The key is not that of the authority.
    """
    if not name.strip() or len(name) > _MAX_NAME:
        raise UsageError(f"a name has 1 to {_MAX_NAME} characters", f"Give another one, such as {DEFAULT_NAME}.")
    if not isinstance(authority_key, rsa.RSAPrivateKey) or not keys_match(authority_key, authority.public_key()):
        raise PrivateKeyInvalid(
            "the key is not that of the authority's certificate", "Restore both files from their backup."
        )
    until = min(now + timedelta(days=days), authority.not_valid_after_utc)
    if until <= now:
        raise UsageError(
            f"the authority expired on {authority.not_valid_after_utc:%Y-%m-%d}", "Name a new folder for a new one."
        )
    key = generate_key()
    builder = _begun(_name(name), authority.subject, key.public_key(), now, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return Issued(builder.sign(authority_key, hashes.SHA256()), key)


def as_pkcs12(issued: Issued, authority: x509.Certificate, passphrase: Secret) -> bytes:
    """Write certificate, key and authority as PKCS#12, encrypted."""
    name = issued.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert isinstance(name, str)  # noqa: S101  # a common name of ours is text
    encryption = BestAvailableEncryption(passphrase.reveal())
    return pkcs12.serialize_key_and_certificates(name.encode(), issued.key, issued.certificate, [authority], encryption)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - _BACKDATE).replace(microsecond=0))
        .not_valid_after(until.replace(microsecond=0))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
