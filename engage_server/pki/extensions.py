"""Reads a certificate's extensions one by one: in cryptography, one malformed extension hides all others."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from engage_server.pki.raw_fields import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    RawExtension,
    elements,
    raw_fields,
    with_one_extension,
)
from engage_server.pki.warnings_of_cryptography import quietly

# what cryptography raises for bytes that it does not accept
UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

# what embedded stacks are known to support (mbed TLS, wolfSSL, BearSSL); others must not be critical
_KNOWN_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)

BASIC_CONSTRAINTS = bytes.fromhex("551d13")
KEY_USAGE = bytes.fromhex("551d0f")

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class ReadExtensions:
    """A certificate's extensions, as :func:`extensions_of` read them.

    Attributes:
        readable: The extensions that can be read, in order. One that appears twice is listed twice.
        malformed: Object identifier and fault of each extension that cannot be read.
        repeated: Object identifiers that appear more than once.
    """

    readable: tuple[x509.Extension[x509.ExtensionType], ...]
    malformed: tuple[tuple[str, str], ...] = ()
    repeated: tuple[str, ...] = ()


@lru_cache(maxsize=256)  # every rule calls it
def extensions_of(certificate: x509.Certificate) -> ReadExtensions:
    """Read the extensions that can be read. Never raises for a certificate that was loaded."""
    with quietly():
        try:
            return ReadExtensions(tuple(certificate.extensions))
        except UNREADABLE:
            return _one_by_one(certificate)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The first extension of this kind; None if there is none or it is malformed, which is a finding."""
    for each in extensions_of(certificate).readable:
        if isinstance(each.value, kind):
            return each.value
    return None


def is_critical(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    """Whether the certificate has this extension, marked as critical."""
    return any(each.critical for each in extensions_of(certificate).readable if isinstance(each.value, kind))


def unknown_critical(certificate: x509.Certificate) -> Iterator[str]:
    """The object identifiers of critical extensions that embedded TLS stacks do not know."""
    for each in extensions_of(certificate).readable:
        if each.critical and not isinstance(each.value, _KNOWN_CRITICAL):
            yield each.oid.dotted_string


def stated_path_length(certificate: x509.Certificate) -> int | None:
    """The path length in the basic constraints, even with CA:FALSE, where it is not allowed."""
    for each in raw_fields(certificate).extensions:
        if each.oid == BASIC_CONSTRAINTS:
            return _constraints(each)[1]
    return None


def _one_by_one(certificate: x509.Certificate) -> ReadExtensions:
    readable: list[x509.Extension[x509.ExtensionType]] = []
    malformed: list[tuple[str, str]] = []
    names: list[str] = []
    for raw in raw_fields(certificate).extensions:
        names.append(_dotted(raw.oid))
        try:
            readable += x509.load_der_x509_certificate(with_one_extension(certificate, raw)).extensions
        except UNREADABLE as error:
            if raw.oid == BASIC_CONSTRAINTS and _has_length_beside_no_ca(raw):
                kept = x509.BasicConstraints(ca=False, path_length=None)
                readable.append(x509.Extension(ExtensionOID.BASIC_CONSTRAINTS, raw.is_critical, kept))
            elif raw.oid == KEY_USAGE and (usage := _without_what_means_nothing(raw)) is not None:
                readable.append(x509.Extension(ExtensionOID.KEY_USAGE, raw.is_critical, usage))
            else:
                malformed.append((names[-1], " ".join(str(error).split())[:120]))
    repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
    return ReadExtensions(tuple(readable), tuple(malformed), tuple(repeated))


def _without_what_means_nothing(raw: RawExtension) -> x509.KeyUsage | None:
    """Read a key usage that has encipherOnly or decipherOnly without keyAgreement.

    RFC 5280 section 4.2.1.3 leaves their meaning undefined in that case, but allows them. All TLS clients accept such a
    key usage, but cryptography does not.
    """
    try:
        (bits,) = elements(raw.value)
    except ValueError:
        return None
    if bits.tag != BIT_STRING or not 2 <= len(bits.content) <= 3 or bits.content[0] > 7:
        return None
    unused, octets = bits.content[0], bits.content[1:]
    if octets[-1] & (1 << unused) - 1:
        return None
    given = [bool(octets[0] & 0x80 >> place) for place in range(8)]
    return None if given[4] else x509.KeyUsage(*(*given[:7], False, False))


def _has_length_beside_no_ca(raw: RawExtension) -> bool:
    """Whether the only fault is a path length with CA:FALSE, the one malformed form that TLS clients accept."""
    ca, length = _constraints(raw)
    return not ca and length is not None and _forms(raw) in ([INTEGER], [BOOLEAN, INTEGER])


def _forms(raw: RawExtension) -> list[int]:
    (whole,) = elements(raw.value)
    return [each.tag for each in elements(whole.content)]


def _constraints(raw: RawExtension) -> tuple[bool, int | None]:
    """The CA flag, and the path length if it is a non-negative number."""
    try:
        (whole,) = elements(raw.value)
        parts = list(elements(whole.content))
    except ValueError:
        return False, None
    ca = bool(parts) and parts[0].tag == BOOLEAN and parts[0].content != b"\0"
    length = next((int.from_bytes(each.content, "big", signed=True) for each in parts if each.tag == INTEGER), None)
    return ca, length if length is not None and length >= 0 else None


def _dotted(oid: bytes) -> str:
    arcs, arc = [], 0
    for octet in oid:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]])) if arcs else ""
