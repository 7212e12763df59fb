"""Signs a SOAP 1.1 message: Body and Timestamp, with the certificate in the message."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from engage_server.errors import Conflict, UsageError
from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.timestamp import written
from engage_server.links.telekom.messages.xml_text import elements_in, read_xml
from engage_server.pki.encodings import der

_PREFIXES = {"wsse": names.WSSE, "wsu": names.WSU}


@dataclass(frozen=True, slots=True)
class Signer:
    """What messages are signed with.

    Attributes:
        key: The private key. Compare it with the certificate before: here nobody does.
        certificate: The agreed certificate.
        parts: What is signed: of ``body``, ``timestamp`` and ``token``.
        signature_algorithm: A key of :data:`names.SIGNATURE_ALGORITHMS`.
    """

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    parts: tuple[str, ...] = ("body", "timestamp")
    signature_algorithm: str = "rsa-sha256"


def sign(content: bytes, signer: Signer, at: datetime) -> bytes:
    """Return a message with a Timestamp and a signature.

    Args:
        content: An Envelope of SOAP 1.1. A Header is added if it has none.
        signer: What to sign it with.
        at: Now; aware. The message is valid for 300 seconds from then.

    Raises:
        MessageRefused: It is not XML within the limits.
        UsageError: It is not an Envelope.
        Conflict: It is signed already.
    """
    return sign_envelope(read_xml(content), signer, at)


def sign_envelope(root: etree._Element, signer: Signer, at: datetime) -> bytes:
    """As :func:`sign`, for an Envelope that is parsed already. It is changed."""
    header, body = _header_and_body(root)
    security = etree.Element(names.SECURITY, nsmap=_PREFIXES)
    security.set(names.MUST_UNDERSTAND, "1")
    header.insert(0, security)
    token = etree.SubElement(security, names.TOKEN, ValueType=names.X509_TOKEN, EncodingType=names.BASE64)
    token.text = base64.b64encode(der(signer.certificate)).decode()
    timestamp = etree.SubElement(security, names.TIMESTAMP)
    etree.SubElement(timestamp, names.CREATED).text = written(at)
    etree.SubElement(timestamp, names.EXPIRES).text = written(at + names.LIFETIME)
    ids = {"body": _named(body), "timestamp": _named(timestamp), "token": _named(token)}
    security.append(_signature(root, signer, [f"#{ids[part]}" for part in signer.parts], _key_info(ids["token"])))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def envelope(*content: etree._Element) -> etree._Element:
    """Return an Envelope with this in its Body."""
    root = etree.Element(names.ENVELOPE, nsmap={"soap": names.SOAP})
    etree.SubElement(root, names.HEADER)
    etree.SubElement(root, names.BODY).extend(content)
    return root


def _header_and_body(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    children = elements_in(root) if root.tag == names.ENVELOPE else []
    if [child.tag for child in children] == [names.BODY]:
        root.insert(0, etree.Element(names.HEADER))
        children = elements_in(root)
    if [child.tag for child in children] != [names.HEADER, names.BODY]:
        raise UsageError("this is not an Envelope of SOAP 1.1 with one Body", "Give a whole SOAP message.")
    if next(root.iter(names.SECURITY, names.SIGNATURE, names.TIMESTAMP), None) is not None:
        raise Conflict("this message has a Security header already", "Give the message as it was before.")
    return children[0], children[1]


def _named(element: etree._Element) -> str:
    """Give an element an id. One that it brought is replaced: others could have the same."""
    name = f"id-{secrets.token_hex(8)}"
    for attribute in [each for each in element.attrib if str(each).rpartition("}")[2].lower() == "id"]:
        del element.attrib[attribute]
    element.set(names.WSU_ID, name)
    return name


def _key_info(token: str) -> etree._Element:
    info = etree.Element(names.KEY_INFO, nsmap={"ds": names.DS})
    reference = etree.SubElement(info, names.TOKEN_REFERENCE, nsmap=_PREFIXES)
    etree.SubElement(reference, names.KEY_REFERENCE, URI=f"#{token}", ValueType=names.X509_TOKEN)
    return info


def _signature(root: etree._Element, signer: Signer, references: list[str], key_info: etree._Element) -> etree._Element:
    xml_signer = XMLSigner(
        method=SignatureConstructionMethod.detached,
        signature_algorithm=SignatureMethod(names.SIGNATURE_ALGORITHMS[signer.signature_algorithm]),
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed: etree._Element = xml_signer.sign(
        root, key=signer.key, reference_uri=references, key_info=key_info, id_attribute="Id"
    )
    return signed
