"""What devices can compute with: RSA up to 2048 bits, SHA-256."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.names import display_name

MAX_RSA_KEY_BITS = 2048  # host server page, note 2: no individual key longer than 2048 bits
MIN_RSA_KEY_BITS = 2048  # OpenSSL's default security level and every current guideline refuse less


def key_is_rsa(case: ChainCase) -> Iterator[Finding]:
    """Devices are only known to accept RSA."""
    for certificate in case.chain:
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            yield Finding(
                Severity.ERROR,
                "key.not_rsa",
                f"its key is {type(certificate.public_key()).__name__.strip('_')}, not RSA",
                display_name(certificate.subject),
                "reported from the field: RSA only",
                "Issue it again for an RSA-2048 key.",
            )


def key_fits_devices(case: ChainCase) -> Iterator[Finding]:
    """RSA keys have exactly the size that devices take and the field still trusts."""
    for certificate in case.chain:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            continue
        if key.key_size > MAX_RSA_KEY_BITS:
            yield _key_size(certificate, key.key_size, "key.too_large", f"devices take {MAX_RSA_KEY_BITS} at most")
        elif key.key_size < MIN_RSA_KEY_BITS:
            yield _key_size(certificate, key.key_size, "key.too_small", f"less than {MIN_RSA_KEY_BITS} is not safe")


def _key_size(certificate: x509.Certificate, bits: int, code: str, why: str) -> Finding:
    return Finding(
        Severity.ERROR,
        code,
        f"its key has {bits} bits; {why}",
        display_name(certificate.subject),
        "host server page, note 2",
        "Issue it again for an RSA-2048 key.",
    )


def signature_is_sha256(case: ChainCase) -> Iterator[Finding]:
    """SHA-256 is the one hash that old devices know and new clients still accept."""
    for certificate in case.chain:
        found = _hash_name(certificate)
        if found != hashes.SHA256.name:
            yield Finding(
                Severity.ERROR,
                "signature.not_sha256",
                f"it is signed with {found}, not SHA-256",
                display_name(certificate.subject),
                "assumed of the devices; SHA-1 is refused by OpenSSL's default security level",
                "Issue it again with SHA-256.",
            )


def server_key_belongs(case: ChainCase) -> Iterator[Finding]:
    """The private key is the one of the server certificate."""
    if case.server_key is None:
        return
    encoding = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if case.server_key.public_bytes(*encoding) != case.chain.server.public_key().public_bytes(*encoding):
        yield Finding(
            Severity.ERROR,
            "key.mismatch",
            "the private key does not belong to it",
            display_name(case.chain.server.subject),
            "TLS can not work with it",
            "Give the key that was made together with this certificate.",
        )


def _hash_name(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return certificate.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string
