"""Whether this host's clock can be right. Pure: nothing outside is asked for the time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from engage_server.services.installation.checkup import Check, Level

_DRIFT = timedelta(minutes=5)
_NEXT = "Set the clock, and let the system keep it: timedatectl set-ntp true."


def look_at_clock(
    now: datetime, newest: datetime | None, served: Sequence[tuple[str, x509.Certificate]]
) -> list[Check]:
    """Hold the clock against what was written down, and against the certificates that are served.

    Args:
        now: Aware.
        newest: When the newest thing happened that is written down; None for nothing.
        served: The server certificate of each site that serves one.
    """
    found: list[Check] = []
    if newest is not None and now < newest - _DRIFT:
        found.append(
            Check(
                "clock",
                Level.PROBLEM,
                f"this host's clock says {now:%Y-%m-%d %H:%M} UTC, but something happened at {newest:%Y-%m-%d %H:%M} "
                "already: the clock went back, or was ahead then",
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
        Check("clock", Level.OK, f"the clock says {now:%Y-%m-%d %H:%M} UTC, which fits to all that is known")
    ]
