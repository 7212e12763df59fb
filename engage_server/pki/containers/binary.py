"""Reads binary files: a certificate, a key, PKCS#7 or PKCS#12 in DER."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from cryptography import x509

from engage_server.pki.containers.contents import Bundle, Opening
from engage_server.pki.containers.private_keys import key_in_der
from engage_server.pki.encodings import UNREADABLE
from engage_server.pki.warnings_of_cryptography import quietly

_SEQUENCE = 0x30
_LONG_LENGTH = 0x80

_T = TypeVar("_T")


def read_binary(content: bytes, opening: Opening) -> Bundle | None:
    """Read DER in any of the formats; None if it has none of them or the passphrase is wrong.

    Raises:
        MustBeOpened: It is neither certificates nor PKCS#7, and may not be opened here.
    """
    found = _first((_certificates, _pkcs7), content, None)
    if found is not None or content[:1] != bytes([_SEQUENCE]):
        return found
    opening.assert_allowed()
    return _first((_pkcs12, key_in_der), content, opening.secret)


def _first(
    readers: Sequence[Callable[[bytes, bytes | None], Bundle | None]], content: bytes, secret: bytes | None
) -> Bundle | None:
    for read in readers:
        try:
            found = read(content, secret)
        except UNREADABLE:
            continue
        if found is not None:
            return found
    return None


def whole_length(content: bytes) -> int | None:
    """The stated length of the first DER element, header included; None if it states none."""
    if len(content) < 2 or content[0] != _SEQUENCE:
        return None
    first = content[1]
    if first < _LONG_LENGTH:
        return 2 + first
    octets = first - _LONG_LENGTH
    if not 1 <= octets <= 4 or len(content) < 2 + octets:
        return None
    return 2 + octets + int.from_bytes(content[2 : 2 + octets], "big")


def _certificates(content: bytes, _secret: bytes | None) -> Bundle:
    """Read certificates. Trust data that OpenSSL's ``-trustout`` appends is skipped."""
    length = whole_length(content)
    first = content[:length]
    found = [_quietly(x509.load_der_x509_certificate, first)]
    rest = content[len(first) :]
    found += _further(rest)
    return Bundle(tuple(found), in_order=True)


def _further(rest: bytes) -> Iterator[x509.Certificate]:
    while rest.strip():
        length = whole_length(rest)
        if length is None or length > len(rest):
            raise ValueError("not only certificates")
        try:
            yield _quietly(x509.load_der_x509_certificate, rest[:length])
        except UNREADABLE:
            if rest[length:].strip():
                raise
            return  # trust data: one sequence at the end
        rest = rest[length:]


# PKCS#7 and PKCS#12 are imported only when needed: they import e-mail modules, which takes longer than a check


def _pkcs7(content: bytes, _secret: bytes | None) -> Bundle:
    from cryptography.hazmat.primitives.serialization import pkcs7

    return Bundle(tuple(_quietly(pkcs7.load_der_pkcs7_certificates, content)))


def _pkcs12(content: bytes, secret: bytes | None) -> Bundle:
    """Read PKCS#12. An unneeded passphrase does no harm.

    No passphrase and an empty one are different in PKCS#12 (RFC 7292 appendix B.1).
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    for candidate in dict.fromkeys((secret, None, b"")):
        try:
            held = _quietly(pkcs12.load_pkcs12, content, candidate)
        except UNREADABLE:
            continue
        certificates = [held.cert.certificate] if held.cert else []
        certificates += [each.certificate for each in held.additional_certs]
        return Bundle(tuple(certificates), (held.key,) if held.key else ())
    raise ValueError("not PKCS#12, or wrong passphrase")


def _quietly(load: Callable[..., _T], *arguments: Any) -> _T:
    """Load without warnings: BER, as Windows and Java write it, is read like DER, and operators need no warning."""
    with quietly():
        return load(*arguments)
