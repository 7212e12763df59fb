"""What ties a certificate to its issuer, beyond the signature: identifiers and the spelling of names."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.chain import is_self_issued
from engage_server.pki.extensions import is_critical
from engage_server.pki.names import comparable
from engage_server.pki.raw_fields import raw_fields


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
                sentence=f"its authority key identifier is not the key identifier of {about(issuer)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL then does not find the issuer",
                mend="Use certificates of one build: the issuer was probably made again under the same name.",
                measured=claimed.key_identifier.hex(),
                limit=found.digest.hex(),
            )


def issuer_serial_numbers_match(case: ChainCase) -> Iterator[Finding]:
    """Issuer and serial number in the authority key identifier are those of this issuer's certificate."""
    for certificate, issuer in case.issued_pairs:
        claimed = extension(certificate, x509.AuthorityKeyIdentifier)
        if claimed is None or claimed.authority_cert_serial_number is None:
            continue
        names = [each.value for each in claimed.authority_cert_issuer or () if isinstance(each, x509.DirectoryName)]
        named = any(comparable(name) == comparable(issuer.issuer) for name in names)
        if claimed.authority_cert_serial_number != issuer.serial_number or not named:
            yield Finding(
                Severity.ERROR,
                "path.issuer_serial",
                sentence=f"its authority key identifier names another certificate than that of {about(issuer)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL then does not find the issuer (X509_V_ERR 31)",
                mend="Issue it again with the key identifier alone: authorityKeyIdentifier = keyid.",
                measured=f"serial {claimed.authority_cert_serial_number:x}",
                limit=f"serial {issuer.serial_number:x}",
            )


def issuer_is_identified(case: ChainCase) -> Iterator[Finding]:
    """Every certificate but the root says by which key it was signed."""
    for certificate in case.path[:-1]:
        if extension(certificate, x509.AuthorityKeyIdentifier) is None:
            yield Finding(
                Severity.NOTE,
                "path.no_authority_identifier",
                sentence="it has no authority key identifier",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; clients on Python 3.13 refuse it (X509_STRICT)",
                mend="Issue it again with one: authorityKeyIdentifier = keyid.",
            )


def issuer_states_what_it_may(case: ChainCase) -> Iterator[Finding]:
    """Every CA has a key usage, and basic constraints that are critical."""
    for issuer in case.issuers:
        lacks = []
        if extension(issuer, x509.KeyUsage) is None:
            # wolfSSL takes a trust anchor without one, and no intermediate
            lacks.append(("it has no key usage", Severity.NOTE if issuer == case.root else Severity.WARNING))
        constraints = extension(issuer, x509.BasicConstraints)
        if constraints is not None and not is_critical(issuer, x509.BasicConstraints):
            lacks.append(("its basic constraints are not critical", Severity.NOTE))
        for sentence, severity in lacks:
            yield Finding(
                severity,
                "path.issuer_form",
                sentence=sentence,
                certificate=about(issuer),
                source="RFC 5280 sections 4.2.1.3 and 4.2.1.9; Python 3.13 refuses both, wolfSSL the first",
                mend="Issue it again: basicConstraints = critical,CA:TRUE and keyUsage = critical,keyCertSign,cRLSign.",
            )


def issuer_has_key_identifier(case: ChainCase) -> Iterator[Finding]:
    """Every CA has a subject key identifier, by which its successor can be told from it."""
    for issuer in case.issuers:
        if extension(issuer, x509.SubjectKeyIdentifier) is None:
            yield Finding(
                Severity.NOTE,
                "path.no_key_identifier",
                sentence="it has no subject key identifier; two CAs of one name can only be told apart by trying",
                certificate=about(issuer),
                source="RFC 5280 section 4.2.1.2",
                mend="Issue it again with one before a rollover.",
            )


def self_issued_ones_name_their_issuer(case: ChainCase) -> Iterator[Finding]:
    """A link certificate bears its issuer's name: only its key identifiers tell it from a root."""
    for certificate in case.path[:-1]:
        identifier = extension(certificate, x509.AuthorityKeyIdentifier)
        if is_self_issued(certificate) and _could_be(identifier.key_identifier if identifier else None, certificate):
            yield Finding(
                Severity.ERROR,
                "path.self_issued",
                sentence=(
                    "subject and issuer are the same, and no key identifiers tell them apart: it is taken for "
                    "a root whose "
                    "signature is wrong"
                ),
                certificate=about(certificate),
                source="OpenSSL and GnuTLS refuse the path; RFC 5280 section 4.2.1.1",
                mend="Issue it again with authority and subject key identifiers, or give the new root another name.",
            )


def issuer_is_told_from_its_namesakes(case: ChainCase) -> Iterator[Finding]:
    """Where two CAs of the path share a name, the key identifiers say which of them signed."""
    for certificate, issuer in zip(case.path, case.path[1:], strict=False):
        if issuer == case.root:
            continue  # the trusted one is tried first
        claimed = extension(certificate, x509.AuthorityKeyIdentifier)
        wanted = claimed.key_identifier if claimed else None
        namesakes = [
            other
            for other in case.path[1:]
            if other not in (issuer, certificate) and comparable(other.subject) == comparable(certificate.issuer)
        ]
        if any(_could_be(wanted, other) for other in namesakes):
            yield Finding(
                Severity.ERROR,
                "path.ambiguous_issuer",
                sentence=(
                    f"two certificates of the path are called {about(issuer)}, and no key identifier says "
                    "which one signed"
                ),
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL takes the trusted one and then finds its signature wrong",
                mend=(
                    "Issue it again with an authority key identifier; its issuer and the root need key "
                    "identifiers, too."
                ),
            )


def _could_be(wanted: bytes | None, issuer: x509.Certificate) -> bool:
    found = extension(issuer, x509.SubjectKeyIdentifier)
    return wanted is None or found is None or found.digest == wanted


def names_are_spelled_alike(case: ChainCase) -> Iterator[Finding]:
    """The issuer's name stands in the certificate byte for byte as in the issuer's own."""
    for certificate, issuer in case.issued_pairs:
        if raw_fields(certificate).issuer != raw_fields(issuer).subject:
            yield Finding(
                Severity.ERROR,
                "path.name_spelling",
                sentence=(
                    f"its issuer is not spelled, byte for byte, as {about(issuer)} spells itself (case, "
                    "or type of text)"
                ),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.4; GnuTLS and small TLS stacks compare bytes, OpenSSL does not",
                mend="Issue it again from the issuer's own certificate, with the same string_mask.",
            )
