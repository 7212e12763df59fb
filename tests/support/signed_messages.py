"""Signed messages of a pretended portal, and a signer of their own that signs whatever a test wants.

The product's signer makes good messages alone. What a test changes in one is signed again by :func:`sealed`, which
shares nothing with the product but lxml's canonicalisation.
"""

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.signing import Signer, sign
from engage_server.links.telekom.messages.verifying import Trust
from tests.support.chains import key

NOW = dt.datetime(2026, 11, 26, 12, 0, 0, tzinfo=dt.UTC)
NOTIFICATION = (
    '<n:M2MAdmResponse xmlns:n="urn:example:m2m:adm"><n:iccid>8949020000001234567</n:iccid>'
    "<n:state>ACTIVE</n:state></n:M2MAdmResponse>"
)
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
ENVELOPED = names.DS + "enveloped-signature"
RSA_SHA1 = names.DS + "rsa-sha1"
HMAC_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


@cache
def party(number: int = 0) -> Signer:
    """A signer whose certificate is valid around :data:`NOW`: 0 is the portal, 1 is us, others are strangers."""
    return Signer(key(number), certificate(key(number), f"party {number}"))


def certificate(
    owner: rsa.RSAPrivateKey, name: str, begin: dt.datetime = NOW - dt.timedelta(30), days: int = 365
) -> x509.Certificate:
    """A certificate that its owner issued."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(owner.public_key())
    builder = builder.serial_number(1 + len(name)).not_valid_before(begin)
    return builder.not_valid_after(begin + dt.timedelta(days)).sign(owner, hashes.SHA256())


def trust(number: int = 0) -> Trust:
    """Trust in one party alone."""
    return Trust((party(number).certificate,))


def soap(body: str = NOTIFICATION, header: str = "") -> bytes:
    """A message that is not signed."""
    return f'<s:Envelope xmlns:s="{names.SOAP}">{header}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def signed(body: str = NOTIFICATION, at: dt.datetime = NOW, number: int = 0) -> bytes:
    """A good message."""
    return sign(soap(body), party(number), at)


def changed(change: Callable[[etree._Element], object], content: bytes | None = None) -> bytes:
    """A good message that somebody changed on the way."""
    root = etree.fromstring(content or signed())
    change(root)
    return etree.tostring(root)


def sealed(change: Callable[[etree._Element], object], content: bytes | None = None) -> bytes:
    """A message that the portal itself made otherwise: it is changed, then signed again."""
    root = etree.fromstring(content or signed())
    change(root)
    seal(root, party().key)
    return etree.tostring(root)


def seal(root: etree._Element, owner: rsa.RSAPrivateKey) -> None:
    """Write all digests and the signature value again, by the algorithms that the message names."""
    info = one(root, names.SIGNED_INFO)
    for reference in info.iter(names.REFERENCE):
        element = next(each for each in root.iter(etree.Element) if reference.get("URI", "")[1:] in ids_of(each))
        transform = next(reference.iter(names.TRANSFORM))
        digest = _hash_of(str(one(reference, names.DIGEST_METHOD).get("Algorithm")))
        content = _canonical(element, transform)
        one(reference, names.DIGEST_VALUE).text = base64.b64encode(hashlib.new(digest, content).digest()).decode()
    content = _canonical(info, one(info, names.CANONICALISATION))
    method = str(one(info, names.SIGNATURE_METHOD).get("Algorithm"))
    one(root, names.SIGNATURE_VALUE).text = base64.b64encode(_signature(content, method, owner, root)).decode()


def one(root: etree._Element, tag: str) -> etree._Element:
    """The first element of this name."""
    return next(root.iter(tag))


def ids_of(element: etree._Element) -> set[str]:
    """All ids that an element has, by anybody's idea of an id."""
    return {str(value) for name, value in element.attrib.items() if str(name).rpartition("}")[2].lower() == "id"}


def _canonical(element: etree._Element, method: etree._Element) -> bytes:
    algorithm = str(method.get("Algorithm"))
    listed = method.find(names.INCLUSIVE_PREFIXES)
    return etree.tostring(
        element,
        method="c14n",
        exclusive=INCLUSIVE not in algorithm,
        with_comments=algorithm.endswith("WithComments"),
        inclusive_ns_prefixes=None if listed is None else str(listed.get("PrefixList")).split(),
    )


def _hash_of(algorithm: str) -> str:
    return next((f"sha{bits}" for bits in (256, 384, 512) if algorithm.endswith(f"sha{bits}")), "sha1")


def _signature(content: bytes, method: str, owner: rsa.RSAPrivateKey, root: etree._Element) -> bytes:
    if method == HMAC_SHA256:  # what everybody knows taken for a secret: the confusion of algorithms
        known = x509.load_der_x509_certificate(base64.b64decode(one(root, names.TOKEN).text or ""))
        return hmac.digest(known.public_bytes(Encoding.PEM), content, "sha256")
    algorithm = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}  # noqa: S303  # what must be refused
    return owner.sign(content, padding.PKCS1v15(), algorithm[_hash_of(method)])
