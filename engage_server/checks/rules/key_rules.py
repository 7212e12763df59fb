"""Rules on keys and signatures: RSA up to 2048 bits, SHA-256, and the server's key usage."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.chain import signature_hash
from engage_server.pki.keys import public_key_der
from engage_server.pki.raw_fields import elements, raw_fields

_USUAL_EXPONENT = 65537
_PSS_KEY = bytes.fromhex("06092a864886f70d01010a")  # id-RSASSA-PSS, RFC 4055 section 1.2


def key_is_rsa(case: ChainCase) -> Iterator[Finding]:
    """All keys are RSA keys: devices are not known to accept any other."""
    for certificate in case.used:
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            yield Finding(
                Severity.ERROR,
                "key.not_rsa",
                sentence=f"its key is {type(certificate.public_key()).__name__.strip('_')}, not RSA",
                certificate=about(certificate),
                source="reported from the field: RSA only",
                mend="Issue it again with an RSA-2048 key.",
            )


def key_fits_devices(case: ChainCase) -> Iterator[Finding]:
    """RSA keys are no longer than devices accept, and no shorter than is safe."""
    for certificate in case.used:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            continue
        most, least = case.at.profile.rsa_key_bits, case.at.profile.rsa_key_bits_at_least
        if key.key_size > most:
            source = case.at.profile.rsa_key_source
            yield _key_size(certificate, key.key_size, "key.too_large", f"devices accept at most {most}", most, source)
        elif key.key_size < least:
            source = "OpenSSL's default security level, and every current guideline"
            yield _key_size(certificate, key.key_size, "key.too_small", f"less than {least} is not safe", least, source)


def exponent_is_usual(case: ChainCase) -> Iterator[Finding]:
    """The public exponent is 65537: small TLS stacks are rarely tested with any other."""
    for certificate in case.used:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e != _USUAL_EXPONENT:
            yield Finding(
                Severity.WARNING,
                "key.exponent",
                sentence="its public exponent is unusual; small TLS stacks may not support it",
                certificate=about(certificate),
                source="RFC 8017 appendix A.1.1 allows others; our assumption",
                mend="Issue it again with a key that has exponent 65537.",
                measured=f"{key.public_numbers().e}"[:40],
                limit=f"{_USUAL_EXPONENT}",
            )


def _key_size(certificate: x509.Certificate, bits: int, code: str, why: str, limit: int, source: str) -> Finding:
    return Finding(
        Severity.ERROR,
        code,
        sentence=f"its key has {bits} bits; {why}",
        certificate=about(certificate),
        source=source,
        mend="Issue it again with an RSA-2048 key.",
        measured=f"{bits} bits",
        limit=f"{limit} bits",
    )


def signature_is_sha256(case: ChainCase) -> Iterator[Finding]:
    """Signatures use SHA-256, the only hash that old devices know and new clients still accept."""
    for certificate in case.used:
        found = _hash_name(certificate)
        if found != hashes.SHA256.name:
            yield Finding(
                Severity.ERROR,
                "signature.not_sha256",
                sentence=f"it is signed with {found}, not SHA-256",
                certificate=about(certificate),
                source="assumed of the devices; SHA-1 is refused by OpenSSL's default security level",
                mend="Issue it again with SHA-256.",
            )


def signature_is_no_pss(case: ChainCase) -> Iterator[Finding]:
    """Signatures use PKCS#1 v1.5, and keys are rsaEncryption: small TLS stacks rarely support RSASSA-PSS."""
    for certificate in case.used:
        fields = raw_fields(certificate)
        wanted = []
        if certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
            wanted.append("it is signed with RSASSA-PSS, not PKCS#1 v1.5")
        if next(elements(fields.public_key)).content.startswith(_PSS_KEY):
            wanted.append("its key is only for RSASSA-PSS, which TLS 1.2 does not include")
        for sentence in wanted:
            yield Finding(
                Severity.WARNING,
                "signature.pss",
                sentence=sentence,
                certificate=about(certificate),
                source="RFC 4055; our assumption: devices are only known to accept sha256WithRSAEncryption",
                mend="Issue it again with sha256WithRSAEncryption and an rsaEncryption key.",
            )


def server_key_belongs(case: ChainCase) -> Iterator[Finding]:
    """The private key belongs to the server certificate."""
    if case.at.server_key is None:
        return
    if public_key_der(case.at.server_key) != public_key_der(case.server.public_key()):
        yield Finding(
            Severity.ERROR,
            "key.mismatch",
            sentence="the private key does not belong to it",
            certificate=about(case.server),
            source="TLS cannot work with another key",
            mend="Give the key that this certificate was issued for.",
        )


def server_key_usage_fits(case: ChainCase) -> Iterator[Finding]:
    """The server's key usage allows signing handshakes, and RSA key exchange."""
    usage = extension(case.server, x509.KeyUsage)
    if usage is None:
        return
    if not usage.digital_signature:
        yield Finding(
            Severity.ERROR,
            "server.no_signature",
            sentence="its key usage does not allow digital signatures, which TLS 1.3 and ECDHE need",
            certificate=about(case.server),
            source="RFC 8446 section 4.4.2.2; RFC 5246 section 7.4.2",
            mend="Issue it again with digitalSignature and keyEncipherment.",
        )
    if not usage.key_encipherment:
        yield Finding(
            Severity.NOTE,
            "server.no_encipherment",
            sentence="its key usage does not allow RSA key exchange, which the oldest devices may need",
            certificate=about(case.server),
            source="RFC 5246 section 7.4.2",
            mend="Issue it again with keyEncipherment added.",
        )


def _hash_name(certificate: x509.Certificate) -> str:
    algorithm = signature_hash(certificate)
    return algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string
