"""Dates."""

from collections.abc import Iterator
from datetime import timedelta

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.names import display_name

CLOCK_MARGIN = timedelta(days=1)  # our assumption of how wrong a device's clock is after a battery loss


def is_valid_now(case: ChainCase) -> Iterator[Finding]:
    """Every certificate has begun and has not ended."""
    for certificate in case.chain:
        name = display_name(certificate.subject)
        if case.now > certificate.not_valid_after_utc:
            yield Finding(
                Severity.ERROR,
                "validity.expired",
                f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
                name,
                "RFC 5280 section 6.1.3 (a) (2)",
                "Build a new chain, or have the certificate issued again.",
            )
        if case.now < certificate.not_valid_before_utc:
            yield Finding(
                Severity.ERROR,
                "validity.not_yet",
                f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
                name,
                "RFC 5280 section 6.1.3 (a) (2)",
                "Wait, or have it issued again with an earlier start; check this machine's clock.",
            )


def outlived_by_issuer(case: ChainCase) -> Iterator[Finding]:
    """No certificate lives longer than the one that vouches for it."""
    for certificate, issuer in case.issued_pairs:
        if certificate.not_valid_after_utc > issuer.not_valid_after_utc:
            yield Finding(
                Severity.WARNING,
                "validity.outlives_issuer",
                f"it lives until {certificate.not_valid_after_utc:%Y-%m-%d}, longer than its issuer "
                f"({issuer.not_valid_after_utc:%Y-%m-%d}): devices refuse it on the earlier day",
                display_name(certificate.subject),
                "RFC 5280 section 6.1.3 (a) (2)",
                "Plan the rotation by the issuer's date, or have the issuer issued again first.",
            )


def tolerates_wrong_clocks(case: ChainCase) -> Iterator[Finding]:
    """A certificate that began just now is refused by devices whose clock is slow."""
    for certificate in case.chain:
        begun = case.now - certificate.not_valid_before_utc
        if timedelta(0) <= begun < CLOCK_MARGIN:
            yield Finding(
                Severity.WARNING,
                "validity.just_begun",
                f"it has been valid for {begun.total_seconds() / 3600:.0f} h; devices with a slow clock refuse it",
                display_name(certificate.subject),
                "our assumption: a device's clock can be wrong by a day after a battery loss",
                "Wait a day before activating, or have it issued again with an earlier start.",
            )
