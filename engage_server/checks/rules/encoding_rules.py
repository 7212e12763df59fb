"""Rules on a certificate's encoding: forms that small TLS stacks fail on, and fields that have to agree."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.extensions import extensions_of
from engage_server.pki.raw_fields import (
    GENERALIZED_TIME,
    IA5_STRING,
    PRINTABLE_STRING,
    UTF8_STRING,
    attributes,
    raw_fields,
)

MAX_SERIAL_OCTETS = 20  # RFC 5280 section 4.1.2.2
LAST_YEAR_OF_UTC_TIME = 2049  # RFC 5280 section 4.1.2.5

# RFC 5280 section 4.1.2.4 and appendix A.1: emailAddress and domainComponent are IA5String
_USUAL_STRINGS = {UTF8_STRING, PRINTABLE_STRING}
_IA5_ATTRIBUTES = {bytes.fromhex("2a864886f70d010901"), bytes.fromhex("0992268993f22c640119")}

# RFC 5280 appendix A.1: minimum and maximum number of characters of an attribute
_LENGTHS = {
    NameOID.COUNTRY_NAME: (2, 2),
    NameOID.COMMON_NAME: (1, 64),
    NameOID.ORGANIZATION_NAME: (1, 64),
    NameOID.ORGANIZATIONAL_UNIT_NAME: (1, 64),
    NameOID.LOCALITY_NAME: (1, 128),
    NameOID.STATE_OR_PROVINCE_NAME: (1, 128),
    NameOID.SERIAL_NUMBER: (1, 64),
    NameOID.EMAIL_ADDRESS: (1, 255),
}


def version_is_3(case: ChainCase) -> Iterator[Finding]:
    """Only version 3 certificates have extensions, which say what a certificate is for."""
    for certificate in case.parsed:
        if certificate.version is not x509.Version.v3:
            yield Finding(
                Severity.ERROR,
                "encoding.version",
                sentence="it is an X.509 version 1 certificate, "
                + ("but has extensions" if extensions_of(certificate).readable else "without extensions"),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.1",
                mend="Issue it again with extensions. 'openssl x509 -req' needs -extfile.",
                measured=f"{certificate.version.name}",
                limit="v3",
            )


def serial_number_is_usual(case: ChainCase) -> Iterator[Finding]:
    """Serial numbers are positive and have at most 20 octets."""
    for certificate in case.used:
        number = certificate.serial_number
        octets = number.bit_length() // 8 + 1  # one more bit for the sign
        if number <= 0 or octets > MAX_SERIAL_OCTETS:
            yield Finding(
                Severity.WARNING,
                "encoding.serial",
                sentence="its serial number is not positive" if number <= 0 else "its serial number is too long",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.2",
                mend="Issue it again with a positive serial number of at most 20 octets.",
                measured=f"{octets} octets",
                limit=f"{MAX_SERIAL_OCTETS} octets",
            )


def serial_number_is_unique(case: ChainCase) -> Iterator[Finding]:
    """No issuer uses a serial number twice: issuer and serial number together identify a certificate."""
    seen: dict[tuple[bytes, int], x509.Certificate] = {}
    for certificate in reversed(case.path):
        first = seen.setdefault((raw_fields(certificate).issuer, certificate.serial_number), certificate)
        if first is not certificate:
            yield Finding(
                Severity.ERROR,
                "encoding.serial_repeated",
                sentence=f"its issuer used the same serial number for {about(first)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.2; NSS refuses both, OpenSSL 4 may confuse them",
                mend="Issue it again with another serial number, best a random one: openssl ca -rand_serial.",
            )


def times_have_the_right_form(case: ChainCase) -> Iterator[Finding]:
    """Dates are UTCTime through 2049, GeneralizedTime from 2050: some small TLS stacks go by the type alone."""
    for certificate in case.used:
        fields = raw_fields(certificate)
        for label, time, form in (
            ("notBefore", certificate.not_valid_before_utc, fields.not_before.tag),
            ("notAfter", certificate.not_valid_after_utc, fields.not_after.tag),
        ):
            if form != GENERALIZED_TIME:
                continue
            early = time.year <= LAST_YEAR_OF_UTC_TIME
            yield Finding(
                Severity.WARNING if early else Severity.NOTE,
                "encoding.time" if early else "encoding.late_time",
                sentence=f"its {label} is a GeneralizedTime"
                + (", which is for 2050 and later" if early else ", which small TLS stacks are rarely tested with"),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.5",
                mend="Issue it again with UTCTime."
                if early
                else "Issue it again with an end before 2050, or try it on one device first.",
                measured=f"{time.year}",
                limit=f"{LAST_YEAR_OF_UTC_TIME}",
            )


def strings_are_usual(case: ChainCase) -> Iterator[Finding]:
    """Names are encoded as PrintableString or UTF8String: new certificates must not use the older types."""
    for certificate in case.used:
        for kind, value in attributes(raw_fields(certificate).subject):
            if value.tag in _USUAL_STRINGS or (value.tag == IA5_STRING and kind in _IA5_ATTRIBUTES):
                continue
            yield Finding(
                Severity.WARNING,
                "encoding.string_type",
                sentence="its subject contains an outdated string type (such as TeletexString or BMPString)",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.4",
                mend="Issue it again with UTF8String names: set string_mask = utf8only in openssl.cnf.",
                measured=f"tag {value.tag}",
                limit=f"tag {UTF8_STRING} or {PRINTABLE_STRING}",
            )


def signature_algorithms_agree(case: ChainCase) -> Iterator[Finding]:
    """A certificate names its signature algorithm twice, in the signed part and outside it: both are the same."""
    for certificate in case.parsed:
        fields = raw_fields(certificate)
        if fields.inner_algorithm != fields.outer_algorithm:
            yield Finding(
                Severity.ERROR,
                "encoding.signature_algorithm",
                sentence="the signature algorithm in its signed part differs from the one outside",
                certificate=about(certificate),
                source="RFC 5280 sections 4.1.1.2 and 4.1.2.3; OpenSSL, mbed TLS and Go refuse it",
                mend="Issue it again. The certificate was changed after it was signed and cannot be used.",
                measured=fields.inner_algorithm.hex(),
                limit=fields.outer_algorithm.hex(),
            )


def names_are_not_empty(case: ChainCase) -> Iterator[Finding]:
    """Each CA has a subject name, and each certificate has an issuer name."""
    for certificate in case.parsed:
        is_issuer = certificate in case.issuers
        empty = [
            *(["issuer"] if not list(certificate.issuer) else []),
            *(["subject"] if is_issuer and not list(certificate.subject) else []),
        ]
        if empty:
            yield Finding(
                Severity.ERROR,
                "encoding.empty_name",
                sentence=f"its {' and its '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty",
                certificate=about(certificate),
                source="RFC 5280 sections 4.1.2.4 and 4.1.2.6; mbed TLS and GnuTLS refuse it, OpenSSL does not",
                mend="Issue it again from a CA that has a name.",
            )


def attributes_have_their_length(case: ChainCase) -> Iterator[Finding]:
    """The parts of a name keep to their limits, such as two letters for a country."""
    for certificate in case.used:
        for attribute in certificate.subject:
            least, most = _LENGTHS.get(attribute.oid, (0, len(attribute.value)))
            if not least <= len(attribute.value) <= most:
                yield Finding(
                    Severity.WARNING,
                    "encoding.attribute_length",
                    sentence=f"{attribute.rfc4514_attribute_name} in its subject has {len(attribute.value)} characters",
                    certificate=about(certificate),
                    source="RFC 5280 section 4.1.2.6 and appendix A.1",
                    mend="Issue it again with a name within the limits. A country is two letters, such as US.",
                    measured=f"{len(attribute.value)} characters",
                    limit=f"{least} to {most} characters" if least != most else f"{most} characters",
                )


def no_unique_identifiers(case: ChainCase) -> Iterator[Finding]:
    """No certificate has unique identifiers, which belong to X.509 version 2."""
    for certificate in case.parsed:
        if raw_fields(certificate).has_unique_identifier:
            yield Finding(
                Severity.ERROR,
                "encoding.unique_identifier",
                sentence="it has an issuer or subject unique identifier, which small TLS stacks cannot read",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.8; mbed TLS 2.28 refuses it",
                mend="Issue it again without unique identifiers.",
            )
