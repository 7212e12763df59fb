"""Rules on the dates of certificates."""

from collections.abc import Iterator
from datetime import timedelta

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about


def is_valid_now(case: ChainCase) -> Iterator[Finding]:
    """Every certificate is valid now."""
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
                mend="Wait, or have it issued again with an earlier start. Check this machine's clock.",
            )


def ends_soon(case: ChainCase) -> Iterator[Finding]:
    """No certificate expires soon: devices call once a night, so a rotation needs time."""
    for certificate in case.used:
        left = certificate.not_valid_after_utc - case.at.now
        if timedelta(0) <= left < case.at.warn_within:
            yield Finding(
                Severity.WARNING,
                "validity.ends_soon",
                sentence=f"it expires on {certificate.not_valid_after_utc:%Y-%m-%d}, in {_days(left.days)}",
                certificate=about(certificate),
                source="our assumption: a rotation takes weeks if some devices are rarely in reach",
                mend="Build and stage its successor now.",
                measured=f"{left.days} days left",
                limit=f"{case.at.warn_within.days} days",
            )


def outlived_by_issuer(case: ChainCase) -> Iterator[Finding]:
    """No certificate is valid for longer than its issuer."""
    for certificate, issuer in case.issued_pairs:
        if certificate.not_valid_after_utc > issuer.not_valid_after_utc:
            yield Finding(
                Severity.WARNING,
                "validity.outlives_issuer",
                sentence=f"it is valid until {certificate.not_valid_after_utc:%Y-%m-%d}, but its issuer only until "
                f"{issuer.not_valid_after_utc:%Y-%m-%d}; devices refuse it after the earlier date",
                certificate=about(certificate),
                source="RFC 5280 section 6.1.3 (a) (2)",
                mend="Plan the rotation by the issuer's date, or renew the issuer first.",
            )


def tolerates_wrong_clocks(case: ChainCase) -> Iterator[Finding]:
    """The chain became valid long enough ago for devices whose clock is behind.

    The certificate with the latest start date decides, so there is one finding for the whole chain.
    """
    # of several that start together, max gives the first, which is nearest to the server
    last = max(case.path, key=lambda certificate: certificate.not_valid_before_utc)
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


def _days(count: int) -> str:
    return "less than a day" if count == 0 else "1 day" if count == 1 else f"{count} days"
