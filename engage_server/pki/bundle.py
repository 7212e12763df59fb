"""Certificates and keys in every container in which people have them: PEM, DER, PKCS#7, PKCS#12."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from engage_server.errors import CertificateInvalid
from engage_server.pki.encodings import UNREADABLE, assert_readable
from engage_server.records import Secret

# RFC 7468 section 2, and the labels of section 5, 8 and 10 and of OpenSSL's older forms
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{3,40})-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATES = {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}
_PKCS7 = {b"PKCS7", b"CMS"}

_NEXT = "Give PEM, DER, PKCS#7 or PKCS#12; a PKCS#12 file needs --passphrase-file unless its passphrase is empty."


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one or several files hold.

    Attributes:
        certificates: In the order in which they stand there.
        keys: Private keys that could be opened. Encrypted ones for which no passphrase was given are passed over.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    keys: tuple[PrivateKeyTypes, ...] = field(default=(), repr=False)

    def __add__(self, other: "Bundle") -> "Bundle":
        return Bundle(self.certificates + other.certificates, self.keys + other.keys)


def read_bundle(content: bytes, *, source: str, passphrase: Secret | None = None) -> Bundle:
    """Read whatever it is.

    Args:
        content: The file's bytes. Text around PEM blocks, such as the dump of ``openssl ca``, is passed over.
        source: What to call it in errors.
        passphrase: For PKCS#12 and encrypted keys.

    Raises:
        CertificateInvalid: It is none of the containers, or holds neither a certificate nor a key.
    """
    secret = passphrase.reveal() if passphrase else None
    bundle = _from_pem(content, source, secret) if b"-----BEGIN " in content else _from_der(content, secret)
    if bundle is None:
        raise CertificateInvalid(f"{source}: no certificate that can be read", _NEXT)
    for certificate in bundle.certificates:
        assert_readable(certificate, source=source)
    return bundle


def _from_pem(content: bytes, source: str, secret: bytes | None) -> Bundle | None:
    certificates: list[x509.Certificate] = []
    found_key, keys = False, []
    for match in _BLOCK.finditer(content):
        label, block = match.group(1), match.group(0)
        try:
            if label in _CERTIFICATES:
                block = block.replace(label, b"CERTIFICATE")
                certificates.append(x509.load_pem_x509_certificate(block))
            elif label in _PKCS7:
                certificates += _pem_pkcs7(block.replace(label, b"PKCS7"))
        except UNREADABLE:
            raise CertificateInvalid(
                f"{source}: certificate no. {len(certificates) + 1} can not be read", _NEXT
            ) from None
        if label.endswith(b"PRIVATE KEY"):
            found_key = True
            keys += _key(load_pem_private_key, block, secret)
    return Bundle(tuple(certificates), tuple(keys)) if certificates or found_key else None


def _from_der(content: bytes, secret: bytes | None) -> Bundle | None:
    for read in (_der_certificate, _der_pkcs7, _pkcs12, _der_key):
        try:
            return read(content, secret)
        except UNREADABLE:
            continue
    return None


def _der_certificate(content: bytes, _secret: bytes | None) -> Bundle:
    return Bundle((x509.load_der_x509_certificate(content),))


# PKCS#7 and PKCS#12 are imported where one is met: that brings in e-mail, and takes longer than to judge a chain


def _pem_pkcs7(block: bytes) -> list[x509.Certificate]:
    from cryptography.hazmat.primitives.serialization import pkcs7

    return pkcs7.load_pem_pkcs7_certificates(block)


def _der_pkcs7(content: bytes, _secret: bytes | None) -> Bundle:
    from cryptography.hazmat.primitives.serialization import pkcs7

    return Bundle(tuple(pkcs7.load_der_pkcs7_certificates(content)))


def _pkcs12(content: bytes, secret: bytes | None) -> Bundle:
    """A passphrase too many does no harm; none and an empty one are two things in PKCS#12 (RFC 7292 appendix B.1)."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    for candidate in dict.fromkeys((secret, None, b"")):
        try:
            held = pkcs12.load_pkcs12(content, candidate)
        except UNREADABLE:
            continue
        certificates = [held.cert.certificate] if held.cert else []
        certificates += [each.certificate for each in held.additional_certs]
        return Bundle(tuple(certificates), (held.key,) if held.key else ())
    raise ValueError("not PKCS#12, or another passphrase")


def _der_key(content: bytes, secret: bytes | None) -> Bundle:
    keys = _key(load_der_private_key, content, secret)
    if not keys:
        raise ValueError("no key")
    return Bundle((), tuple(keys))


def _key(
    load: Callable[[bytes, bytes | None], PrivateKeyTypes], content: bytes, secret: bytes | None
) -> list[PrivateKeyTypes]:
    for candidate in dict.fromkeys((secret, None)):
        try:
            return [load(content, candidate)]
        except UNREADABLE:
            continue
    return []
