"""Weak or odd things that small TLS stacks choke on."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about
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

# what an embedded stack is known to read (mbed TLS, wolfSSL, BearSSL): others must not be critical
_KNOWN_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)


def version_is_3(case: ChainCase) -> Iterator[Finding]:
    """Only version 3 has the extensions that say what a certificate is for."""
    for certificate in case.path:
        if certificate.version is not x509.Version.v3:
            yield Finding(
                Severity.ERROR,
                "encoding.version",
                sentence="it is an X.509 version 1 certificate, without extensions",
                certificate=about(certificate),
                source="RFC 5280 section 4.1.2.1",
                mend="Issue it again with extensions: 'openssl x509 -req' needs -extfile.",
                measured=f"{certificate.version.name}",
                limit="v3",
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


def critical_extensions_are_known(case: ChainCase) -> Iterator[Finding]:
    """A device must refuse a certificate with a critical extension that it does not know."""
    for certificate in case.path:
        for each in certificate.extensions:
            if each.critical and not isinstance(each.value, _KNOWN_CRITICAL):
                yield Finding(
                    Severity.ERROR,
                    "encoding.critical_extension",
                    sentence=f"its extension {each.oid.dotted_string} is critical; embedded TLS stacks do not know it",
                    certificate=about(certificate),
                    source="RFC 5280 section 4.2",
                    mend="Issue it again without the extension, or with it not critical.",
                )


def times_have_the_right_form(case: ChainCase) -> Iterator[Finding]:
    """UTCTime through 2049, GeneralizedTime from 2050 on: some small stacks read the year by the form alone."""
    for certificate in case.path:
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
    for certificate in case.path:
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
