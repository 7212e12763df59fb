"""Dates."""

from collections.abc import Iterator
from datetime import timedelta

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about


def is_valid_now(case: ChainCase) -> Iterator[Finding]:
    """Every certificate has begun and has not ended."""
    for certificate in case.used:
        name = about(certificate)
        if case.at.now > certificate.not_valid_after_utc:
            yield Finding(
                Severity.ERROR,
                "validity.expired",
                sentence=f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
                certificate=name,
                source="RFC 5280 section 6.1.3 (a) (2)",
                mend="Build a new chain, or have the certificate issued again.",
            )
        if case.at.now < certificate.not_valid_before_utc:
            yield Finding(
                Severity.ERROR,
                "validity.not_yet",
                sentence=f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
                certificate=name,
                source="RFC 5280 section 6.1.3 (a) (2)",
                mend="Wait, or have it issued again with an earlier start; check this machine's clock.",
            )


def ends_soon(case: ChainCase) -> Iterator[Finding]:
    """A certificate that ends soon is told in time to plan for devices that call once a night."""
    for certificate in case.used:
        left = certificate.not_valid_after_utc - case.at.now
        if timedelta(0) <= left < case.at.warn_within:
            yield Finding(
                Severity.WARNING,
                "validity.ends_soon",
                sentence=f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}, in {left.days} days",
                certificate=about(certificate),
                source="our assumption: a rotation takes weeks where some devices are rarely in reach",
                mend="Build and stage its successor now.",
                measured=f"{left.days} days left",
                limit=f"{case.at.warn_within.days} days",
            )


def outlived_by_issuer(case: ChainCase) -> Iterator[Finding]:
    """No certificate lives longer than the one that vouches for it."""
    for certificate, issuer in case.issued_pairs:
        if certificate.not_valid_after_utc > issuer.not_valid_after_utc:
            yield Finding(
                Severity.WARNING,
                "validity.outlives_issuer",
                sentence=f"it lives until {certificate.not_valid_after_utc:%Y-%m-%d}, longer than its issuer "
                f"({issuer.not_valid_after_utc:%Y-%m-%d}): devices refuse it on the earlier day",
                certificate=about(certificate),
                source="RFC 5280 section 6.1.3 (a) (2)",
                mend="Plan the rotation by the issuer's date, or have the issuer issued again first.",
            )


def tolerates_wrong_clocks(case: ChainCase) -> Iterator[Finding]:
    """A chain that began just now is refused by devices whose clock is slow.

    It began with the certificate that begins last: that one decides, and it is told once.
    """
    last = max(case.path, key=lambda certificate: certificate.not_valid_before_utc)  # of several the server's
    begun = case.at.now - last.not_valid_before_utc
    if timedelta(0) <= begun < timedelta(hours=case.at.profile.clock_hours):
        yield Finding(
            Severity.WARNING,
            "validity.just_begun",
            sentence=f"it became valid {_ago(begun)}; a device whose clock is behind will refuse it",
            certificate=about(last),
            source="our assumption: a device's clock can be wrong by a day after a battery loss",
            mend="Wait a day before activating, or have it issued again with an earlier start.",
        )


def _ago(begun: timedelta) -> str:
    hours = int(begun.total_seconds() // 3600)
    if hours == 0:
        return "less than an hour ago"
    return "an hour ago" if hours == 1 else f"{hours} hours ago"
