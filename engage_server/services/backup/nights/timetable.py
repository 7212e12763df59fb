"""When the nightly backup is due, and when its absence is a fault. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo

TRY_AGAIN_AFTER = timedelta(hours=2)  # longer than a run. After that, another host or a later try has its turn
MOST_TRIES = 3  # of one night. A fault that stays is reported, and not tried all day
OVERDUE_AFTER = timedelta(hours=26)  # a day, and two hours for a run that is slow or is made up for


def last_due(now: datetime, at: time, zone: tzinfo | None) -> datetime:
    """Return the last time at which a backup was due.

    In a night in which the clock is put forward over that time, it is due as much later. In one in which the clock
    shows it twice, it is due the first time.

    Args:
        now: Aware.
        at: The local time of day.
        zone: The time zone. None: the zone of this machine.
    """
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        due = _instant(datetime.combine(day, at), zone)
        if due <= now:
            return due
    return _instant(datetime.combine(today - timedelta(days=2), at), zone)


def _instant(local: datetime, zone: tzinfo | None) -> datetime:
    """The moment of a local time, in UTC: Python calls two times unequal if one of them comes twice, or never."""
    with_zone = local.astimezone() if zone is None else local.replace(tzinfo=zone)
    return with_zone.astimezone(UTC)
