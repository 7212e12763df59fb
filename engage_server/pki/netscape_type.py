"""The Netscape certificate type (nsCertType): older than extended key usage, and still written by old CA scripts."""

from cryptography import x509

from engage_server.pki.extensions import extensions_of
from engage_server.pki.raw_fields import BIT_STRING, elements

NETSCAPE_SSL_SERVER = 0x40  # the second bit; openssl/x509v3.h: NS_SSL_SERVER
MALFORMED = -1
_OID = x509.ObjectIdentifier("2.16.840.1.113730.1.1")


def netscape_types(certificate: x509.Certificate) -> int | None:
    """The octet with the types, such as :data:`NETSCAPE_SSL_SERVER`.

    Returns:
        None if the certificate has no such extension. :data:`MALFORMED` if it is not a bit string of one octet.
    """
    for each in extensions_of(certificate).readable:
        if each.oid == _OID and isinstance(each.value, x509.UnrecognizedExtension):
            return _octet(each.value.value)
    return None


def _octet(value: bytes) -> int:
    try:
        (bits,) = elements(value)
    except ValueError:
        return MALFORMED
    if bits.tag != BIT_STRING or len(bits.content) != 2 or bits.content[0] > 7:
        return MALFORMED
    return bits.content[1]
