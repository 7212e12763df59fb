"""A certificate's exact bytes: cryptography is tolerant when it parses, but small TLS stacks compare bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

# ASN.1 tags of X.680 section 8.6, as encoded in DER
BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30

_EXPLICIT_VERSION = 0xA0
_UNIQUE_IDENTIFIERS = {0x81, 0x82, 0xA1, 0xA2}  # issuerUniqueID [1] and subjectUniqueID [2], a BIT STRING each
_EXTENSIONS = 0xA3
_LONG_LENGTH = 0x80


@dataclass(frozen=True, slots=True)
class Element:
    """One DER element.

    Attributes:
        tag: Its first octet. The elements that this module reads have no longer tags.
        content: The bytes of its content.
    """

    tag: int
    content: bytes

    def encoded(self) -> bytes:
        """The element as DER."""
        size = len(self.content)
        if size < _LONG_LENGTH:
            return bytes([self.tag, size]) + self.content
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([self.tag, _LONG_LENGTH + len(octets)]) + octets + self.content


@dataclass(frozen=True, slots=True)
class RawExtension:
    """One extension, not parsed.

    Attributes:
        oid: The content of its object identifier.
        is_critical: Whether it is marked as critical.
        value: The content of its OCTET STRING.
        whole: The whole Extension element.
    """

    oid: bytes
    is_critical: bool
    value: bytes
    whole: Element


@dataclass(frozen=True, slots=True)
class RawFields:
    """The parts of a Certificate (RFC 5280 section 4.1) whose exact encoding matters.

    Attributes:
        inner_algorithm: ``signature`` of the TBSCertificate, which is signed.
        outer_algorithm: ``signatureAlgorithm`` of the Certificate, which is not.
        issuer: The content of the issuer's RDNSequence.
        not_before: The start date. Its tag shows the type.
        not_after: The end date. Its tag shows the type.
        subject: The content of the subject's RDNSequence.
        public_key: The content of the SubjectPublicKeyInfo.
        has_unique_identifier: Whether it has at least one of the two unique identifiers.
        extensions: In order, including repeated ones.
        before_extensions: All elements of the TBSCertificate except the extensions.
        signature: The signature's BIT STRING.
    """

    inner_algorithm: bytes
    outer_algorithm: bytes
    issuer: bytes
    not_before: Element
    not_after: Element
    subject: bytes
    public_key: bytes
    has_unique_identifier: bool
    extensions: tuple[RawExtension, ...]
    before_extensions: tuple[Element, ...]
    signature: Element


@lru_cache(maxsize=256)  # a dozen rules read the same few certificates
def raw_fields(certificate: x509.Certificate) -> RawFields:
    """Read the fields. cryptography has parsed the certificate, so its DER is known to be complete."""
    (whole,) = elements(certificate.public_bytes(Encoding.DER))
    tbs, outer_algorithm, signature = elements(whole.content)
    given = tuple(elements(tbs.content))
    fields = [field for field in given if field.tag != _EXPLICIT_VERSION]
    _serial, inner_algorithm, issuer, validity, subject, public_key = fields[:6]
    not_before, not_after = elements(validity.content)
    return RawFields(
        inner_algorithm.content,
        outer_algorithm.content,
        issuer.content,
        not_before,
        not_after,
        subject.content,
        public_key.content,
        has_unique_identifier=any(field.tag in _UNIQUE_IDENTIFIERS for field in fields[6:]),
        extensions=tuple(_extensions(fields[6:])),
        before_extensions=tuple(field for field in given if field.tag != _EXTENSIONS),
        signature=signature,
    )


def _extensions(optional: list[Element]) -> Iterator[RawExtension]:
    for field in optional:
        if field.tag != _EXTENSIONS:
            continue
        (several,) = elements(field.content)
        for whole in elements(several.content):
            oid, *critical, value = elements(whole.content)
            yield RawExtension(oid.content, any(each.content != b"\0" for each in critical), value.content, whole)


def with_one_extension(certificate: x509.Certificate, kept: RawExtension) -> bytes:
    """The certificate's DER with only this extension. Its signature is then wrong."""
    fields = raw_fields(certificate)
    extensions = Element(_EXTENSIONS, Element(SEQUENCE, kept.whole.encoded()).encoded())
    tbs = Element(SEQUENCE, b"".join(field.encoded() for field in (*fields.before_extensions, extensions)))
    algorithm = Element(SEQUENCE, fields.outer_algorithm)
    return Element(SEQUENCE, tbs.encoded() + algorithm.encoded() + fields.signature.encoded()).encoded()


def attributes(name: bytes) -> Iterator[tuple[bytes, Element]]:
    """Yield the attributes in an RDNSequence's content, as (content of the type's OID, value)."""
    for relative in elements(name):
        for pair in elements(relative.content):
            kind, value = elements(pair.content)
            yield kind.content, value


def elements(content: bytes) -> Iterator[Element]:
    """Yield the consecutive elements in ``content``.

    Raises:
        ValueError: The elements do not fill ``content`` exactly.
    """
    at = 0
    while at < len(content):
        begin, length = _header(content, at)
        if begin + length > len(content):
            raise ValueError("a DER element is longer than its container")
        yield Element(content[at], content[begin : begin + length])
        at = begin + length


def _header(content: bytes, at: int) -> tuple[int, int]:
    """The start and the length of an element's content."""
    if at + 2 > len(content):
        raise ValueError("a DER element has no length")
    first = content[at + 1]
    if first < _LONG_LENGTH:
        return at + 2, first
    begin = at + 2 + (first - _LONG_LENGTH)
    return begin, int.from_bytes(content[at + 2 : begin], "big")
