"""What "tonight" means: from now until the next noon at the site. Pure."""

from datetime import datetime, timedelta, tzinfo

from engage_server.records.site import night_begins, night_of


def end_of_night(now: datetime, zone: tzinfo) -> datetime:
    """The next noon in this zone, as UTC. At noon itself the next night begins.

    Args:
        now: The time, timezone-aware.
        zone: The time zone of the site.
    """
    return night_begins(night_of(now, zone) + timedelta(days=1), zone)
