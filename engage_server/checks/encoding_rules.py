"""Weak or odd things that small TLS stacks choke on."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about

MAX_SERIAL_OCTETS = 20  # RFC 5280 section 4.1.2.2

# what an embedded stack is known to read (mbed TLS, wolfSSL, BearSSL): others must not be critical
_KNOWN_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)


def version_is_3(case: ChainCase) -> Iterator[Finding]:
    """Only version 3 has the extensions that say what a certificate is for."""
    for certificate in case.path:
        if certificate.version is not x509.Version.v3:
            yield Finding(
                Severity.ERROR,
                "encoding.version",
                "it is an X.509 version 1 certificate, without extensions",
                about(certificate),
                "RFC 5280 section 4.1.2.1",
                "Issue it again with extensions: 'openssl x509 -req' needs -extfile.",
                f"{certificate.version.name}",
                "v3",
            )


def serial_number_is_usual(case: ChainCase) -> Iterator[Finding]:
    """Serial numbers are positive and have at most 20 octets."""
    for certificate in case.path:
        number = certificate.serial_number
        octets = number.bit_length() // 8 + 1  # the sign bit takes a bit of its own
        if number <= 0 or octets > MAX_SERIAL_OCTETS:
            yield Finding(
                Severity.WARNING,
                "encoding.serial",
                "its serial number is not positive" if number <= 0 else "its serial number is too long",
                about(certificate),
                "RFC 5280 section 4.1.2.2",
                "Issue it again with a positive serial number of at most 20 octets.",
                f"{octets} octets",
                f"{MAX_SERIAL_OCTETS} octets",
            )


def critical_extensions_are_known(case: ChainCase) -> Iterator[Finding]:
    """A device must refuse a certificate with a critical extension that it does not know."""
    for certificate in case.path:
        for each in certificate.extensions:
            if each.critical and not isinstance(each.value, _KNOWN_CRITICAL):
                yield Finding(
                    Severity.ERROR,
                    "encoding.critical_extension",
                    f"its extension {each.oid.dotted_string} is critical; embedded TLS stacks do not know it",
                    about(certificate),
                    "RFC 5280 section 4.2",
                    "Issue it again without the extension, or with it not critical.",
                )


def key_identifiers_match(case: ChainCase) -> Iterator[Finding]:
    """The authority key identifier is the issuer's subject key identifier."""
    for certificate, issuer in case.issued_pairs:
        claimed = extension(certificate, x509.AuthorityKeyIdentifier)
        found = extension(issuer, x509.SubjectKeyIdentifier)
        if claimed is None or claimed.key_identifier is None or found is None:
            continue
        if claimed.key_identifier != found.digest:
            yield Finding(
                Severity.ERROR,
                "path.key_identifier",
                f"its authority key identifier is not the key identifier of {about(issuer)}",
                about(certificate),
                "RFC 5280 section 4.2.1.1; OpenSSL then does not find the issuer",
                "Use certificates of one build: the issuer was probably made again under the same name.",
                claimed.key_identifier.hex(),
                found.digest.hex(),
            )


def issuer_has_key_identifier(case: ChainCase) -> Iterator[Finding]:
    """Every CA has a subject key identifier, by which its successor can be told from it."""
    for issuer in case.issuers:
        if extension(issuer, x509.SubjectKeyIdentifier) is None:
            yield Finding(
                Severity.NOTE,
                "path.no_key_identifier",
                "it has no subject key identifier; two CAs of one name can only be told apart by trying",
                about(issuer),
                "RFC 5280 section 4.2.1.2",
                "Issue it again with one before a rollover.",
            )


def server_key_usage_fits(case: ChainCase) -> Iterator[Finding]:
    """The server's key may sign handshakes, and decrypt for RSA key exchange."""
    usage = extension(case.server, x509.KeyUsage)
    if usage is None:
        return
    if not usage.digital_signature:
        yield Finding(
            Severity.ERROR,
            "server.no_signature",
            "its key usage does not allow digital signatures, which TLS 1.3 and ECDHE need",
            about(case.server),
            "RFC 8446 section 4.4.2.2; RFC 5246 section 7.4.2",
            "Issue it again with digitalSignature and keyEncipherment.",
        )
    if not usage.key_encipherment:
        yield Finding(
            Severity.NOTE,
            "server.no_encipherment",
            "its key usage does not allow RSA key exchange, which the oldest devices may need",
            about(case.server),
            "RFC 5246 section 7.4.2",
            "Issue it again with keyEncipherment added.",
        )
