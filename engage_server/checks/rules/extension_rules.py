"""Rules on extensions that are malformed, repeated or contradictory."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.extensions import extensions_of, is_critical, stated_path_length, unknown_critical
from engage_server.pki.netscape_type import MALFORMED, NETSCAPE_SSL_SERVER, netscape_types


def critical_extensions_are_known(case: ChainCase) -> Iterator[Finding]:
    """Devices know every critical extension: they must refuse a certificate with one that they do not know."""
    for certificate in case.parsed:
        for oid in unknown_critical(certificate):
            yield Finding(
                Severity.ERROR,
                "encoding.critical_extension",
                sentence=f"its extension {oid} is critical, but embedded TLS stacks do not know it",
                certificate=about(certificate),
                source="RFC 5280 section 4.2",
                mend="Issue it again without the extension, or mark the extension as not critical.",
            )


def extensions_can_be_read(case: ChainCase) -> Iterator[Finding]:
    """Every extension, critical or not, has the structure that its type requires."""
    for certificate in case.parsed:
        for oid, fault in extensions_of(certificate).malformed:
            yield Finding(
                Severity.ERROR,
                "encoding.extension_malformed",
                sentence=f"its extension {oid} cannot be read ({fault}); TLS clients refuse or misread it",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1",
                mend="Issue it again without the extension, or with a correct one.",
            )


def netscape_type_is_a_servers(case: ChainCase) -> Iterator[Finding]:
    """An old Netscape certificate type can be read, and on the server certificate it includes TLS servers."""
    for certificate in case.parsed:
        types = netscape_types(certificate)
        if types == MALFORMED:
            yield Finding(
                Severity.ERROR,
                "encoding.extension_malformed",
                sentence="its Netscape certificate type is not a bit string of one octet; TLS clients refuse it",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1",
                mend="Issue it again without nsCertType. Extended key usage has replaced it.",
            )
        elif types is not None and certificate == case.server and not types & NETSCAPE_SSL_SERVER:
            yield Finding(
                Severity.WARNING,
                "server.netscape_type",
                sentence="its Netscape certificate type does not allow TLS servers",
                certificate=about(certificate),
                source="OpenSSL's nsCertType",
                mend="Issue it again without nsCertType. Extended key usage has replaced it.",
            )


def no_extension_stands_twice(case: ChainCase) -> Iterator[Finding]:
    """No extension appears twice: some clients would read the first and some the second."""
    for certificate in case.parsed:
        for oid in extensions_of(certificate).repeated:
            yield Finding(
                Severity.ERROR,
                "encoding.extension_repeated",
                sentence=f"its extension {oid} appears more than once",
                certificate=about(certificate),
                source="RFC 5280 section 4.2; Go, GnuTLS and mbed TLS refuse the certificate",
                mend="Issue it again with each extension only once.",
            )


def path_length_is_a_cas(case: ChainCase) -> Iterator[Finding]:
    """Only a certificate with CA:TRUE has a path length."""
    for certificate in case.used:
        constraints, length = extension(certificate, x509.BasicConstraints), stated_path_length(certificate)
        if length is not None and constraints is not None and not constraints.ca:
            yield Finding(
                Severity.WARNING,
                "encoding.path_length",
                sentence=f"it has path length {length} although it is not a CA (CA:FALSE)",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.9; OpenSSL refuses it with X509_STRICT, other clients accept it",
                mend="Issue it again with basicConstraints = CA:FALSE alone.",
                measured=f"{length}",
                limit="none",
            )


def server_may_not_issue(case: ChainCase) -> Iterator[Finding]:
    """The key usage of a server certificate that is not a CA does not include keyCertSign."""
    usage, constraints = extension(case.server, x509.KeyUsage), extension(case.server, x509.BasicConstraints)
    if usage is not None and usage.key_cert_sign and (constraints is None or not constraints.ca):
        yield Finding(
            Severity.WARNING,
            "server.may_sign",
            sentence="its key usage allows it to sign certificates, but it is not a CA",
            certificate=about(case.server),
            source="RFC 5280 sections 4.2.1.3 and 4.2.1.9; OpenSSL refuses it with X509_STRICT",
            mend="Issue it again with only digitalSignature and keyEncipherment.",
        )


def nameless_server_has_critical_san(case: ChainCase) -> Iterator[Finding]:
    """If the subject is empty, the subject alternative name is the only name and has to be critical."""
    if list(case.server.subject) or extension(case.server, x509.SubjectAlternativeName) is None:
        return
    if not is_critical(case.server, x509.SubjectAlternativeName):
        yield Finding(
            Severity.WARNING,
            "san.not_critical",
            sentence="its subject is empty, and its subject alternative name is not critical",
            certificate=about(case.server),
            source="RFC 5280 section 4.2.1.6; OpenSSL refuses it with X509_STRICT",
            mend="Issue it again with a common name, or mark the subject alternative name as critical.",
        )


def no_staple_is_promised(case: ChainCase) -> Iterator[Finding]:
    """No certificate requires a stapled OCSP response: this server sends none, and some clients then refuse it."""
    for certificate in case.used:
        if extension(certificate, x509.TLSFeature) is not None:
            yield Finding(
                Severity.WARNING,
                "server.must_staple",
                sentence="it requires a stapled OCSP response (TLS feature), which engage-server does not send",
                certificate=about(certificate),
                source="RFC 7633 section 4.2.3; GnuTLS clients refuse the handshake, others do not check it",
                mend="Issue it again without the TLS feature extension (must-staple).",
            )
