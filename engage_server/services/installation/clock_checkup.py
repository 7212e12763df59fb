"""Checks whether this host's clock can be right. Pure: no time server is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from engage_server.records import CLOCK_OFF_SECONDS
from engage_server.services.installation.checkup import Check, Level

_DRIFT = timedelta(minutes=5)
_KEEP = "timedatectl set-ntp true"
_NEXT = f"Set the clock, and let the system keep it: {_KEEP}."


def look_at_clock(
    now: datetime,
    newest: datetime | None,
    served: Sequence[tuple[str, x509.Certificate]],
    ahead_seconds: float = 0.0,
) -> list[Check]:
    """Compare the clock with the newest record, with the served certificates, and with the database's clock.

    Args:
        now: The time, timezone-aware.
        newest: The time of the newest record; None if there is none.
        served: The server certificate of each site that serves one.
        ahead_seconds: By how much this host's clock is ahead of the database's, at least.
    """
    found: list[Check] = []
    if abs(ahead_seconds) > CLOCK_OFF_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        found.append(
            Check(
                "clock",
                Level.WARNING,
                f"this host's clock is {abs(ahead_seconds):.1f} s {way} the database's: what devices do here gets the "
                "wrong time",
                f"Let a time service keep the clocks of this host and of the database: {_KEEP}.",
            )
        )
    if newest is not None and now < newest - _DRIFT:
        found.append(
            Check(
                "clock",
                Level.PROBLEM,
                f"this host's clock says {now:%Y-%m-%d %H:%M} UTC, but the newest record is from "
                f"{newest:%Y-%m-%d %H:%M}: the clock is behind, or it was ahead then",
                _NEXT,
            )
        )
    for site, certificate in served:
        if now < certificate.not_valid_before_utc:
            found.append(
                Check(
                    "clock",
                    Level.PROBLEM,
                    f"by this host's clock the server certificate of {site} is not valid before "
                    f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
                    _NEXT,
                )
            )
        elif now > certificate.not_valid_after_utc:
            found.append(
                Check(
                    "clock",
                    Level.PROBLEM,
                    f"by this host's clock the server certificate of {site} ended on "
                    f"{certificate.not_valid_after_utc:%Y-%m-%d}",
                    f"If the clock is right: engage rotate plan --site {site}. If not: set it.",
                )
            )
    return found or [
        Check("clock", Level.OK, f"the clock says {now:%Y-%m-%d %H:%M} UTC, which agrees with all records")
    ]
