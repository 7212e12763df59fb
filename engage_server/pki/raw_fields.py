"""How a certificate is spelled, byte for byte: cryptography reads it kindly, small TLS stacks compare it literally."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

# ASN.1 tags of X.680 section 8.6, as they stand in DER
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18

_EXPLICIT_VERSION = 0xA0
_LONG_LENGTH = 0x80


@dataclass(frozen=True, slots=True)
class Element:
    """One DER element.

    Attributes:
        tag: Its first octet. Tags of more than one octet do not occur where this module looks.
        content: What it holds.
    """

    tag: int
    content: bytes


@dataclass(frozen=True, slots=True)
class RawFields:
    """The parts of a TBSCertificate (RFC 5280 section 4.1) whose spelling matters.

    Attributes:
        issuer: The content of the issuer's RDNSequence.
        not_before: The time, its tag says which form.
        not_after: The time, its tag says which form.
        subject: The content of the subject's RDNSequence.
    """

    issuer: bytes
    not_before: Element
    not_after: Element
    subject: bytes


@lru_cache(maxsize=256)  # a dozen rules ask about the same few certificates
def raw_fields(certificate: x509.Certificate) -> RawFields:
    """Read the fields. The certificate was parsed before, so its DER is known to be whole."""
    (tbs,) = elements(certificate.tbs_certificate_bytes)
    fields = [field for field in elements(tbs.content) if field.tag != _EXPLICIT_VERSION]
    _serial, _algorithm, issuer, validity, subject = fields[:5]
    not_before, not_after = elements(validity.content)
    return RawFields(issuer.content, not_before, not_after, subject.content)


def attributes(name: bytes) -> Iterator[tuple[bytes, Element]]:
    """The attributes of an RDNSequence's content: (content of the type's OID, value)."""
    for relative in elements(name):
        for pair in elements(relative.content):
            kind, value = elements(pair.content)
            yield kind.content, value


def elements(content: bytes) -> Iterator[Element]:
    """The elements that stand one after the other in ``content``.

    Raises:
        ValueError: They do not fill it exactly.
    """
    at = 0
    while at < len(content):
        begin, length = _header(content, at)
        if begin + length > len(content):
            raise ValueError("a DER element is longer than what holds it")
        yield Element(content[at], content[begin : begin + length])
        at = begin + length


def _header(content: bytes, at: int) -> tuple[int, int]:
    """Where an element's content begins, and its length."""
    if at + 2 > len(content):
        raise ValueError("a DER element has no length")
    first = content[at + 1]
    if first < _LONG_LENGTH:
        return at + 2, first
    begin = at + 2 + (first - _LONG_LENGTH)
    return begin, int.from_bytes(content[at + 2 : begin], "big")
