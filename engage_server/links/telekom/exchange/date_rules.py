"""Rules on dates: valid now, for a while yet, and for three years at most."""

from collections.abc import Iterator
from datetime import timedelta

from engage_server.checks.finding import Finding
from engage_server.links.telekom.exchange.case import Case, label
from engage_server.links.telekom.exchange.codes import finding
from engage_server.links.telekom.exchange.sheet import OWN, THEIRS

_THREE_YEARS = timedelta(days=3 * 365 + 1)  # one of three years may be a leap year


def is_valid(case: Case) -> Iterator[Finding]:
    """Every certificate that counts is valid now, and for a while yet."""
    for each in case.current():
        begin, end = each.certificate.not_valid_before_utc, each.certificate.not_valid_after_utc
        about, left = label(each.sign, each.source), end - case.now
        if case.now > end:
            yield finding("expired", f"it expired on {end:%Y-%m-%d %H:%M} UTC", about)
        elif case.now < begin:
            yield finding("not_yet_valid", f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC", about)
        elif left < case.warn_within:
            yield finding(
                "ends_soon",
                f"it expires on {end:%Y-%m-%d}; days left: {left.days}",
                about,
                measured=f"{left.days} days left",
                limit=f"{case.warn_within.days} days",
            )


def lasts_three_years_at_most(case: Case) -> Iterator[Finding]:
    """Your certificates are valid for three years at most."""
    for each in case.current(OWN):
        lifetime = each.certificate.not_valid_after_utc - each.certificate.not_valid_before_utc
        if lifetime > _THREE_YEARS:
            yield finding(
                "too_long",
                f"it is valid for {lifetime.days} days; Telekom's own are valid for three years at most",
                label(each.sign, each.source),
                measured=f"{lifetime.days} days",
                limit=f"{_THREE_YEARS.days} days",
            )


def only_one_counts(case: Case) -> Iterator[Finding]:
    """An item has one certificate. Of several, the one that became valid last counts."""
    for sign in OWN + THEIRS:
        for former in case.certificates(sign)[1:]:
            yield finding(
                "former", f"{case.certificates(sign)[0].source} became valid later", label(sign, former.source)
            )
