"""What "tonight" means: from now until the next noon at the site. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo

_NOON = time(12)


def end_of_night(now: datetime, zone: tzinfo) -> datetime:
    """The next noon in this zone, as UTC. At noon itself the next night begins.

    Args:
        now: The time, timezone-aware.
        zone: The time zone of the site.
    """
    here = now.astimezone(zone)
    noon = datetime.combine(here.date(), _NOON, tzinfo=zone)
    if noon.astimezone(UTC) <= now:
        noon = datetime.combine(here.date() + timedelta(days=1), _NOON, tzinfo=zone)
    return noon.astimezone(UTC)
