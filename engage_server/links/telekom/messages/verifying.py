"""Whether a message is what it seems: whole, recent, new, and signed by the one certificate that was agreed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.envelope import Parts, read_parts
from engage_server.links.telekom.messages.refusals import refusal
from engage_server.links.telekom.messages.replays import Replays, ReplaysFull
from engage_server.links.telekom.messages.signature import SignedInfo, from_base64, read_signed_info
from engage_server.links.telekom.messages.timestamp import read_timestamp
from engage_server.links.telekom.messages.xml_text import canonical, read_xml, strict_parser
from engage_server.pki.encodings import der

PARTS = ("body", "timestamp", "token")


@dataclass(frozen=True, slots=True)
class Trust:
    """What a message must be signed with.

    Attributes:
        certificates: The agreed ones: the token must be equal to one. Two while one replaces the other.
        parts: What must be signed: of :data:`PARTS`. Body and timestamp always must.
        signature_algorithms: The allowed ones, as keys of :data:`names.SIGNATURE_ALGORITHMS`.
    """

    certificates: tuple[x509.Certificate, ...]
    parts: tuple[str, ...] = ("body", "timestamp")
    signature_algorithms: tuple[str, ...] = ("rsa-sha256",)


@dataclass(frozen=True, slots=True)
class Verified:
    """A message that was accepted. It holds nothing that is not signed.

    Attributes:
        body: The Body, parsed again from the very bytes that are signed. It has no parent, and no comments.
        created: When the sender created it, by its clock.
        expires: Until when it is valid.
        signature: The SHA-256 digest of the signature's bytes, in hex.
        digest: The SHA-256 digest of the Body's canonical content, in hex. A message that is signed again has the same.
    """

    body: etree._Element
    created: datetime
    expires: datetime
    signature: str
    digest: str


def verify(content: bytes, trust: Trust, at: datetime, replays: Replays | None = None) -> Verified:
    """Verify a message.

    Args:
        content: The bytes as they came.
        trust: What it must be signed with.
        at: Now; aware.
        replays: What was accepted before. None: the message may be verified any number of times.

    Raises:
        MessageRefused: It is not accepted. The code says why.
    """
    parts = read_parts(read_xml(content))
    read_timestamp(parts.timestamp, at)  # costs little; what counts is what is signed, below
    certificate = _agreed(parts.token, trust, at)
    info = read_signed_info(parts, trust.signature_algorithms)
    _assert_covers(info, parts, trust.parts)
    signed = _signed_bytes(parts, info, certificate, trust, at)
    body = etree.fromstring(signed[id(parts.body)], strict_parser())
    created, expires = read_timestamp(etree.fromstring(signed[id(parts.timestamp)], strict_parser()), at)
    found = Verified(body, created, expires, hashlib.sha256(info.value).hexdigest(), _digest(body))
    if replays is not None:
        _claim(found, replays, at)
    return found


def _agreed(token: etree._Element, trust: Trust, at: datetime) -> x509.Certificate:
    """The agreed certificate that the token is equal to."""
    if token.get("ValueType") != names.X509_TOKEN or token.get("EncodingType", names.BASE64) != names.BASE64:
        raise refusal("token")
    content = from_base64(token)
    certificate = next((each for each in trust.certificates if der(each) == content), None)
    if certificate is None:
        raise refusal("token_not_pinned")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise refusal("certificate_not_valid")
    return certificate


def _assert_covers(info: SignedInfo, parts: Parts, wanted: Sequence[str]) -> None:
    covered = {id(each.element) for each in info.references}
    for name in ("body", "timestamp", *wanted):
        if id(getattr(parts, name)) not in covered:
            raise refusal(f"{name}_not_signed")


def _signed_bytes(
    parts: Parts, info: SignedInfo, certificate: x509.Certificate, trust: Trust, at: datetime
) -> dict[int, bytes]:
    """The bytes that are signed, by the id of their element.

    The signature is verified by signxml, which finds its way through the message by itself. So what it verified is
    compared with what was found here: both must have read the same.
    """
    results = _verified(parts, certificate, trust, at)
    own = [canonical(each.element, each.prefixes) for each in info.references]
    if [each.signed_data for each in results] != own or not _same_signature(results[0], info):
        raise refusal("signature_wrong")
    return {id(each.element): content for each, content in zip(info.references, own, strict=True)}


def _verified(parts: Parts, certificate: x509.Certificate, trust: Trust, at: datetime) -> list[VerifyResult]:
    configuration = SignatureConfiguration(
        expect_references=True,  # any number: what they must cover is known already
        signature_methods=frozenset(SignatureMethod(names.SIGNATURE_ALGORITHMS[n]) for n in trust.signature_algorithms),
        digest_algorithms=frozenset(map(DigestAlgorithm, names.DIGEST_ALGORITHMS)),
        verification_time=at,
    )
    try:
        found = XMLVerifier().verify(
            parts.body.getroottree().getroot(),
            x509_cert=certificate,
            validate_schema=False,  # it does not know the PrefixList that Java's WSS4J writes
            id_attribute="Id",
            parser=strict_parser(),
            expect_config=configuration,
        )
    except (SignXMLException, etree.LxmlError, ValueError):
        raise refusal("signature_wrong") from None
    return found if isinstance(found, list) else [found]


def _same_signature(result: VerifyResult, info: SignedInfo) -> bool:
    verified = result.signature_xml.find(names.SIGNED_INFO)
    value = result.signature_xml.find(names.SIGNATURE_VALUE)
    return (
        verified is not None
        and value is not None
        and canonical(verified, info.prefixes) == canonical(info.element, info.prefixes)
        and from_base64(value) == info.value
    )


def _digest(body: etree._Element) -> str:
    """Of what is in the Body. The Body's own id is another one each time that it is signed."""
    content = hashlib.sha256((body.text or "").strip().encode())
    for child in body:
        content.update(canonical(child))
        content.update((child.tail or "").strip().encode())
    return content.hexdigest()


def _claim(message: Verified, replays: Replays, at: datetime) -> None:
    try:
        if replays.claim(message.signature, message.expires, at):
            return
    except ReplaysFull:
        raise refusal("replays_full") from None
    raise refusal("replayed")
