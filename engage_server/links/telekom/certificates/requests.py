"""Certificate signing requests (PKCS #10, RFC 2986): build one, read one, and name its fingerprint."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from engage_server.errors import CertificateInvalid
from engage_server.links.telekom.certificates.organisation import Organisation
from engage_server.links.telekom.certificates.profiles import Profile
from engage_server.pki.extensions import UNREADABLE
from engage_server.records import Host

_PAIRS_IN_A_ROW, _PAIRS_IN_A_BREATH = 8, 4


def build_request(
    profile: Profile, organisation: Organisation, key: rsa.RSAPrivateKey, hosts: Iterable[Host] = ()
) -> x509.CertificateSigningRequest:
    """Build a request as ``openssl req`` does with the configuration of Annex A.

    Args:
        profile: The kind of certificate.
        organisation: Who asks.
        key: The new key, which also signs the request.
        hosts: The subject alternative name. Annex A has none.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(organisation.subject(profile))
    for value in profile.extensions(key.public_key(), hosts):
        builder = builder.add_extension(value, critical=False)
    return builder.sign(key, hashes.SHA256())


def read_request(content: bytes, *, source: str) -> x509.CertificateSigningRequest:
    """Read one request, PEM or DER.

    Args:
        content: The file's bytes.
        source: The name to use in errors.

    Raises:
        CertificateInvalid: It is no request, or another key signed it.
    """
    load = x509.load_pem_x509_csr if b"-----BEGIN" in content else x509.load_der_x509_csr
    try:
        request = load(content)
        request.public_key(), request.subject, request.extensions  # parsed only when they are read
        is_sound = request.is_signature_valid
    except UNREADABLE:
        raise CertificateInvalid(f"{source}: it contains no certificate request", "Make a new request.") from None
    if not is_sound:
        raise CertificateInvalid(f"{source}: the request's signature is broken", "Make a new request.")
    return request


def is_request(content: bytes) -> bool:
    """Whether a file holds a request, even a broken one: by its PEM label, or as DER."""
    if b"-----BEGIN" in content:
        return b"CERTIFICATE REQUEST-----" in content
    try:
        x509.load_der_x509_csr(content)
    except UNREADABLE:
        return False
    return True


def attribute_name(attribute: x509.NameAttribute[str | bytes]) -> str:
    """The short name of an attribute as OpenSSL and the document spell it, such as ``O`` or ``emailAddress``."""
    is_email = attribute.oid == NameOID.EMAIL_ADDRESS  # which RFC 4514 gives no short name
    return "emailAddress" if is_email else attribute.rfc4514_attribute_name


def shown_subject(name: x509.Name) -> str:
    """A subject in its own order: ``C=DE, ST=...``. Values stand as they are, so it is for people only."""
    return ", ".join(f"{attribute_name(each)}={each.value!s}" for each in name)


def fingerprint(request: x509.CertificateSigningRequest) -> str:
    """The SHA-256 fingerprint of the request's DER, in lower-case hex."""
    return sha256(request.public_bytes(Encoding.DER)).hexdigest()


def spoken_rows(digest: str) -> Sequence[str]:
    """A fingerprint in rows of eight pairs, with a breath after four: to be read out on the telephone."""
    pairs = [digest[at : at + 2].upper() for at in range(0, len(digest), 2)]
    rows = [pairs[at : at + _PAIRS_IN_A_ROW] for at in range(0, len(pairs), _PAIRS_IN_A_ROW)]
    return [f"{' '.join(row[:_PAIRS_IN_A_BREATH])}   {' '.join(row[_PAIRS_IN_A_BREATH:])}" for row in rows]
