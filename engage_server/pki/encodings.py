"""Reads and writes certificates as PEM and DER."""

from collections.abc import Iterable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import CertificateInvalid
from engage_server.pki.extensions import UNREADABLE as UNREADABLE
from engage_server.pki.warnings_of_cryptography import quietly

# RFC 7468 section 2 allows explanatory text before a block, such as the text dump of "openssl ca"
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"

# without extensions: one that cannot be read is a finding, and must not hide other findings
_PARTS = ("subject", "issuer", "version", "not_valid_before_utc", "not_valid_after_utc", "public_key")

_NEXT = "Give an X.509 certificate as PEM (-----BEGIN CERTIFICATE-----) or as DER."


def read_certificates(content: bytes, *, source: str) -> list[x509.Certificate]:
    """Read all certificates in PEM text, in order, ignoring other text; or the one certificate in DER bytes.

    Args:
        content: The file's bytes.
        source: The name to use in errors, such as a file name.

    Raises:
        CertificateInvalid: There is no certificate, or one cannot be parsed.
    """
    blocks = list(_blocks(content))
    try:
        if blocks:
            found = [x509.load_pem_x509_certificate(block) for block in blocks]
        else:
            found = [x509.load_der_x509_certificate(content)]
    except UNREADABLE:
        raise CertificateInvalid(f"{source}: it contains no certificate that can be read", _NEXT) from None
    for certificate in found:
        assert_readable(certificate, source=source)
    return found


def _blocks(content: bytes) -> Iterator[bytes]:
    """Each part from a BEGIN to the next END. Its cost grows with the length alone: a regular expression's does not."""
    end = 0
    while (begin := content.find(_BEGIN, end)) >= 0:
        found = content.find(_END, begin + len(_BEGIN))
        if found < 0:
            return
        end = found + len(_END)
        yield content[begin:end]


def assert_readable(certificate: x509.Certificate, *, source: str) -> None:
    """Read every part of a certificate except its extensions. cryptography parses most parts only on access.

    Raises:
        CertificateInvalid: A part cannot be read, or is of an unknown kind.
    """
    with quietly():
        for part in _PARTS:
            try:
                value = getattr(certificate, part)
                if callable(value):
                    value()
            except UNREADABLE as error:
                what = part.replace("_", " ")
                raise CertificateInvalid(
                    f"{source}: a certificate's {what} cannot be read ({str(error)[:120]})", "Have it issued again."
                ) from None


def read_der(content: bytes, *, source: str) -> x509.Certificate:
    """Read exactly one certificate in DER, as a device downloads it.

    Raises:
        CertificateInvalid: It is PEM, or not a certificate, or more than one.
    """
    if b"-----BEGIN" in content:
        raise CertificateInvalid(
            f"{source}: it is PEM, but devices download and hash DER",
            "Convert it: openssl x509 -in FILE -outform DER -out FILE.der",
        )
    (certificate,) = read_certificates(content, source=source)
    return certificate


def der(certificate: x509.Certificate) -> bytes:
    """The certificate as DER, which TLS carries and devices hash."""
    return certificate.public_bytes(Encoding.DER)


def pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """The certificates as concatenated PEM, in the given order."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
