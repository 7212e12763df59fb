"""How a certificate is written: what small TLS stacks choke on, and fields that stand twice and have to agree."""

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

# RFC 5280 appendix A.1: the fewest and the most characters of an attribute
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
    """Only version 3 has the extensions that say what a certificate is for."""
    for certificate in case.parsed:
        if certificate.version is not x509.Version.v3:
            yield Finding(
                Severity.ERROR,
                "encoding.version",
                sentence="it is an X.509 version 1 certificate, "
                + ("yet has extensions" if extensions_of(certificate).readable else "without extensions"),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.1",
                mend="Issue it again with extensions: 'openssl x509 -req' needs -extfile.",
                measured=f"{certificate.version.name}",
                limit="v3",
            )


def serial_number_is_usual(case: ChainCase) -> Iterator[Finding]:
    """Serial numbers are positive and have at most 20 octets."""
    for certificate in case.used:
        number = certificate.serial_number
        octets = number.bit_length() // 8 + 1  # the sign bit takes a bit of its own
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
    """An issuer gives no serial number twice: issuer and serial number together name a certificate."""
    seen: dict[tuple[bytes, int], x509.Certificate] = {}
    for certificate in reversed(case.path):
        first = seen.setdefault((raw_fields(certificate).issuer, certificate.serial_number), certificate)
        if first is not certificate:
            yield Finding(
                Severity.ERROR,
                "encoding.serial_repeated",
                sentence=f"its issuer gave the same serial number to {about(first)}",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.2; NSS refuses both, OpenSSL 4 may take one for the other",
                mend="Issue it again with another serial number: random ones, as 'openssl ca -rand_serial' does.",
            )


def times_have_the_right_form(case: ChainCase) -> Iterator[Finding]:
    """UTCTime through 2049, GeneralizedTime from 2050 on: some small stacks read the year by the form alone."""
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
                + (", which is for 2050 and later" if early else ": small TLS stacks are seldom tried with one"),
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.5",
                mend="Issue it again with UTCTime."
                if early
                else "Let it end before 2050, or try it on one device first.",
                measured=f"{time.year}",
                limit=f"{LAST_YEAR_OF_UTC_TIME}",
            )


def strings_are_usual(case: ChainCase) -> Iterator[Finding]:
    """Names are written as PrintableString or UTF8String; the older types have no place in new certificates."""
    for certificate in case.used:
        for kind, value in attributes(raw_fields(certificate).subject):
            if value.tag in _USUAL_STRINGS or (value.tag == IA5_STRING and kind in _IA5_ATTRIBUTES):
                continue
            yield Finding(
                Severity.WARNING,
                "encoding.string_type",
                sentence="its subject holds a text of an outdated type (TeletexString, BMPString and the like)",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.4",
                mend="Issue it again with its name as UTF8String: openssl.cnf needs string_mask = utf8only.",
                measured=f"tag {value.tag}",
                limit=f"tag {UTF8_STRING} or {PRINTABLE_STRING}",
            )


def signature_algorithms_agree(case: ChainCase) -> Iterator[Finding]:
    """The signature's algorithm stands in the certificate twice, inside and outside of what is signed: it is one."""
    for certificate in case.parsed:
        fields = raw_fields(certificate)
        if fields.inner_algorithm != fields.outer_algorithm:
            yield Finding(
                Severity.ERROR,
                "encoding.signature_algorithm",
                sentence="the algorithm of its signature inside is not the one outside",
                certificate=about(certificate),
                source="RFC 5280 sections 4.1.1.2 and 4.1.2.3; OpenSSL, mbed TLS and Go refuse it",
                mend="Issue it again: whatever changed it after it was signed made it useless.",
                measured=fields.inner_algorithm.hex(),
                limit=fields.outer_algorithm.hex(),
            )


def names_are_not_empty(case: ChainCase) -> Iterator[Finding]:
    """A CA has a name, and so has the issuer of every certificate."""
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
                mend="Issue it again below a CA that has a name.",
            )


def attributes_have_their_length(case: ChainCase) -> Iterator[Finding]:
    """A country has two letters, a common name 64 characters at most, and so on."""
    for certificate in case.used:
        for attribute in certificate.subject:
            least, most = _LENGTHS.get(attribute.oid, (0, len(attribute.value)))
            if not least <= len(attribute.value) <= most:
                yield Finding(
                    Severity.WARNING,
                    "encoding.attribute_length",
                    sentence=f"{attribute.rfc4514_attribute_name} of its subject has {len(attribute.value)} characters",
                    certificate=about(certificate),
                    source="RFC 5280 section 4.1.2.6 and appendix A.1",
                    mend="Issue it again with a name that keeps to the limits; a country is two letters, such as US.",
                    measured=f"{len(attribute.value)} characters",
                    limit=f"{least} to {most} characters" if least != most else f"{most} characters",
                )


def no_unique_identifiers(case: ChainCase) -> Iterator[Finding]:
    """Unique identifiers of X.509 version 2 have no place in new certificates."""
    for certificate in case.parsed:
        if raw_fields(certificate).has_unique_identifier:
            yield Finding(
                Severity.ERROR,
                "encoding.unique_identifier",
                sentence="it has an issuer's or subject's unique identifier, which small TLS stacks do not read",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.8; mbed TLS 2.28 refuses it",
                mend="Issue it again without unique identifiers.",
            )
