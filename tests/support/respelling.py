"""Certificates that our libraries refuse to make: taken apart with pyasn1, changed, and signed again."""

from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import char, univ, useful
from pyasn1_alt_modules import rfc5280

Respelling = Callable[[Any], None]  # changes a TBSCertificate of pyasn1 in place; pyasn1 has no types

_SHA256_WITH_RSA = "1.2.840.113549.1.1.11"
_SHA1_WITH_RSA = "1.2.840.113549.1.1.5"
_CN = "2.5.4.3"


def respelled(certificate: x509.Certificate, change: Respelling, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """The certificate with its TBSCertificate changed, signed again with ``key`` as its algorithm says."""
    parts, _ = decoder.decode(certificate.public_bytes(Encoding.DER), asn1Spec=rfc5280.Certificate())
    change(parts["tbsCertificate"])
    algorithm = parts["tbsCertificate"]["signature"]
    if change is not other_algorithm_inside:
        parts["signatureAlgorithm"] = algorithm
    hash_ = hashes.SHA1() if str(algorithm["algorithm"]) == _SHA1_WITH_RSA else hashes.SHA256()  # noqa: S303 - the defect
    signature = key.sign(encoder.encode(parts["tbsCertificate"]), padding.PKCS1v15(), hash_)
    parts["signature"] = univ.BitString.fromOctetString(signature)
    return x509.load_der_x509_certificate(encoder.encode(parts))


def serial_number(number: int) -> Respelling:
    """Any serial number, also those that are not allowed."""

    def change(tbs: Any) -> None:
        tbs["serialNumber"] = number

    return change


def generalized_time(field: str) -> Respelling:
    """The same time, written in the long form. ``field`` is notBefore or notAfter."""

    def change(tbs: Any) -> None:
        moment = str(tbs["validity"][field]["utcTime"])
        tbs["validity"][field]["generalTime"] = useful.GeneralizedTime(f"20{moment}")

    return change


def common_name_as(field: str, kind: type, *, upper: bool = False) -> Respelling:
    """The common name of the subject or the issuer as another type of text, perhaps in upper case."""

    def change(tbs: Any) -> None:
        for relative in tbs[field]["rdnSequence"]:
            for pair in relative:
                if str(pair["type"]) == _CN:
                    text = str(decoder.decode(pair["value"])[0])
                    pair["value"] = encoder.encode(kind(text.upper() if upper else text))

    return change


def sha1(tbs: Any) -> None:
    """Signed with SHA-1."""
    tbs["signature"]["algorithm"] = univ.ObjectIdentifier(_SHA1_WITH_RSA)


def other_algorithm_inside(tbs: Any) -> None:
    """SHA-384 inside, SHA-256 outside, and signed with what stands outside."""
    tbs["signature"]["algorithm"] = univ.ObjectIdentifier("1.2.840.113549.1.1.12")


def version_1(tbs: Any) -> None:
    """X.509 version 1, with extensions all the same."""
    tbs["version"] = 0


def unique_identifier(tbs: Any) -> None:
    """An issuer's unique identifier, of X.509 version 2."""
    kind = tbs.componentType["issuerUniqueID"].asn1Object
    tbs["issuerUniqueID"] = kind.clone(univ.BitString.fromOctetString(b"\x01\x02"))


def repeated(oid: str) -> Respelling:
    """An extension that stands there twice."""

    def change(tbs: Any) -> None:
        again = next(each for each in tbs["extensions"] if str(each["extnID"]) == oid)
        tbs["extensions"].append(again)

    return change


def extension_value(oid: str, value: bytes) -> Respelling:
    """An extension with whatever octets."""

    def change(tbs: Any) -> None:
        for each in tbs["extensions"]:
            if str(each["extnID"]) == oid:
                each["extnValue"] = univ.OctetString(value)

    return change


TELETEX, BMP, PRINTABLE = char.TeletexString, char.BMPString, char.PrintableString
