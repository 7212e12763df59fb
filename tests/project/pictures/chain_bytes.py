"""Where a chain's bytes go: a real chain of the program's own builder, taken apart."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engage_server.pki.byte_budget import ByteBudget, extension_bytes, measure
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der
from engage_server.pki.extensions import extensions_of
from tests.project.pictures.drawing import Picture

_LEFT, _WIDTH, _HEIGHT = 24, 572, 44
_KINDS = {"key": "blue", "signature": "green", "names": "amber", "extensions": "red", "the rest": "plain"}


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a certificate, and its bytes of DER."""

    part: str
    der_bytes: int


def shares(certificate: x509.Certificate) -> tuple[Share, ...]:
    """A certificate's bytes by what they are for. The rest is version, serial number, dates and the frame."""
    key = len(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    names = len(certificate.subject.public_bytes()) + len(certificate.issuer.public_bytes())
    extensions = sum(extension_bytes(each) for each in extensions_of(certificate).readable)
    known = (
        Share("key", key),
        Share("signature", len(certificate.signature)),
        Share("names", names),
        Share("extensions", extensions),
    )
    return (*known, Share("the rest", len(der(certificate)) - sum(share.der_bytes for share in known)))


def chain_bytes(chain: Chain) -> Picture:
    """One bar for the whole chain in a device's memory, one for each certificate, and what the colours mean."""
    budget = measure(chain)
    rows = ", ".join(f"{row.role} {row.der_bytes}" for row in budget.rows)
    parts = {share.part: share.der_bytes for share in shares(chain.server)}
    said = ", ".join(f"{name} {number}" for name, number in parts.items())
    picture = Picture(
        "chain-bytes",
        (620, 420),
        f"What a chain's {budget.limit} bytes are made of",
        f"A device holds {budget.limit} bytes of DER. This chain takes {budget.total}: {rows}. {budget.left} are left. "
        f"A link certificate for a later root would need {budget.link_certificate_bytes} of them. The server "
        f"certificate's bytes: {said}.",
    )
    _whole(picture, budget)
    for number, certificate in enumerate((chain.root, *chain.intermediates, chain.server)):
        _certificate(picture, 162 + 66 * number, chain.role_of(certificate), shares(certificate))
    _legend(picture, 358)
    return picture


def _whole(picture: Picture, budget: ByteBudget) -> None:
    picture.words(
        _LEFT, 36, f"A device's memory: {budget.limit} bytes. This chain: {budget.total}.", bold=True, size=16
    )
    scale = _WIDTH / budget.limit
    x = float(_LEFT)
    for row in budget.rows:
        width = row.der_bytes * scale
        picture.box(x, 52, width, _HEIGHT, "blue")
        picture.words(x + width / 2, 71, row.role, size=14, at="middle")
        picture.words(x + width / 2, 89, f"{row.der_bytes}", size=14, at="middle")
        x += width
    link = budget.link_certificate_bytes * scale
    picture.box(x, 52, link, _HEIGHT, "page", edge="dashed")
    picture.words(x + link / 2, 71, "a later link", "soft", size=14, at="middle")
    picture.words(x + link / 2, 89, f"{budget.link_certificate_bytes}", "soft", size=14, at="middle")
    free = _LEFT + _WIDTH - x - link
    picture.box(x + link, 52, free, _HEIGHT, "page", edge="dashed")
    picture.words(x + link + free / 2, 71, "free", "soft", size=14, at="middle")
    picture.words(x + link + free / 2, 89, f"{budget.left_with_link}", "soft", size=14, at="middle")
    picture.words(_LEFT, 118, "The root counts although it is not sent.", "soft", size=14)


def _certificate(picture: Picture, y: float, role: str, parts: tuple[Share, ...]) -> None:
    total = sum(share.der_bytes for share in parts)
    picture.words(_LEFT, y - 8, f"{role}, {total} bytes", size=15)
    x = float(_LEFT)
    for share in parts:
        width = share.der_bytes * _WIDTH / 900  # the three at one scale
        picture.box(x, y, width, 30, _KINDS[share.part])
        picture.words(x + width / 2, y + 20, f"{share.der_bytes}", size=14, at="middle")
        x += width


def _legend(picture: Picture, y: float) -> None:
    for x, part, told in _columns():
        picture.box(x, y, 14, 14, _KINDS[part])
        picture.words(x + 22, y + 12, part, size=14)
        picture.words(x, y + 34, told, "soft", size=13)


def _columns() -> Iterator[tuple[float, str, str]]:
    told = {
        "key": "RSA-2048",
        "signature": "RSA-2048",
        "names": "yours to choose",
        "extensions": "hosts are here",
        "the rest": "dates, numbers",
    }
    for number, (part, words) in enumerate(told.items()):
        yield _LEFT + number * 116, part, words
