"""How many bytes each part of a chain takes, and how many are left of a device's limit."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography import x509

from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der, pem
from engage_server.pki.extensions import extension, extensions_of
from engage_server.pki.names import display_name

# "These devices support a total chain length (top level root authority certificate + intermediate certificate(s) +
# SSL host certificate) of no longer than 4096 bytes": host server page, on NDE and MT20W. The page does not name the
# encoding; DER is what TLS carries and a device's buffer holds.
MAX_CHAIN_DER_BYTES = 4096

_AUTHORITY_KEY_IDENTIFIER_BYTES = 33  # SEQUENCE, OID, OCTET STRING, SEQUENCE, [0] and 20 octets of SHA-1


@dataclass(frozen=True, slots=True)
class Row:
    """The size of one certificate.

    Attributes:
        role: ``root``, ``intermediate``, ``server`` or ``link``.
        name: The common name.
        der_bytes: Its size as DER.
        sent: Whether the TLS server sends it.
    """

    role: str
    name: str
    der_bytes: int
    sent: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """The size of one name attribute, SAN entry or extension, added up over the whole chain.

    Attributes:
        what: The part, such as ``O=Example`` or ``SAN locks.example.org``.
        count: How often it occurs in the chain.
        der_bytes: The size of all occurrences together.
        mend: How to make it shorter, or "" if that is not possible.
    """

    what: str
    count: int
    der_bytes: int
    mend: str


@dataclass(frozen=True, slots=True)
class ByteBudget:
    """The size of a chain compared with a device's memory.

    Attributes:
        rows: From the root down.
        limit: The most bytes of DER that devices accept.
        link_certificate_bytes: What a later NewWithOld link certificate (RFC 4210 section 4.4) would add.
        pem_bytes: The size of the chain as PEM, in case the vendor's limit counts PEM.
    """

    rows: tuple[Row, ...]
    limit: int
    link_certificate_bytes: int
    pem_bytes: int

    @property
    def total(self) -> int:
        """The size in bytes of DER, root included."""
        return sum(row.der_bytes for row in self.rows)

    @property
    def left(self) -> int:
        """The free bytes of DER; negative if the chain does not fit."""
        return self.limit - self.total

    @property
    def left_with_link(self) -> int:
        """The free bytes after adding a link certificate; negative if there is no room for one."""
        return self.left - self.link_certificate_bytes

    @property
    def fits(self) -> bool:
        """Whether a device can hold the chain. A chain of exactly the limit fits."""
        return self.left >= 0


def measure(chain: Chain, limit: int = MAX_CHAIN_DER_BYTES) -> ByteBudget:
    """Measure every certificate of a chain."""
    all_of_it = (*chain, *chain.links)
    rows = tuple(Row(chain.role_of(c), display_name(c.subject), len(der(c)), sent=c != chain.root) for c in all_of_it)
    return ByteBudget(rows, limit, link_certificate_bytes(chain.root), len(pem(all_of_it)))


def link_certificate_bytes(root: x509.Certificate) -> int:
    """The size of the link certificate that ``root`` would issue for a successor with a name of the same length.

    It is as large as the successor's root certificate, plus an authority key identifier if ``root`` has none.
    """
    has_identifier = extension(root, x509.AuthorityKeyIdentifier) is not None
    return len(der(root)) + (0 if has_identifier else _AUTHORITY_KEY_IDENTIFIER_BYTES)


def costs(chain: Chain) -> list[Cost]:
    """List the sizes of names and extensions, largest first, without keys and signatures, which cannot be shorter."""
    return costs_of((*chain, *chain.links))


def costs_of(certificates: Iterable[x509.Certificate]) -> list[Cost]:
    """The same for any certificates, whether or not they are a chain."""
    sizes: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    for certificate in certificates:
        for what, mend, size in _parts(certificate):
            sizes[what, mend] += size
            counts[what, mend] += 1
    found = [Cost(what, counts[what, mend], size, mend) for (what, mend), size in sizes.items()]
    return sorted(found, key=lambda cost: (-cost.der_bytes, cost.what))


def _parts(certificate: x509.Certificate) -> Iterator[tuple[str, str, int]]:
    for name in (certificate.subject, certificate.issuer):
        for attribute in name:
            alone = x509.Name([attribute])
            mend = "shorten or leave out" if attribute.rfc4514_attribute_name != "CN" else "shorten"
            yield (
                alone.rfc4514_string(),
                mend,
                len(alone.public_bytes()) - _header_bytes(alone.public_bytes()),
            )
    for each in extensions_of(certificate).readable:
        if isinstance(each.value, x509.SubjectAlternativeName):
            yield from _san_parts(each.value)
        else:
            yield _extension_name(each), _mend_of(each), extension_bytes(each)


def _san_parts(san: x509.SubjectAlternativeName) -> Iterator[tuple[str, str, int]]:
    for general_name in san:
        alone = x509.SubjectAlternativeName([general_name]).public_bytes()
        value = getattr(general_name, "value", general_name)
        yield f"SAN {value}", "leave out names that no device calls", len(alone) - _header_bytes(alone)


def extension_bytes(extension: x509.Extension[x509.ExtensionType]) -> int:
    """The size of a whole Extension (RFC 5280 section 4.1): SEQUENCE, OID, critical flag, OCTET STRING."""
    oid = _oid_bytes(extension.oid)
    critical = 3 if extension.critical else 0
    return _tlv_bytes(oid + critical + _tlv_bytes(len(extension.value.public_bytes())))


def _extension_name(extension: x509.Extension[x509.ExtensionType]) -> str:
    name = type(extension.value).__name__
    return extension.oid.dotted_string if isinstance(extension.value, x509.UnrecognizedExtension) else name


def _mend_of(extension: x509.Extension[x509.ExtensionType]) -> str:
    needed = (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
    )
    return "" if isinstance(extension.value, needed) else "leave out: devices do not use it"


def _oid_bytes(oid: x509.ObjectIdentifier) -> int:
    first, second, *rest = (int(arc) for arc in oid.dotted_string.split("."))
    return _tlv_bytes(sum(max(1, -(-arc.bit_length() // 7)) for arc in (first * 40 + second, *rest)))


def _tlv_bytes(length: int) -> int:
    """The size of tag, length octets and content (X.690 section 8.1.3)."""
    return 2 + length if length < 128 else 2 + -(-length.bit_length() // 8) + length


def _header_bytes(tlv: bytes) -> int:
    return 2 if tlv[1] < 128 else 2 + (tlv[1] & 0x7F)
