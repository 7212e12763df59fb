"""Rules on what links a certificate to its issuer besides the signature: identifiers and names."""

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
                sentence=f"its authority key identifier is not the subject key identifier of {about(issuer)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL then does not find the issuer",
                mend="Use certificates from one build. The issuer was probably built again under the same name.",
                measured=claimed.key_identifier.hex(),
                limit=found.digest.hex(),
            )


def issuer_serial_numbers_match(case: ChainCase) -> Iterator[Finding]:
    """An issuer and serial number in the authority key identifier are those of the issuer's certificate."""
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
                sentence=f"its authority key identifier is for another certificate than {about(issuer)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL then does not find the issuer (X509_V_ERR 31)",
                mend="Issue it again with only the key identifier: authorityKeyIdentifier = keyid.",
                measured=f"serial {claimed.authority_cert_serial_number:x}",
                limit=f"serial {issuer.serial_number:x}",
            )


def issuer_is_identified(case: ChainCase) -> Iterator[Finding]:
    """Every certificate but the root has an authority key identifier, which identifies the key that signed it."""
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
            # wolfSSL accepts a trust anchor without one, but no intermediate
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
    """Every CA has a subject key identifier, which distinguishes it from its successor."""
    for issuer in case.issuers:
        if extension(issuer, x509.SubjectKeyIdentifier) is None:
            yield Finding(
                Severity.NOTE,
                "path.no_key_identifier",
                sentence="it has no subject key identifier; clients cannot distinguish it from its successor",
                certificate=about(issuer),
                source="RFC 5280 section 4.2.1.2",
                mend="Issue it again with a subject key identifier before a rollover.",
            )


def self_issued_ones_name_their_issuer(case: ChainCase) -> Iterator[Finding]:
    """A link certificate has its issuer's name: only its key identifiers distinguish it from a root."""
    for certificate in case.path[:-1]:
        identifier = extension(certificate, x509.AuthorityKeyIdentifier)
        if is_self_issued(certificate) and _could_be(identifier.key_identifier if identifier else None, certificate):
            yield Finding(
                Severity.ERROR,
                "path.self_issued",
                sentence=(
                    "subject and issuer have the same name and no distinct key identifiers; "
                    "clients treat it as a root with a wrong signature"
                ),
                certificate=about(certificate),
                source="OpenSSL and GnuTLS refuse the path; RFC 5280 section 4.2.1.1",
                mend="Issue it again with authority and subject key identifiers, or give the new root another name.",
            )


def issuer_is_told_from_its_namesakes(case: ChainCase) -> Iterator[Finding]:
    """If two CAs in the path have the same name, key identifiers show which of them signed."""
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
                    f"two certificates in the path are called {about(issuer)}, and no key identifier shows "
                    "which one signed"
                ),
                certificate=about(certificate),
                source="RFC 5280 section 4.2.1.1; OpenSSL tries the trusted one and then rejects the signature",
                mend=(
                    "Issue it again with an authority key identifier. Its issuer and the root need subject key "
                    "identifiers, too."
                ),
            )


def _could_be(wanted: bytes | None, issuer: x509.Certificate) -> bool:
    found = extension(issuer, x509.SubjectKeyIdentifier)
    return wanted is None or found is None or found.digest == wanted


def names_are_spelled_alike(case: ChainCase) -> Iterator[Finding]:
    """The issuer's name is encoded, byte for byte, as in the issuer's own certificate."""
    for certificate, issuer in case.issued_pairs:
        if raw_fields(certificate).issuer != raw_fields(issuer).subject:
            yield Finding(
                Severity.ERROR,
                "path.name_spelling",
                sentence=(
                    f"its issuer name differs in bytes from the subject of {about(issuer)} "
                    "(upper and lower case, or string type)"
                ),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.4; GnuTLS and small TLS stacks compare bytes, OpenSSL does not",
                mend="Issue it again from the issuer's own certificate, with the same string_mask.",
            )
